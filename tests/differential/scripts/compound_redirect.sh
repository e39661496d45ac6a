for i in 1 2; do
  python3 -m sglang.launch_server --i $i
done > all.log 2>&1
if true; then sglang serve --if; fi 2>&1 | tee log
while read -r p; do python3 -m sglang.launch_server --port "$p" < /dev/null; done <<< $'1\n2'
