SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if [ -f "$SCRIPT_DIR/lib/common.sh" ]; then
  source "$SCRIPT_DIR/lib/common.sh"
fi
[ -f ./no-such-file.sh ] && . ./no-such-file.sh
python3 -m sglang.launch_server --port "${DEFAULT_PORT:-1}"
