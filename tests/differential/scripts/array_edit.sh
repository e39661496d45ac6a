A=(a b "c d" e)
A[1]=B
A[6]=six
unset 'A[0]'
A+=(tail)
python3 -m sglang.launch_server "${A[@]}" "${#A[@]}" "${!A[@]}" "${A[@]:2:2}" "${A[@]/c/C}" "${A[@]#t}"
