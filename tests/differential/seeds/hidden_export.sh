# inputs: B=out
# A local variable that isn't exported doesn't hide the exported one from commands.
export B=outer
f() {
    local -x B=l
    export -n B
    sglang serve in "$B"
}
f
sglang serve out "$B"
for I in 1 2; do
    sglang serve "a$I"
    for J in x y; do
        sglang serve "$I$J"
        [ -z "$C" ] && break
    done
done
