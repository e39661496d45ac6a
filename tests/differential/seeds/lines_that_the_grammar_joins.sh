# inputs:
# args:
N=1 K=2
L='[0"'
N=$((L*0))
sglang serve --x "$N"
A=1 B=2
C=3
N=$((L*0)); sglang serve --lost
sglang serve --y "$C"
