build() {
  if (($1 == 0)); then return; fi
  LIST="$LIST $1"
  build $(($1 - 1))
}
build 3
python3 -m sglang.launch_server $LIST
