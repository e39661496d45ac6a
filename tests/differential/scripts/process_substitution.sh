python3 -m sglang.launch_server --tp 8 > >(cat > log) 2>&1
while read -r line; do LAST=$line; done < <(printf 'a\nb c\n')
mapfile -t A < <(echo one; echo two)
export LAST
python3 -m sglang.launch_server "${A[@]}"
