# inputs: IN2='"'
while read y; do IN2+=$y; done < <(printf '%s\n' 'a ')
python3 -m sglang.launch_server
