f() { export F=function; }
f
unset -f f
f || export GONE=1
python3 -m sglang.launch_server
