set -a
A=1
B="two words"
set +a
C=3
set -o allexport
D=4
set +o allexport
A=5
python3 -m sglang.launch_server
