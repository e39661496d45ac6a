# inputs: A=1
[ "$A" = 1 ] && B=yes || B=no
[ -n "$Q" ] || Q=default
export Q
python3 -m sglang.launch_server --b "$B" --q "$Q"
