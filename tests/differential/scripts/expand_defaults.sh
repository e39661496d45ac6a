# inputs: SET=value EMPTY=
python3 -m sglang.launch_server "${SET:-a}" "${EMPTY:-b}" "${EMPTY-c}" "${NOT-d}" "${NOT:-e f}" ${NOT:-e f} ${NOT:-"e f"}
python3 -m sglang.launch_server "${SET:+a}" "${EMPTY:+b}" "${EMPTY+c}" "${NOT+d}" ${NOT:+--flag} "${NOT:+x}"
: "${NEW:=assigned}" "${EMPTY:=filled}" "${SET:=no}"
export NEW
python3 -m sglang.launch_server "$NEW" "$EMPTY" "$SET"
