sglang serve --model-path m --tp 8 "$X" --trust-remote-code ${EXTRA:-} --page-size 256
