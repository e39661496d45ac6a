SPEC='{"method": "mtp", "n": 3}'
TEXT="{\"a\": \"$HOME\"}"
python3 -m sglang.launch_server --model-loader-extra-config '{"enable_multithread_load": true, "num_threads": 64}' \
  --speculative "$SPEC" --text "$TEXT" --mixed '{"p": '"$SPEC"'}' \
  --override-args "{\"x\":[1,2]}"
