# Under `set -e` a subscript that is out of range ends the script, whatever tests the command.
set -e
N=$((1 / 0))
L=()
sglang serve ${#L[@]}
if sglang serve "${L[-1]}"; then :; fi
sglang serve --never
