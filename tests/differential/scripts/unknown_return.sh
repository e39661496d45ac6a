# inputs: SKIP=1
f() {
  if [ -n "$SKIP" ]; then return; fi
  export NOT_SKIPPED=1
}
f
export ALWAYS=1
[ "$SKIP" = 2 ] && exit 1
python3 -m sglang.launch_server --x
