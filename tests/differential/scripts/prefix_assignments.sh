MODEL=/models/a
SGLANG_USE_AITER=1 MODEL=/models/b python3 -m sglang.launch_server --model-path $MODEL
X=1 Y="$X" sglang serve --x "$X"
CUDA_VISIBLE_DEVICES=0,1 HIP_VISIBLE_DEVICES="$CUDA_VISIBLE_DEVICES" python3 -m sglang.launch_server --after "$MODEL"
