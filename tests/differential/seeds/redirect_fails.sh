load() { TP=4; }
load < /no/such/file || TP=8
if { DP=2; } < /no/such/file; then EP=1; else EP=2; fi
sglang serve --tp "$TP" --dp "${DP-none}" --ep "$EP"
