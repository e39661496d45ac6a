declare -A SET=([A]=1)
FLAGS=()
for name in "${!SET[@]}"; do FLAGS+=(-e "$name=${SET[$name]}"); done
docker run "${FLAGS[@]}" -e B=1 --env-file common.env image python3 -m sglang.launch_server --tp 4
docker run -e B=1 --env-file common.env -e "$MORE" -e C=5 image python3 -m sglang.launch_server --tp 4
docker run --env-file refused.env image python3 -m sglang.launch_server --tp 4
env A=1 "$MORE" B=1 python3 -m sglang.launch_server --tp 4
