# "$@$e" is no word where both are empty; "${e:-$@}" is one.
e=
set --
sglang serve "$@$e" x
sglang serve "${M[@]:1}${M[-1]}" "$@"'' x
sglang serve "${e:-$@}" "${!M[*]}" "${!M[@]}" x
M=()
sglang serve "$e${M[@]#a}" "${M[@]+$e}" "$*$e" x
