HOST=$(echo "127.0.0.1")
N=`echo 8`
LIST=$(printf '%s,' 0 1 2)
export LIST=${LIST%,}
SEQ=$(seq -s, 0 3)
export BASE=$(basename /models/DeepSeek-V4.bin .bin) DIR=$(dirname /a/b/c)
TRIM=$(echo "  a   b  ")
NL=$(printf 'x\n\n\n')
OUT="$(echo "quoted "inside"")"
python3 -m sglang.launch_server --host "$HOST" --tp $N --seq "$SEQ" $TRIM "$TRIM" "$NL" "$OUT" $(echo a b)
