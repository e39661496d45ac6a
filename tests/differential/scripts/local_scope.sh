A=outer
f() {
  local A=inner B=local
  export B
  local -x C=cx
  D=global
  python3 -m sglang.launch_server --a "$A" --b "$B"
}
export A
f
python3 -m sglang.launch_server --a "$A" --b "${B:-none}" --d "$D"
