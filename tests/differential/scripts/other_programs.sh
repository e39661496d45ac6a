export A=1
vllm serve /m --tensor-parallel-size 8
python3 -c 'import sglang; print("python3 -m sglang.launch_server")'
python3 -m sglang.bench_serving --backend sglang --port 1
ray start --head
echo python3 -m sglang.launch_server --no
python3 -m sglang.launch_server --real
sbatch job.sh
