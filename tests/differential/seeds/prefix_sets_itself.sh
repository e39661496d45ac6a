# An expansion in an assignment before a command sets the variable itself, for good.
A=${A:=0} A=1 sglang serve
if [[ $A == 0 ]]; then export A; fi
B=${B:=2} true
export B
sglang serve "$A"
