# order: any
f() {
python3 -m sglang.launch_server "$@" &
}
f a b
f c
wait
