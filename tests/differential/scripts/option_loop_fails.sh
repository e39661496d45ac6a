# args: --bogus
while [ $# -gt 0 ]; do
  case $1 in
    --tp) TP=$2; shift 2 ;;
    *) echo "Usage: $0 [--tp N]"; exit 1 ;;
  esac
done
python3 -m sglang.launch_server --tp "${TP:-8}"
