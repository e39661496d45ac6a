ARGS="--tp 8"; n=0
while ! python3 -m sglang.launch_server $ARGS; do
  n=$((n+1)); [ $n -ge 3 ] && exit 1
  ARGS="--tp 4 --mem-fraction-static 0.7"; sleep 5
done
