# inputs: A2=2 A5=5
# Too many undecided tests to follow them all: an array of any length is left.
export E=first B5=0
if [ "$A0" = 0 ]; then ARGS+=(--f0 0); E=$E,0; export B0=1; fi
if [ "$A1" = 1 ]; then ARGS+=(--f1 1); E=$E,1; export B1=1; fi
if [ "$A2" = 2 ]; then ARGS+=(--f2 2); E=$E,2; export B2=1; fi
if [ "$A3" = 3 ]; then ARGS+=(--f3 3); E=$E,3; export B3=1; fi
if [ "$A4" = 4 ]; then ARGS+=(--f4 4); E=$E,4; export B4=1; fi
if [ "$A5" = 5 ]; then ARGS+=(--f5 5); E=$E,5; export B5=1; fi
if [ "$A6" = 6 ]; then ARGS+=(--f6 6); E=$E,6; export B6=1; fi
if [ "$A7" = 7 ]; then ARGS+=(--f7 7); E=$E,7; export B7=1; fi
if [ "$A8" = 8 ]; then ARGS+=(--f8 8); E=$E,8; export B8=1; fi
if [ "$A9" = 9 ]; then ARGS+=(--f9 9); E=$E,9; export B9=1; fi
ARGS+=(--last)
sglang serve "${ARGS[@]}" ${#ARGS[@]} "${ARGS[0]}" $B3
