python3 -m sglang.launch_server --model-path m --trust-remote-code --page-size 256 --enable-prefill-cp
