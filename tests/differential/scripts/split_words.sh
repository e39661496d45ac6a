OPTS="--a 1   --b '2 3' \"x\""
TAB=$'one\ttwo\nthree'
E=
python3 -m sglang.launch_server $OPTS $TAB $E "$E" ''"$E" x$E"y z"$OPTS
IFS=:
P=a:b::c:
python3 -m sglang.launch_server $P "$P" ${P}d
IFS=$' \t\n'
python3 -m sglang.launch_server pre$OPTS"post" -$E-
