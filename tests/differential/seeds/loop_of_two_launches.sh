for i in 1 2; do
python3 -m sglang.launch_server --a $i
D=1 sglang serve --b $i
done
