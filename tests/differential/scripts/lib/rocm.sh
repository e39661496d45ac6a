# sourced with arguments
export ROCM_ARCH=$1
export HSA_NO_SCRATCH_RECLAIM=1
[ -n "$2" ] && export ROCM_EXTRA="$2"
return 0
