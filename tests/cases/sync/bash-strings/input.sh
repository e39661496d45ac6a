docker run --rm -e SGLANG_USE_AITER=0 \
  -e "SGLANG_USE_ROCM700A=0" \
  img bash -c "export SGLANG_OPT_USE_TOPK_V2=true; python3 -m sglang.launch_server --model-path m --tp 4 --page-size 128"
