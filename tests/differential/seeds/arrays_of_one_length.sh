# inputs: A1=1 A2=1 A8=1
W=w
if [ "$A1" = 1 ]; then W="${W}1."; fi
if [ "$A2" = 1 ]; then W="${W}2."; fi
if [ "$A3" = 1 ]; then W="${W}3."; fi
if [ "$A4" = 1 ]; then W="${W}4."; fi
if [ "$A5" = 1 ]; then W="${W}5."; fi
if [ "$A6" = 1 ]; then W="${W}6."; fi
if [ "$A7" = 1 ]; then W="${W}7."; fi
if [ "$A8" = 1 ]; then W="${W}8."; fi
ARGS=(--host 0.0.0.0 --w "$W" --port 1)
if [ "$A9" = 1 ]; then W="${W}9."; fi
if [ "$A10" = 1 ]; then W="${W}10."; fi
if [ "$A11" = 1 ]; then W="${W}11."; fi
sglang serve "${ARGS[@]}" --v "$W"
