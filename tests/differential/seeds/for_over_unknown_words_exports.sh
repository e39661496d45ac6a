# inputs: 
# args: 
N=1 K=2 P=A
A=0
export A=0
for A in $B 0; do
for ((n2 = 0; n2 < 1; n2++)); do
export A=1
IFS=,
done
set -- 
done
python3 -m sglang.launch_server 
