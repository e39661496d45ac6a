cd -- "${0%/*}" || exit 1
source ./common.env
sglang serve --tp $TP
