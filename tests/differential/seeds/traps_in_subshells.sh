( trap 'sglang serve --sub' EXIT; true )
x=$(trap 'echo end' EXIT; echo body)
sglang serve --x "$x"
trap 'sglang serve --err' ERR
false
f() { false; true; }
f
( false )
false || true
if false; then :; fi
y=$(false)
set -E
f
trap - ERR
false
trap 'sglang serve --exit' EXIT
