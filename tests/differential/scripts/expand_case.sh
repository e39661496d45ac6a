M=DeepSeek-v4
python3 -m sglang.launch_server "${M,,}" "${M^^}" "${M^}" "${M,}" "${M^^[ek]}" "${M,,[D]}" "${M@U}" "${M@L}" "${M@u}"
