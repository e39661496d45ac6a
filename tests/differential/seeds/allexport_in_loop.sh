# inputs: B=a
for A in $B "$B"; do
  set -a; C={x}${A}; set +a
  [ "$A" == a ] && break
done
sglang serve
