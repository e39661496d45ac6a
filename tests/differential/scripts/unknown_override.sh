# inputs: FAST=1
export MODE=slow
if [ "$FAST" = 1 ]; then
  export MODE=fast
  unset SLOWDOWN
fi
export SLOWDOWN=${SLOWDOWN:-0}
if [ "$OTHER" = 1 ]; then export MODE=other; fi
python3 -m sglang.launch_server --mode "$MODE"
