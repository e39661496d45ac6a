A= B="b c"
python3 -m sglang.launch_server "${A:-${B:-x}}" "${A:-"$B"}" ${A:-$B} "${A:-'q'}" ${A:-'q r'} "${B%" ${B#* }"}" "${A:-\$B \}}" "${A:-{x}}"
