# args: model --x "y z"
MODEL=$1; shift
python3 -m sglang.launch_server --model-path "$MODEL" "$@"
