A=(5 6)
((B = A["1"] + "1"))
for ((i = "0"; i < "1"; i++)); do sglang serve --i "$i" --tp $(("2" + 2)) --b "$B" --x "${A[@]:"1":"1"}"; done
Q='"2"'
sglang serve --q $(($Q + 1))
