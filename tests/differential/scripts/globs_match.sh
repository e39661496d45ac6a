mkdir -p d
touch d/b.json d/a.json
python3 -m sglang.launch_server d/*.json "d/*.json" d/z* d/[ab].json
