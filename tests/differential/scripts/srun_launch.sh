export A=1
srun -N 1 --ntasks=1 -w node1 --container-image=/x.sqsh python3 -m sglang.launch_server --tp 8
srun --export=ALL,B=2 -n1 bash -c 'python3 -m sglang.launch_server --b "$B"'
srun --nodes=2 --ntasks-per-node=1 sglang serve --nnodes 2 &
wait
