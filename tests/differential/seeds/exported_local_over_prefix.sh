if (exit 3); then A=0; else
f() {
local -x A=l
}
export A=1
A=t f
fi
python3 -m sglang.launch_server
