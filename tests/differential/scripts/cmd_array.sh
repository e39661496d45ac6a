CMD=(python3 -m sglang.launch_server --model-path "/m/with space")
CMD+=(--tp 8)
"${CMD[@]}" --port 1
nohup "${CMD[@]}" --port 2 > x.log 2>&1 &
wait
echo "${CMD[@]}"
