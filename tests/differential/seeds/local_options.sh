f() { local -; set -fu; set -o posix; }
f
sglang serve --o "$-" "${UNSET_X}"
g() { local - A=1; set -e; false || true; sglang serve --a "$A"; }
g
false
sglang serve --end
