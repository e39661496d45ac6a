i=0
while [ $i -lt 4 ]; do
  i=$((i + 1))
  [ $i -eq 2 ] && continue
  ARGS="$ARGS $i"
  if [ $i -ge 3 ]; then break; fi
done
until ((i >= 6)); do ((i++)); done
while read -r a b; do PAIRS+=("$a=$b"); done <<'END'
x 1
y 2 3
END
while :; do for k in 1 2; do break 2; done; done
python3 -m sglang.launch_server $ARGS $i "${PAIRS[@]}" $k
