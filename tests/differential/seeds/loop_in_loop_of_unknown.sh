# Both rounds of the outer loop launch, whatever the inner one does.
n=0
while ((n < 2)); do
  n=$((n + 1))
  sglang serve --outer
  for A in $B last; do
    D=1 sglang serve --inner
    ((n > 0)) && break
  done
done
sglang serve
