A="dollar \$HOME back\\slash quote\" tick\` other\x"
B='single $HOME \n "x"'
C=$'tab\there\nnl \'q\' \x41 \u00e9 \101 \e[0m\\'
D=a\ b\$c\"d\'e\\f
E="line\
continued"
F=$"plain"
export A B C D E F
python3 -m sglang.launch_server "$A" "$B" "$C" $D "" '' "a"'b'c\d --x="q"'r' \
  --last
