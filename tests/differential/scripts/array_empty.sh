EXTRA=()
set -u
python3 -m sglang.launch_server "${EXTRA[@]}" a "${EXTRA[*]}" b ${EXTRA[@]+"${EXTRA[@]}"} c
