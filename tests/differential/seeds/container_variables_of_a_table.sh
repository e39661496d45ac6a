# inputs: FAMILY=mi35x
# args: -w /test -e SGLANG_USE_AITER=0 -e SGLANG_DSV4_FP4_EXPERTS=a=b -- more
declare -A table=(
  [SGLANG_USE_AITER]=1
  [SGLANG_OPT_USE_TOPK_V2]='two words'
)
if [[ "$FAMILY" == mi35x ]]; then table[GPU_ARCHS]=gfx950; fi
while [[ $# -gt 0 ]]; do
  case "$1" in
    -w) shift 2 ;;
    -e) IFS="=" read -r key val <<< "$2"
        table["$key"]="$val"
        shift 2 ;;
    *) break ;;
  esac
done
options=(--rm)
for key in "${!table[@]}"; do
  options+=("-e" "$key=${table[$key]}")
done
docker run "${options[@]}" -e SGLANG_OPT_USE_TOPK_V2=last image sglang serve --model-path m --tp 8
options+=(--env SGLANG_USE_AITER=2)
docker exec -e A=1 "${options[@]}" image sglang serve --model-path m --tp 4
some=()
for name in "${!table[@]}"; do some+=(--env); some+=("${name}=x${table[${name}]}"); done
docker run "${some[@]}" image sglang serve --model-path m --tp 2
echo "$name ${some[1]} ${#some[@]}"
sglang serve --model-path m --tp ${#some[@]} --watchdog-timeout "${some[1]}"
declare -A flags=([--tp]=1 [--dp]=2)
given=()
for flag in "${!flags[@]}"; do given+=("$flag" "${flags[$flag]}"); done
sglang serve --model-path m "${given[@]}"
declare -A odd=([A]=1 ['B C']=2)
both=()
for k in "${!odd[@]}"; do both+=(-e "$k=${odd[$k]}"); done
docker run "${both[@]}" image sglang serve --model-path m --tp 1
same=()
for k in "${!flags[@]}"; do same+=(-e "NAME=${flags[$k]}"); done
docker run "${same[@]}" image sglang serve --model-path m --tp 3
joined=()
for k in "${!table[@]}"; do joined+=("--env=$k=1"); joined+=(--volume "$k"); done
docker run "${joined[@]}" image sglang serve --model-path m --tp 5
readonly fixed=()
for k in "${!table[@]}"; do fixed+=(-e "$k=1"); done
docker run "${fixed[@]}" image sglang serve --model-path m --tp 6
set_first=()
for k in "${!table[@]}"; do set_first+=("$k=${table[$k]}"); done
env "${set_first[@]}" SGLANG_USE_AITER=3 sglang serve --model-path m --tp 7
