declare -x A=1 B="b b"
declare C=2
declare -rx D=4
readonly E=5
export E
typeset -x F=6
declare -i G=3+4
export G
declare -u H=upper
declare -l I=LOWER
export H I
declare +x A
python3 -m sglang.launch_server --c "$C"
