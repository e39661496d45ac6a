# inputs: U=fOO
M=FP4
sglang serve --before "$([[ $M == fp4 ]] && echo 1)"
shopt -s nocasematch
if [[ $M != fp4 ]]; then sglang serve --tp 8; else sglang serve --tp 4; fi
case $M in fp4) sglang serve --case 1 ;; *) sglang serve --case 2 ;; esac
P=fp4
[[ $M == "$P" ]] && sglang serve --quoted 1
[[ $M == $P ]] && sglang serve --plain 1
[ "$M" = fp4 ] || sglang serve --bracket 1
if [[ $U == foo ]]; then sglang serve --u 1; else sglang serve --u 2; fi
