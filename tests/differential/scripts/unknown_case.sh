# inputs: GPU_KIND=b
case "$GPU_KIND" in
  a) export K=1; ARGS=(--a 1) ;;
  b) export K=2; ARGS=(--b 2) ;;
  *) echo "bad"; exit 1 ;;
esac
python3 -m sglang.launch_server "${ARGS[@]}" --tail
