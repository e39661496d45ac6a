set -u
python3 -m sglang.launch_server "${MAYBE:-fine}"
python3 -m sglang.launch_server "$NEVER_SET"
python3 -m sglang.launch_server --never
