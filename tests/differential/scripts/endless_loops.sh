# inputs: FALLBACK=--fallback
# Loops that no test ends: what they start is known, and nothing stands behind them.
wait_for() {
  for i in $(seq 1 300); do
    if [ -f "$1" ]; then break; fi
    sleep 5
  done
}
sglang serve --port 30000 $FALLBACK &
wait_for ready
( while true; do nvidia-smi; [ -z "$HOME" ] && break; sleep 1; [ -z "$NEVER" ] && break; done ) &
n=0
while true; do
  n=$((n + 1))
  sglang serve --port $((30000 + n)) && true
  ((n >= 3)) && break
done
until [ -z "$HOME" ]; do
  sleep 60
  exit 3
done
sglang serve --never
