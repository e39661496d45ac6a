cd "$(dirname "$(readlink -f "$0")")/.."
cd run
source ./common.env
sglang serve --tp $TP
