export A=1
mpirun -np 2 --allow-run-as-root -x A -x B=2 python3 -m sglang.launch_server --nnodes 2
