# inputs: POLICY=cache_aware
export SGLANG_USE_AITER=1
ROUTER=(python3 -m sglang_router.launch_router --policy "$POLICY")
ROUTER+=(--worker-urls http://a:30000 http://b:30000)
"${ROUTER[@]}" --port 8000
CMD="python -m sglang_router.launch_router \
  --pd-disaggregation --prefill http://p:30000 8998"
eval "$CMD --decode http://d:30000"
numactl -N 0 smg launch --worker-urls http://a
env RUST_LOG=info amg server --model-path m --dp-size 2 --router-policy random
sgl-router --config router.yaml
python3 -m sglang_router.launch_server --model-path m --tp 4
run() { "$@"; }
run smg launch --policy random
bash -c 'smg launch --port "$1"' _ 9000
which smg && smg --help
echo smg launch --worker-urls http://never
