# inputs: HOME=/home/ci
export M=~/models N="~/x" L=a:~/b O=x~
python3 -m sglang.launch_server --model-path ~/models --p=~/x "~" ~
