export HOST_IP=$(hostname -i 2>/dev/null | awk '{print $1}')
GPUS=$(nvidia-smi -L | wc -l)
export STAMP=$(date +%s)
NODE=$(hostname)
python3 -m sglang.launch_server --host "$HOST_IP" --tp "$GPUS" --fixed 1
