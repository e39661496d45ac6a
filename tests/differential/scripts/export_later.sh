# inputs: OUTSIDE=here
A=1
export A
B=2
A=3
export -n OUTSIDE
export C
C=now
export D
export B=4 -p >/dev/null
python3 -m sglang.launch_server --a "$A" --b "$B"
