# inputs: A=a
g() {
:
}
for ((n2 = 0; n2 < 1; n2++)); do A=t g; done
python3 -m sglang.launch_server
