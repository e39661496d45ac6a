python3 -m sglang.launch_server --a > out.log 2> err.log < /dev/null
2>&1 >>out.log python3 -m sglang.launch_server --b
python3 -m sglang.launch_server > out.log --c 2>&1 --d
> touched python3 -m sglang.launch_server --e &>>x.log
LOG=a.log
{ python3 -m sglang.launch_server --f; } > "$LOG" 2>&1
python3 -m sglang.launch_server --h 2 3>&1
