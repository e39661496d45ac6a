exec 3<<< "8 4"
read -r -u 3 TP DP
time { EP=2; }
if true; then N=$(echo 1) 2>/dev/null; fi
sglang serve --tp "$TP" --dp "$DP" --ep "$EP" --n "$N" --stop {1..} {..3} {1..x..}
