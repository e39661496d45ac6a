export OMP_NUM_THREADS=1
torchrun --nproc_per_node=8 --nnodes 1 -m sglang.launch_server --model-path /m
