MODEL=DeepSeek-V4-Pro
LOWER=$(echo "$MODEL" | tr '[:upper:]' '[:lower:]')
FIELD=$(echo a:b:c | cut -d: -f2)
SED=$(echo "$MODEL" | sed 's/Deep/Shallow/')
COUNT=$(echo "0,1,2,3" | tr ',' '\n' | wc -l)
AWK=$(echo "x y z" | awk '{print $2}')
GREP=$(printf 'a=1\nb=2\n' | grep '^b' | cut -d= -f2)
python3 -m sglang.launch_server --model "$LOWER" "$FIELD" "$SED" "$COUNT" "$AWK" "$GREP"
