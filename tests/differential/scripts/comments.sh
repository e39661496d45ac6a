export A=1 # why
# export B=2
export C="# not a comment" # export C=3
export D=a#b
python3 -m sglang.launch_server \
  --model-path /m \
  --tp 8 # --dp 8
: <<'BLOCK'
python3 -m sglang.launch_server --commented
BLOCK
#python3 -m sglang.launch_server --off
