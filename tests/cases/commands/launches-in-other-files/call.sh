export SGLANG_USE_AITER=1 TP=8
bash job.sh a
./job.sh b
sbatch job.sh c
srun bash job.sh d
sbatch --export=NONE --wrap "sglang serve --tp \$TP"
trap 'sglang serve --int' INT
source /dev/stdin <<E
sglang serve --tp 9
E
. <(echo "sglang serve --tp 7 --bogus")
exec env -i HOME=$HOME PATH="$PATH" SGLANG_C=2 bash -c "SGLANG_D=\$SGLANG_C; export SGLANG_D; exec sglang serve --c"
