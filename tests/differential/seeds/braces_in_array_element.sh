# Where braces expand, an indexed array gets words and no element; an associative one, neither.
L=([2]={a,b} 0)
export A=${L[0]} N=${#L[@]}
L=([3]=x{1..1}y [{4,5}]=z "[6]={a,b}" [7]=${L[0]}{a})
declare -A D=([a]={x,y} [{c,d}]=1)
D+=([e]={1..2})
python3 -m sglang.launch_server "${!L[@]}" "${L[@]}" "${D[a]}" "${D[e]}"
