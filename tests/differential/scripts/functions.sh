add() {
  ARGS+=("$@")
}
function named { RESULT="$1-$2-$#-$*"; return 3; }
outer() { inner "$1" x; }
inner() { export FROM_INNER="$1$2"; }
add --tp 8
add "--name" "a b"
named one "two three" && R=ok || R=$?
outer hello
launch() {
  local model=$1; shift
  python3 -m sglang.launch_server --model-path "$model" "$@"
}
launch /m/a "${ARGS[@]}" "$RESULT" "$R"
launch /m/b
