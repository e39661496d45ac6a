ARGS=(--model-path /models/dsv4 --tp 8)
ARGS+=(--json '{"a": [1, 2]}')
ARGS+=("--name=with space" "" last)
python3 -m sglang.launch_server "${ARGS[@]}" "${#ARGS[@]}" "${ARGS[1]}" "${ARGS[*]}" ${ARGS[-1]}
