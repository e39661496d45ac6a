retry() { local n=0; until "$@"; do n=$((n+1)); [ $n -lt 3 ] || return 1; export SGLANG_USE_AITER=0; done; }; retry sglang serve --tp 8
