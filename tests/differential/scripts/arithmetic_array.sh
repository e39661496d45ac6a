A=(1 2 3)
i=1
A[i+1]=9
((A[0] += 5))
python3 -m sglang.launch_server "${A[i]}" "${A[i+1]}" $((A[0] + A[i])) "${A[$i-1]}" $((${#A[@]} * 2))
