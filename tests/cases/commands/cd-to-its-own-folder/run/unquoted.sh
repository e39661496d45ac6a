cd $(dirname $0)
. ./common.env
sglang serve --tp $TP
