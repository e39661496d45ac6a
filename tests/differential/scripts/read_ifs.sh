IFS='=' read -r K V <<< "key=value=more"
LINE="a,b;c"
IFS=',;' read -ra P <<< "$LINE"
OLD_IFS=$IFS
IFS=,
set -- $LINE
IFS=$OLD_IFS
python3 -m sglang.launch_server "$K" "$V" "${P[@]}" "$@"
