source lib/common.sh
. ./lib/rocm.sh gfx950 "x y"
python3 -m sglang.launch_server --port "$DEFAULT_PORT"
source "$(dirname "$0")/lib/rocm.sh" gfx942 ""
python3 -m sglang.launch_server --dir "$(basename "$0")"
