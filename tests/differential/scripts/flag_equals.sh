V="x y"
python3 -m sglang.launch_server --model-path=/m/x --tp=8 --name="$V" --json='{"k":"v"}' --empty= -x=1 --a=b=c
