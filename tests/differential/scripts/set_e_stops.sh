set -e
export A=1
python3 -m sglang.launch_server --first
if false; then :; fi
false || true
! true
false && true
f() { false; export IN_F=1; }
f || export OR_F=1
python3 -m sglang.launch_server --second
false
python3 -m sglang.launch_server --never
