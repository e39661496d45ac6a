# inputs: DP_ATTENTION=true
TP=8
DP=$([ "$DP_ATTENTION" = true ] && echo $TP || echo 1)
FLAG=$([[ $DP_ATTENTION == true ]] && echo --enable-dp-attention)
python3 -m sglang.launch_server --tp $TP --dp $DP $FLAG
