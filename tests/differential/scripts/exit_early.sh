export A=1
python3 -m sglang.launch_server --first
if [ -z "$NOT_THERE" ]; then
  exit 0
fi
python3 -m sglang.launch_server --never
