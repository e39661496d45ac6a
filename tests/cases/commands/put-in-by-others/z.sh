#!/bin/zsh
X="--tp 8 --dp 2"
sglang serve $X
