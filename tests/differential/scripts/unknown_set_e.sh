# inputs: A=1
set -e
[ "$A" = 1 ]
export PASSED=1
python3 -m sglang.launch_server --x
