helper() { export FROM_HELPER="$1"; python3 -m sglang.launch_server --help-me "$1"; }
export -f helper
bash -c 'helper sub'
helper main
