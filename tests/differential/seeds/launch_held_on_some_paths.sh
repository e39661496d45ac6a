# inputs: DP=true A2=1 A5=1
USE=false W=w
if [ "$DP" = true ]; then
  USE=true
  CMD=(python3 -m sglang.launch_server)
fi
if [ "$A1" = 1 ]; then W="${W}1."; fi
if [ "$A2" = 1 ]; then W="${W}2."; fi
if [ "$A3" = 1 ]; then W="${W}3."; fi
if [ "$A4" = 1 ]; then W="${W}4."; fi
if [ "$A5" = 1 ]; then W="${W}5."; fi
if [ "$A6" = 1 ]; then W="${W}6."; fi
if [ "$A7" = 1 ]; then W="${W}7."; fi
if [ "$A8" = 1 ]; then W="${W}8."; fi
if [ "$A9" = 1 ]; then W="${W}9."; fi
ARGS=(--host 0.0.0.0 --w "$W" --port 1)
sglang serve "${ARGS[@]}" >/dev/null
if [ "$USE" = true ]; then
  "${CMD[@]}" --w "$W" --port 2
fi
