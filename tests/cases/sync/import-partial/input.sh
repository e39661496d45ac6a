PARSER=deepseekv4x
echo "$PARSER"
for name in SGLANG_USE_AITER SGLANG_USE_ROCM700A; do
  export $name=0
done
if [ -n "$FAST" ]; then
  export SGLANG_OPT_USE_TOPK_V2=true
else
  export SGLANG_OPT_USE_TOPK_V2=false
fi
export SGLANG_HACK_FLASHMLA_BACKEND="$(cat backend)"
export SGLANG_DSV4_REASONING_EFFORT=${LEVEL}x
python3 -m sglang.launch_server --tp $((2 * 2)) --tool-call-parser $PARSER
