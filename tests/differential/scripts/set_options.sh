set -euxo pipefail
set +x
export A=1
shopt -s nullglob
python3 -m sglang.launch_server no-such-file-*.x end
shopt -u nullglob
python3 -m sglang.launch_server no-such-file-*.x [x] what? end
set -f
python3 -m sglang.launch_server * a*
