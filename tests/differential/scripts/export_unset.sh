export A=1 B=2 C=3
unset A
unset -v B
B=5
export -n C
python3 -m sglang.launch_server --c "$C" --a "${A-gone}"
