# args: one two
set -- "$@" "three 3"
export N=$# ALL="$*" FIRST=$1 DASH="${-//[!e]/}" TEN=${10:-none}
f() { export FN=$FUNCNAME NUM=$#; }
f a b c
python3 -m sglang.launch_server "$@" x"$@"y "$0"
