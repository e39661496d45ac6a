# inputs: A=a
# The first B counts on neither way.
N=1
n1=0
while ((n1 < 2)); do
  n1=$((n1 + 1))
  [ ! -n "$IN1" ] && break
  A='1?'
done
B=-q B=${A/"$B"/x} sglang serve
