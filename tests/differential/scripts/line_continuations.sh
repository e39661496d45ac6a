export LONG="a\
b" PAIR='a\
b'
python3 \
  -m sglang.launch_server \
  --x \
  y\
z
