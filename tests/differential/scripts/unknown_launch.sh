# inputs: ROLE=prefill
if [ "$ROLE" = prefill ]; then
  export R=p
  python3 -m sglang.launch_server --disaggregation-mode prefill
elif [ "$ROLE" = decode ]; then
  python3 -m sglang.launch_server --disaggregation-mode decode
fi
python3 -m sglang.launch_server --always
