# inputs: MODE=fast N=5
A=
if [ -z "$A" ] && [ -n "$MODE" ]; then export T1=1; fi
if [ "$MODE" = fast -a "$N" -eq 5 ]; then export T2=1; fi
if [ ! "$N" -lt 3 ] || [ x"$A" = x ]; then export T3=1; fi
[ "$N" -ge 5 ] && export T4=1
[ "$MODE" != fast ] && export T5=1
test "$N" -gt 9 || export T6=1
if [ $N ]; then export T7=1; fi
if [ "$MODE" == "slow" -o "$N" -ne 4 ]; then export T8=1; fi
python3 -m sglang.launch_server
