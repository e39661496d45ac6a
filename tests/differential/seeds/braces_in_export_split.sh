# args: 'x	y'
# Where braces expand, `export A=…` is two words, split like any other.
export A=--x{1,2}$* B={3,4}
declare -x C+=z{a,b}
sglang serve
