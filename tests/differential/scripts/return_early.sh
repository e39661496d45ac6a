f() {
  export A=1
  return 0
  export B=1
}
f
g() { for i in 1 2 3; do [ $i = 2 ] && return 5; done; }
g
export S=$?
python3 -m sglang.launch_server --i "$i"
