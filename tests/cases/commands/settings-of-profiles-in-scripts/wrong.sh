eval "$(dsv4-env export pro-fp5 -f bash || echo exit 1)"
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
