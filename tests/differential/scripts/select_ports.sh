BASE=30000
declare -a PORTS
for i in 0 1 2; do PORTS[$i]=$((BASE + i)); done
unset 'PORTS[1]'
for p in "${PORTS[@]}"; do
  python3 -m sglang.launch_server --port "$p" --dist-init-addr "127.0.0.1:$((p + 100))"
done
