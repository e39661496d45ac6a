# How bash expands braces beside quotes in backquotes, and "$@" beside $1, is its own affair.
set -- 'a  b' c
sglang serve --x="`echo a"{x,y}="`" "`echo -1',":?'`"{03..01} "`echo a`"{1,2}
declare -A D=([a]=$1"$@" [b]="$1$@")
sglang serve "${D[a]}" "${D[b]}"
case $1"$@" in "a  ba  b c") sglang serve one ;; *) sglang serve other ;; esac
X=$1"$@"
sglang serve "$X"
export A=-"`echo ""{a,b}`"x{1..3}y
sglang serve "$A"
