A=(0 3)
unset IFS
export SPACED="${A[*]}"
python3 -m sglang.launch_server
