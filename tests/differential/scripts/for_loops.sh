OUT=
for x in a "b c" d; do OUT+="<$x>"; done
for i in {1..3}; do OUT+=$i; done
for ((i = 0; i < 3; i++)); do ((i == 1)) && continue; OUT+=-$i; done
for f in $OUT; do LAST=$f; done
for n in 1 2 3 4; do if [ $n = 3 ]; then break; fi; done
set -- p q
for a; do OUT+=$a; done
for x in; do OUT+=never; done
python3 -m sglang.launch_server "$OUT" "$LAST" "$n" "$i" "$x"
for port in 30000 30001; do
  HIP_VISIBLE_DEVICES=$((port - 30000)) python3 -m sglang.launch_server --port $port
done
