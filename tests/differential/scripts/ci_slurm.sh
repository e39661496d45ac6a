#!/bin/bash
#SBATCH --nodes=2
# inputs: SLURM_JOB_ID=77 SLURM_JOB_NUM_NODES=2 SLURM_PROCID=0
export MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
export MASTER_PORT=$((20000 + SLURM_JOB_ID % 100))
NNODES=${SLURM_JOB_NUM_NODES:-1}
for ((rank = 0; rank < NNODES; rank++)); do
  srun --nodes=1 --ntasks=1 --exact --export=ALL,NODE_RANK=$rank \
    bash -c "python3 -m sglang.launch_server --nnodes $NNODES --node-rank \$NODE_RANK --dist-init-addr $MASTER_ADDR:$MASTER_PORT"
done
wait
