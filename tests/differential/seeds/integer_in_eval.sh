# A wrong subscript or integer drops the line of the script, not just that of what eval runs.
declare -i I
for B in 1 +; do
    eval 'I=${B}'
    sglang serve "$I"
done
eval 'x[1+]=3
sglang serve never'; sglang serve never
eval ': $((1+))
sglang serve 2'; sglang serve 3
declare -ia L=(1+1 2)
L+=(010)
declare -u U=(a b)
sglang serve "${L[@]}" "${U[@]}"
