f() {
    local desc=1 cmd=$1
    a1=1 a2=1 a3=1 a4=1 a5=1 a6=1 a7=1 a8=1 a9=1 b1=1 b2=1 b3=1 b4=1 b5=1 b6=1 b7=1 b8=1 b9=1
    if ! eval "$cmd"; then
        exit 1
    fi
}
f "test -n \"$a1\" || true"
bash -c "SGLANG_A=1 python3 -m sglang.launch_server --tp 8"
