# Options that a loop sets aren't arguments: it runs without any.
B='*b'
A=x
for C in one $B; do
  set -f; A=--$A; set +f
done
export A
sglang serve
