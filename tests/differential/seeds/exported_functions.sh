f() { sglang serve --tp "$1"; }
g() { sglang serve --g; }
export -f f
declare -fx g
bash -euo pipefail -c 'f 8; g; false; f 9'
export -fn g
bash -o errexit -O extglob -c 'f 1; g' || true
