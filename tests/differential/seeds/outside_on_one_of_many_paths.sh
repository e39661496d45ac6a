# inputs: MODEL_PATH=/models/m MODEL=m A3=1
if [[ -n "$MODEL_PATH" ]]; then
 :
else
 export MODEL_PATH="$MODEL"
fi
if [ "$A1" = 1 ]; then B+=(--x1); fi
if [ "$A2" = 1 ]; then B+=(--x2); fi
if [ "$A3" = 1 ]; then B+=(--x3); fi
if [ "$A4" = 1 ]; then B+=(--x4); fi
if [ "$A5" = 1 ]; then B+=(--x5); fi
if [ "$A6" = 1 ]; then B+=(--x6); fi
if [ "$A7" = 1 ]; then B+=(--x7); fi
if [ "$A8" = 1 ]; then B+=(--x8); fi
if [ "$A9" = 1 ]; then B+=(--x9); fi
sglang serve --model-path "$MODEL_PATH" "${B[@]}"
