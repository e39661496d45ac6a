true && export A=1 || export B=1
false && export C=1 || export D=1
false || { export E=1; false; } && export F=1
! false && export G=1; export H=$?
[ 1 = 1 ] && [ 2 = 3 ] || export I=1
python3 -m sglang.launch_server --ok && python3 -m sglang.launch_server --then || python3 -m sglang.launch_server --never
