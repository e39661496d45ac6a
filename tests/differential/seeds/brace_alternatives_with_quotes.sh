python3 -m sglang.launch_server {a,'b c'}"}$A{" {a,,c}}
