if [ -d /sys/class/kfd-not-here ]; then
  export HAS_KFD=1
  ARGS="--rocm"
else
  export HAS_KFD=0
fi
[ -e /definitely/not/here ] && export NOPE=1
python3 -m sglang.launch_server $ARGS --x
