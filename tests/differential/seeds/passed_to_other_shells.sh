# inputs: B=out IN2='x	y'
# What another shell gets: exported variables without their attributes, arguments by their words.
C=plain
B=mine
bash -c 'sglang serve "${B-unset}" "${C-unset}" "${IN1-unset}"'
bash -c 'sglang serve "$0" "$1" "$#"' ${IN2:=a} z
IN1=${IN1:-default}
bash -c 'sglang serve "${IN1-unset}"'
set -- $*'' z
sglang serve "$1" $#
sglang serve "${!M[@]}"
bash -c 'export C; env sglang serve'
