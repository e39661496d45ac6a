# inputs: MODEL=/m
source lib/common.sh
check_env_vars MODEL TP
python3 -m sglang.launch_server --model-path "$MODEL" --tp "$TP"
