#!/bin/bash
FLAGS=$(cat lib/flags.txt)
FLAGS2=$(<lib/flags.txt)
python3 -m sglang.launch_server $FLAGS --x "$FLAGS2"
