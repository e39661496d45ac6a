no_such_program
export S=$?
python3 -m sglang.launch_server
