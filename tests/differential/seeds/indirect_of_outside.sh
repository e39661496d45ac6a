# inputs: B=x
P=B
for B in $B .; do :; done
python3 -m sglang.launch_server "${!P:-none}"
