# inputs: ROLE=decode
# args: 10.0.0.1 10.0.0.2
PREFILL=$1 DECODE=$2
common=(--model-path m --tp 8 --trust-remote-code)
case "$ROLE" in
  prefill) python3 -m sglang.launch_server "${common[@]}" --disaggregation-mode prefill ;;
  decode) python3 -m sglang.launch_server "${common[@]}" --disaggregation-mode decode ;;
esac
if [ "$ROLE" != router ]; then
  python3 -m sglang_router.launch_router --pd-disaggregation \
    --prefill "http://$PREFILL:30000" 8998 --decode "http://$DECODE:30000"
fi
