# Sound up to line 8; one setting depends on a test, one comes from outside.
export SGLANG_USE_AITER=1
export SGLANG_USE_ROCM700A=${ROCM700A:-0}
if [ "$DP" = 1 ]; then
  export SGLANG_OPT_USE_TOPK_V2=true
fi
python3 -m sglang.launch_server --tp 8
if true; then
  echo 'never closed'
