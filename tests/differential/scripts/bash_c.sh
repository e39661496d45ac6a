export A=1
B=2
bash -c 'export C=3; python3 -m sglang.launch_server --a "$A" --b "$B" --c "$C"'
bash -c "python3 -m sglang.launch_server --b $B" ignored
bash -c 'python3 -m sglang.launch_server "$0" "$@"' zero one "two x"
sh -c "exec python3 -m sglang.launch_server --sh \"$A\""
bash -lc "D=4 sglang serve --d \$D"
python3 -m sglang.launch_server --c "${C:-unset}"
