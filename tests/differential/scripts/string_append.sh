CMD="--tp 8"
CMD+=" --dp 8"
N=1
N+=2
declare -i M=1
M+=2
export N M
python3 -m sglang.launch_server $CMD
