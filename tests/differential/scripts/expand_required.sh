# inputs: MODEL=/models/x
: "${MODEL:?is needed}"
: ${TP:=8}
export MODEL
python3 -m sglang.launch_server --model-path "${MODEL:?}" --tp $TP
: "${ABSENT:?must be set}"
python3 -m sglang.launch_server --never
