LINE="--tp 8   --dp 2"
A=($LINE)
read -r -a B <<< "$LINE"
mapfile -t C <<< $'one\ntwo words\n'
python3 -m sglang.launch_server "${A[@]}" "${#B[@]}" "${B[@]}" "${C[@]}"
