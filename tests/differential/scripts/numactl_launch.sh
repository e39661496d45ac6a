numactl --cpunodebind=0 --membind=0 python3 -m sglang.launch_server --numa 0
numactl -N 1 -m 1 sglang serve --numa 1
taskset -c 0-7 python3 -m sglang.launch_server --taskset
taskset 0xff nice -n 5 python3 -m sglang.launch_server --nice
