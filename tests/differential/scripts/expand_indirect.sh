NAME=TARGET
TARGET="to it"
ARR=(x y)
R='ARR[1]'
PRE_A=1 PRE_B=2
python3 -m sglang.launch_server "${!NAME}" "${!R}" "${!PRE_@}" "${!NOPE:-none}"
declare -n REF=TARGET
REF=changed
export TARGET
python3 -m sglang.launch_server "$REF" "$TARGET"
