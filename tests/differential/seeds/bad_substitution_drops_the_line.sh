A=1
A=2; echo ${a b} ${}; A=3
time { export B=$A; } 2>&1 |& cat
if false; then echo ${!x y}; fi
time C=4
read -r D 3<<<x <<<5
[[ $A == 2 ]] && { (python3 -m sglang.launch_server --stop {1..} --a "$A" --c "$C" --d "$D") }
