f() { return 3; }
f && R=ok || R=$?
python3 -m sglang.launch_server "$R"
