# args: --tp 8 model "last one"
TP_FLAG=$1
shift
TP=$1; shift
python3 -m sglang.launch_server "$TP_FLAG" "$TP" "$#" "$@" "$*" "$1" "$2" "$3"
set -- new "$@" end
shift 2
python3 -m sglang.launch_server "$@"
set --
python3 -m sglang.launch_server "$@" "$#" "${1:-none}"
