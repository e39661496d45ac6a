export A="é ü 模型" B='…'
L=${#A}
python3 -m sglang.launch_server "$A" "${A:0:1}" "$L" "${A^^}" "–dash"
