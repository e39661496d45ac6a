# inputs: MODE=fast-8 N=5
E=
if [[ $MODE == fast* ]]; then export T1=1; fi
if [[ "$MODE" == "fast*" ]]; then export T2=1; fi
if [[ -n $MODE && -z $E ]]; then export T3=1; fi
if [[ $N -gt 3 && ( $N -lt 4 || $N == 5 ) ]]; then export T4=1; fi
if [[ ! $MODE =~ ^slow ]]; then export T5=1; fi
if [[ $MODE =~ ^([a-z]+)-([0-9]+)$ ]]; then export T6="${BASH_REMATCH[1]}/${BASH_REMATCH[2]}"; fi
if [[ $E ]]; then export T7=1; else export T7=0; fi
if [[ a < b && $MODE != slow ]]; then export T8=1; fi
if [[ -v MODE && ! -v NOPE ]]; then export T9=1; fi
[[ ${MODE,,} == "fast-8" ]] || export T10=1
[[ $MODE == @(fast|slow)-[0-9] ]] && export T11=1
python3 -m sglang.launch_server
