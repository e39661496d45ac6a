echo 'sglang serve --tp ${TP:-8}' > a.sh
bash a.sh
cp a.sh b.sh
TP=4 bash b.sh
