# inputs: C=x
# Under set -u, what is tested for emptiness has to be set.
set -u
[[ -z $C ]] && echo empty
sglang serve
