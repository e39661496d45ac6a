# A loop over a readonly name fails, which ends the script under set -e.
readonly C
for C in a b; do sglang serve never; done
sglang serve "$?"
set -e
for C in a b; do sglang serve never; done
sglang serve never
