python3 -u -m sglang.launch_server --a 1
python -W ignore -m sglang.launch_server --b 2
PYTHONUNBUFFERED=1 python3 -X faulthandler -m sglang.launch_server --c 3
PY=python3
$PY -m sglang.launch_server --d 4
LAUNCH="python3 -m sglang.launch_server"
$LAUNCH --e 5
MOD=sglang.launch_server
python3 -m "$MOD" --f 6
"$PY" '-m' sglang.launch"_server" --g 7
