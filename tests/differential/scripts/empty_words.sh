A="" B=" "
python3 -m sglang.launch_server "" $A $B "$A" "$B" x"" ''
