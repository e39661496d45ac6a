source ./lib.sh
sglang serve --trust-remote-code
