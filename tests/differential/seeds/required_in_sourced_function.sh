source lib/common.sh
check_env_vars TP
python3 -m sglang.launch_server
