# inputs: B=-1
printf -v B %03d "0\`"
python3 -m sglang.launch_server
