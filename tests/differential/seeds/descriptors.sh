pick() { echo probing >&2; echo 8; }
out() { echo 8 >/dev/stdout; echo no >/dev/stderr; echo 9 >&1; }
third() { echo chatter; echo 8 >&3; }
sglang serve --a "$(pick 2>&1)" --b "$(out)" --c "$(third 3>&1 >/dev/null)"
L=$({ echo a; echo b >&2; } |& cat)
M=$({ echo a; echo b >&2; } 2>&1 >/dev/null)
N=$(exec 2>&1; echo c >&2; { echo d >&2; } 2>/dev/null)
O=$(pick > >(cat) 2>/dev/null)
sglang serve --l "$L" --m "$M" --n "$N"
Q=$(R=$(echo x >&3; echo y) 3>&1; echo "$R")
exec 3>&1
P=$(echo inner; echo outer >&3)
S=$( (echo sub >&2) 2>&1; f() { echo f; } >&2; f; f 2>&1 )
sglang serve --p "$P" --s "$S"
T=$( { U=$(echo u >&4; echo v); } 4>&1; echo "$U")
V=$(echo late & wait)
sglang serve --v "$V" --t "$T"
