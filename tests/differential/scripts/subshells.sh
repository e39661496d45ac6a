A=1
export B=1
(A=2; export B=2 C=3; python3 -m sglang.launch_server --a $A)
python3 -m sglang.launch_server --a $A --c "${C-none}"
( cd /usr && exec python3 -m sglang.launch_server --exec )
X=$(A=9; echo "$A")
{ A=group; }
python3 -m sglang.launch_server --x "$X" --a "$A"
(exit 3) || python3 -m sglang.launch_server --status $?
