python3 -m sglang.launch_server "${IN2/#/x}"{03..01} -"${A:-b}"{a,b}
IN1=1
sglang serve 1 ${IN1+"#{"""}{a,}
sglang serve 2 ${IN1+#{}{a,}
sglang serve 3 ${IN1+\{}{a,} ${IN1+'{'}{a,b}
