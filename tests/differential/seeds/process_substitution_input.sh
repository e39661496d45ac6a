# inputs: PORTS='1 2'
# What a process substitution prints is known where its commands are.
while read -r flag value; do ARGS+=("--$flag" "$value"); done < <(printf '%s %s\n' tp 8 port 30000)
sglang serve "${ARGS[@]}"
mapfile -t L < <(echo a; echo "b c")
sglang serve "${L[@]}" "$(cat <(echo x) <(echo y))"
source <(echo 'export A=1'; printf 'B=%q\n' "c d")
sglang serve "$B"
N=0
while read -r port; do sglang serve --port "$port"; ((N++)); done < <(for p in $PORTS; do echo "$p"; done)
sglang serve "$N"
read -r X < <(false; exit 3)
sglang serve "$?" "$X"
