# inputs: MODEL=/models/DeepSeek-V4 NAME=TP TP=2
python3 -m sglang.launch_server "${MODEL##*/}" "${MODEL,,}" "${MODEL/V4/V3}" "${#MODEL}" "${MODEL:0:3}" "${!NAME}" ${MODEL}
