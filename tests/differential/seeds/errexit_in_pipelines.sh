# set -e ends the parts of a pipeline, too.
set -e
{
    false
    sglang serve never
} | cat
sglang serve 1
{
    shift 2
    sglang serve never
} 2>&1 | cat || true
if { false; sglang serve tested; } | cat; then sglang serve 2; fi
true | { false; sglang serve never; }
sglang serve never
