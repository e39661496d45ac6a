P=/models/deepseek-ai/DeepSeek-V4.tar.gz
python3 -m sglang.launch_server "${P##*/}" "${P#*/}" "${P%.*}" "${P%%.*}" "${P%/*}" "${P#nothing}" "${P%"gz"}" "${P##*[-]}"
S='*a*b'
python3 -m sglang.launch_server "${S#\*}" "${S#"*"}" "${S##*a}" "${S%'b'}"
