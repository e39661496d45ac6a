python3 -m sglang.launch_server -=${A+{a.}{1,2}} '0'
