export ROLE=prefill
python3 -m sglang.launch_server --port 1 &
export ROLE=decode
nohup python3 -m sglang.launch_server --port 2 &
