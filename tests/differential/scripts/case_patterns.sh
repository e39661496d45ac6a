# inputs: GPU=mi355x-8 PRECISION=FP4
case "$GPU" in
  mi300*|mi325*) ARCH=gfx942 ;;
  mi35[05]x*) ARCH=gfx950 ;;
  *) ARCH=unknown ;;
esac
case ${PRECISION,,} in
  (fp4) export DTYPE=mxfp4 ;;&
  fp?) export WIDTH=narrow ;;
  *) export WIDTH=wide ;;
esac
case x in
  "*") export BAD=1 ;;
  x) export FALL=1 ;&
  y) export THROUGH=1 ;;
  z) export NOT=1
esac
case "" in ?*) ;; '') export EMPTY=yes ;; esac
python3 -m sglang.launch_server --arch "$ARCH"
