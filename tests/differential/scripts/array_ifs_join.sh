A=(0 1 2 3)
IFS=,
export HIP_VISIBLE_DEVICES="${A[*]}"
unset IFS
export SPACED="${A[*]}"
python3 -m sglang.launch_server ${A[*]} "${A[*]}"
