K=2
((K += -(L[0] + 1)))
export K
python3 -m sglang.launch_server
