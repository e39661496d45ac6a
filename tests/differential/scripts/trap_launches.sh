export A=1
trap 'python3 -m sglang.launch_server --from-trap "$A"' EXIT
A=2
python3 -m sglang.launch_server --first
exit 0
