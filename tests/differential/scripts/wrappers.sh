nohup python3 -m sglang.launch_server --nohup > server.log 2>&1 &
wait
setsid python3 -m sglang.launch_server --setsid
timeout 3600 python3 -m sglang.launch_server --timeout
timeout -k 5 --signal=TERM 10m python3 -m sglang.launch_server --timeout2
stdbuf -oL -eL python3 -m sglang.launch_server --stdbuf
time python3 -m sglang.launch_server --time
command python3 -m sglang.launch_server --command
nohup setsid timeout 60 env Q=1 python3 -m sglang.launch_server --all
