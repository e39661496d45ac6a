time TP=8
time -p DP=2 EP=3
time export SGLANG_A="$TP x"
time A=1 sglang serve --tp "$TP" --dp "$DP" --ep "$EP"
