export SGLANG_USE_AITER=0
serve() {
  python3 -m sglang.launch_server --tp "$1" --page-size 128
}
SGLANG_USE_ROCM700A=0 python3 -m sglang.launch_server \
  --tp 4 --page-size 64 &
serve 4
