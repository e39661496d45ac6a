#!/usr/bin/env bash
sglang serve --model-path "$MODEL" --tp "$TP" --speculative-algorithm EAGLE --page-size 256
