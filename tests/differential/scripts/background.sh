# order: any
export A=1
python3 -m sglang.launch_server --one > one.log 2>&1 &
PID1=$!
A=2
python3 -m sglang.launch_server --two "$A" &> two.log &
PIDS="$PID1 $!"
wait $PIDS
{ export C=3; python3 -m sglang.launch_server --three; } &
wait
python3 -m sglang.launch_server --c "${C:-unset}"
