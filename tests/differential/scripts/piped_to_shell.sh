# Scripts that a shell reads from a pipe, here and elsewhere.
cat <<'END' | bash -s -- --from-stdin
export HD=1
python3 -m sglang.launch_server "$@"
END
echo "python3 -m sglang.launch_server --b" | bash
printf '%s\n' "python3 -m sglang.launch_server --c" | ssh host bash -s
ssh host 'bash -s' <<'END'
python3 -m sglang.launch_server --d
END
echo 'python3 -m sglang.launch_server --e' | docker exec -i name bash
echo 'python3 -m sglang.launch_server --f' | env A=1 bash
echo 'python3 -m sglang.launch_server --g' | { read -r line; $line; }
echo ls | { bash -c 'python3 -m sglang.launch_server --h'; }
