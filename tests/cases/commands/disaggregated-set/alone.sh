python3 -m sglang.launch_server --model-path m --tp 8 &
python3 -m sglang_router launch --worker-urls http://a:30000
