export LD_LIBRARY_PATH=/opt/rocm/lib:$LD_LIBRARY_PATH
export PYTHONPATH="/sgl-workspace/aiter${PYTHONPATH:+:$PYTHONPATH}"
export FLAGS+=one
FLAGS+=" two"
export FLAGS+=" three"
python3 -m sglang.launch_server --port 30000
