export A=${TP:-8}
python3 -m sglang.launch_server --tp "${TP:-8}" --model-path "$MODEL" --path "x:${P:-}" $EXTRA
