# break and continue count loops of this function and shell; return needs a function or source.
break
sglang serve 1 "$?"
return
sglang serve 2 "$?"
f() {
    break
    sglang serve f "$1"
}
for i in a b; do f "$i"; done
for i in a b; do
    (break; sglang serve sub "$i")
    : $(continue; sglang serve piped)
    sglang serve after "$i"
done
for i in a b; do
    for j in x y; do break 5; done
    sglang serve never
done
for i in a b; do
    break 0
    sglang serve never
done
sglang serve 3 "$?"
for i in a b; do break x; done
sglang serve never
