export ARR=(1 2)
export PLAIN=x
declare -a OTHER=(z)
export OTHER
python3 -m sglang.launch_server "$ARR" "$OTHER"
