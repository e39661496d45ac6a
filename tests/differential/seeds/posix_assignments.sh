set -o posix
SGLANG_X=1 :
sglang serve --x "${SGLANG_X-unset}"
SGLANG_Y=2 export SGLANG_Z=3
SGLANG_W=1 eval 'sglang serve'
SGLANG_V=1 true
set +o posix
SGLANG_U=1 :
sglang serve --y "$SGLANG_Y"
