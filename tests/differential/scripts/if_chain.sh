# inputs: GPU=mi355x
if [ "$GPU" = mi300x ]; then
  TP=8
elif [ "$GPU" = mi355x ]; then
  TP=4
  export SGLANG_FP4=1
else
  TP=1
fi
if false; then exit 1; fi
if true && ! false; then export OK=1; fi
python3 -m sglang.launch_server --tp $TP
