# inputs: B=outside
# Assignments before a command that fails in one of them are none of them made.
N=0
B=--x C=$((1 % N)) command sglang serve --never
f() { sglang serve --never; }
B=--y C=$((1 % N)) f
export C
sglang serve
