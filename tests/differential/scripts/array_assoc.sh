declare -A TP=([flash]=4 [pro]=8)
TP[max]=16
KIND=pro
python3 -m sglang.launch_server --tp "${TP[$KIND]}" --max "${TP[max]}" --n "${#TP[@]}" --no "${TP[none]:-0}"
if [[ -v TP[flash] ]]; then sglang serve --flash "${TP["flash"]}"; fi
