# args: a b
# Whether `shift` had enough to drop isn't known, and $1 isn't what it was.
A=no B=no
if [ "$1" = a ]; then A=1; fi
shift
if [ "$1" = a ]; then B=1; fi
export A B
sglang serve --x "$1"
shift 2
sglang serve $? "${1:-d}"
shift
sglang serve "$?" $#
