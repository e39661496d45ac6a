# Assignments before a command count in a substitution of a later one up to its first command.
B=old
B=new C=$(A=x; echo $B) D=$(echo $B) E=$(echo $B; echo $B) sglang serve
B=new C=$({ [[ $B ]] && echo $B; }) D=$(: | cat; echo $B) E=$(: & echo $B) sglang serve
B=new C=$( (:); echo $B) sglang serve
f() { sglang serve "$B$C"; }
B=new C=$(true; echo $B) f
B=new C=$(true; echo $B) eval 'sglang serve "$B$C"'
sglang serve "$B"
