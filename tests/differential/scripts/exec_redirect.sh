exec > all.log 2>&1
export A=1
exec 3< /dev/null
exec python3 -m sglang.launch_server --x
