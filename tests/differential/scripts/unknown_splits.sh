# inputs: FLAGS="a b c"
A=($FLAGS)
python3 -m sglang.launch_server "${#A[@]}" "${A[0]}" $FLAGS end "$FLAGS" pre$FLAGS
