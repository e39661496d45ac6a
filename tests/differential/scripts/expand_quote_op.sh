V="it's \"x\" \$y"
python3 -m sglang.launch_server "${V@Q}" "${V@E}"
eval "W=${V@Q}"
export W
python3 -m sglang.launch_server "$W"
