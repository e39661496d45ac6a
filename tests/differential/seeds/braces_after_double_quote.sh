python3 -m sglang.launch_server "${IN2/#/x}"{03..01} -"${A:-b}"{a,b}
