S=0123456789
N=3
python3 -m sglang.launch_server "${S:2}" "${S:2:3}" "${S: -3}" "${S:(-3):2}" "${S:N}" "${S:$N:N-1}" "${S:1:-2}" "${S:20}" "${#S}"
set -- a b c d
python3 -m sglang.launch_server "${@:2}" "${@:2:2}" "${*:1:2}" "$#" "${@: -1}" "${#@}"
