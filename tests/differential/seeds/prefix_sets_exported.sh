# inputs: IN2='' C=c
# What an expansion in an assignment before a command sets is there for the command.
readonly C
A=${IN2:=0} A=1 sglang serve ${C=}
sglang serve
