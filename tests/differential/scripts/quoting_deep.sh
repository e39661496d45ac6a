INNER='a "b" $c'
OUTER="x '$INNER' y"
bash -c "python3 -m sglang.launch_server --o '$INNER'"
bash -c 'python3 -m sglang.launch_server --v "$1"' _ "$OUTER"
eval "python3 -m sglang.launch_server $(printf '%q ' "$OUTER" 'z;z')"
