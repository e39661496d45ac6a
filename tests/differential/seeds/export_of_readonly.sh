# inputs: 
# args: 
# A name that cannot be set keeps `export` from none of the others.
readonly C
A=0
export C=0 A=0
sglang serve
declare -x C=1 B=2
sglang serve "$A" "$B"
