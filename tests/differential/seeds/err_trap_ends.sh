set -e
trap 'echo failed; sglang serve --tp 4' ERR
trap 'sglang serve --tp 1' EXIT
sglang serve --tp 8
false
sglang serve --never
