{ true; } | python3 -m sglang.launch_server "${IN1:0:1}"
