cd /somewhere
source ./common.env
sglang serve --tp $TP
