python3 -m sglang.launch_server --tp 8 2>&1 | tee server.log
echo piped | python3 -m sglang.launch_server --stdin |& cat
A=before
echo x | A=inside
echo y | read -r A
yes | head -1 | while read -r l; do B=$l; done
set -o pipefail
python3 -m sglang.launch_server --a "$A" --b "${B:-lost}" | cat | tee -a server.log > /dev/null
