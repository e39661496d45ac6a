set -e
export TP=4
cd "$(dirname "$0")"
set -a
source ./common.env
set +a
sglang serve --tp $TP
