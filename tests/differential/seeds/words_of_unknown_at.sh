# args: a "b c"
set -- "$@" "three 3"
python3 -m sglang.launch_server x"$@"y
