exec 4<run.sh 5<<H
8 4
16
H
read -r -u 5 TP DP
read -r EP <&5
sglang serve --tp "$TP" --dp "$DP" --ep "$EP"
exec <<H
one
two
H
read -r A
read -r B
sglang serve --a "$A" --b "$B"
{ read -r C; read -r D; } <<H
three
four
H
sglang serve --c "$C" --d "$D"
