#!/usr/bin/env bash
export MODEL_PATH="/it-share/data"
export ISL="$ISL"
srun --export=ALL,PORT=8890 bash "$BENCHMARK_SCRIPT"
