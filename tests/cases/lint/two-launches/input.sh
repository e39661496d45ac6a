# sglang: 0.5.16
export SGLANG_USE_AITER=0
python3 -m sglang.launch_server --model-path A --api-key "$API_KEY"
export SGLANG_USE_AITER=1
if [[ "$FAST" == 1 ]]; then
  export SGLANG_OPT_USE_TOPK_V2=maybe
fi
ARGS=(--model-path B --tp-size $TP)
python3 -m sglang.launch_server "${ARGS[@]}" $EXTRA
