#!/bin/bash
#SBATCH --export=NONE
export B=1
sglang serve --tp ${TP:-1} --x $1
