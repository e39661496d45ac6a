cat <<"E" | sed "s/__TP__/8/" > f.sh
sglang serve --tp __TP__
E
sglang serve --other
bash f.sh
