docker exec -e A=1 -w /work ci_sglang bash -c 'cd /work && python3 -m sglang.launch_server --x "$A"'
docker exec ci_sglang pip install foo
docker exec -d -u root ci_sglang sglang serve --port 1
