shopt -s expand_aliases
alias launch='python3 -m sglang.launch_server --model m' ll='launch --x'
launch --tp 8 && echo ok
A=1 launch --tp 4 > log
ll --y
\launch --no || true
'launch' --no || true
alias quoted="sglang serve --tp $(echo 8)"
quoted --z "$(echo a b)"
f() { launch --in-f; }
f
unalias launch
launch --none
