export BEFORE=1
source /nonexistent/setup.sh
export AFTER=1
python3 -m sglang.launch_server --x 1
