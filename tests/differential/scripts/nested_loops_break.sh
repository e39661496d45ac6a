for a in 1 2 3; do
  for b in x y z; do
    [ "$b" = y ] && continue 2
    [ "$a" = 3 ] && break 2
    OUT+="$a$b "
  done
done
python3 -m sglang.launch_server $OUT "$a" "$b"
