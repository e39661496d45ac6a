# inputs: HF_TOKEN=tok
docker run --rm --env-file lib/server.env -e EXTRA=1 img python3 -m sglang.launch_server --tp 8
