CMD="python3 -m sglang.launch_server --model-path '/m/a b' --tp 8"
eval "$CMD"
eval export "E=1" F=2
eval 'G="$E$F"; export G'
NAME=DYNAMIC
eval "export $NAME=\"v w\""
eval "$CMD --again \"\$G\""
