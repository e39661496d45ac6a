sglang serve --model-path m --trust-remote-code "$@"
