# An error drops what is left of its line, no more; so it does in `eval` and a sourced text.
readonly C
set -a; C=0; set +a
A=0
eval 'export B=1; N=$((1/0)); export NEVER=1
export LATER=1'; export SAME=1
L=(a b)
sglang serve "${L[-1]}" "${L[-3]}" "${L[-3]-d}" "${A[-1]}" "${U[-1]:-d}"
sglang serve "${#L[-3]}"; sglang serve --never
sglang serve "${!NOTHING}"; sglang serve --never
sglang serve --x
