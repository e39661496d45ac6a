# What an integer can't be drops the rest of the line, also in a loop over words and in builtins.
declare -i B=1 D
{ for B in 1 .:- 2; do sglang serve loop "$B"; done; sglang serve never; }
sglang serve "$?"
{ B+=.:-; sglang serve never; }
{ read B <<< .:-; sglang serve never; }
{ declare D=.:-; sglang serve never; }
B+='3,4'
D=010
sglang serve "$B" "$D"
declare -ia L=(1 2)
L[0]+=1+1
L+=([1]+=3*1 4)
declare -iA M=([a]=1)
M[a]+=5
sglang serve "${L[@]}" "${M[@]}"
