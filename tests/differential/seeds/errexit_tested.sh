set -e
f() { false; sglang serve --in-f; }
f || sglang serve --or
if f; then sglang serve --then; fi
! f
x=$(false; echo ok) || true
sglang serve --x "$x"
shopt -s inherit_errexit
y=$(false; echo ok) || true
z=$(false; echo ok; true) || z=failed
sglang serve --y "$y" --z "$z"
w=$(f2() { false; echo in; }; f2) || true
sglang serve --w "$w"
local_fail() { local v=$(false; echo q); sglang serve --v "$v"; }
local_fail
f
sglang serve --never
