# inputs: B=out
# A loop that may make a name readonly or an integer, or let it out of the function.
for I in $B; do readonly C; declare -u D; done
C=- D=a sglang serve "$C" "$D"
D=b
C=x
sglang serve "$C" "$D"
f() { for I in $B; do export A; done; }
A=t f
sglang serve
