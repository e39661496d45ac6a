# 0$@ is a word even where there are no arguments.
source lib/rocm.sh 0$@ 00
sglang serve
L+=('y z' w)
sglang serve --x=''${L[@]} "a"''"${L[@]}"''"b"
