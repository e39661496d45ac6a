TP=8
f() { sglang serve --never; }
export -f f
docker exec -i box bash -c 'sglang serve --a "${TP:-4}"; f'
docker exec -i box bash <<'IN'
sglang serve --b "${TP:-4}"
IN
ssh node <<'IN'
sglang serve --d "${TP:-4}"
IN
ssh node bash -s <<'IN'
sglang serve --c "${TP:-4}"
IN
