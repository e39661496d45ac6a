# A loop over words leaves $? alone, but for one over none.
false
for x in 1 2; do
  sglang serve $?
done
false
for x in $UNSET; do :; done
sglang serve $?
false
for ((i = 0; i < 1; i++)); do sglang serve $?; done
