# ${V:=…} gives what the variable is then: in small letters, or a number.
declare -l A
sglang serve ${A=--x=:Q}{1..2}
declare -i N
sglang serve "${N:=2+3}"
declare -i IN1
sglang serve "${IN1=}"
declare -u IN2
sglang serve "${IN2:=a}"
