# args: --model /m/x --tp=4 -d --extra "a b" -- rest
MODEL=default TP=8 DP=
while [[ $# -gt 0 ]]; do
  case "$1" in
    --model) MODEL="$2"; shift 2 ;;
    --tp=*) TP="${1#*=}"; shift ;;
    -d|--dp) DP=1; shift ;;
    --extra) EXTRA+=("$2"); shift 2 ;;
    --) shift; break ;;
    *) echo "unknown $1" >&2; exit 2 ;;
  esac
done
python3 -m sglang.launch_server --model-path "$MODEL" --tp "$TP" ${DP:+--enable-dp-attention} "${EXTRA[@]}" "$@"
