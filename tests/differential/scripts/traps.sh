cleanup() {
  kill $SERVER_PID 2>/dev/null
  export CLEANED=1
}
trap cleanup EXIT
trap 'echo interrupted' INT TERM
python3 -m sglang.launch_server --x > log 2>&1 &
SERVER_PID=$!
wait $SERVER_PID
