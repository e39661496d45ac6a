#!/bin/bash
# args: --model-path /m/v4 --dtype fp4 --no-graph -- --extra 1
usage() {
  cat <<EOF
Usage: $0 [--model-path P] [--dtype fp4|fp8]
EOF
  exit "${1:-0}"
}
MODEL_PATH= DTYPE=fp8 GRAPH=1
PASS=()
while (( $# )); do
  case "$1" in
    -h|--help) usage ;;
    --model-path) MODEL_PATH=${2:?needs a path}; shift 2 ;;
    --dtype) DTYPE=$2; shift 2 ;;
    --no-graph) GRAPH=0; shift ;;
    --) shift; PASS=("$@"); break ;;
    *) echo "unknown option: $1" >&2; usage 1 ;;
  esac
done
[[ -z $MODEL_PATH ]] && usage 1
if [[ $DTYPE == fp4 ]]; then
  export SGLANG_DSV4_FP4_EXPERTS=1
elif [[ $DTYPE == fp8 ]]; then
  export SGLANG_DSV4_FP4_EXPERTS=0
else
  echo "bad dtype $DTYPE"; exit 1
fi
[[ $GRAPH -eq 0 ]] && PASS+=(--disable-cuda-graph)
python3 -m sglang.launch_server --model-path "$MODEL_PATH" "${PASS[@]}"
