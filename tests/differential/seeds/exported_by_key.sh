declare -A kernels=([SGLANG_USE_AITER]=1 [SGLANG_DSV4_FP4_EXPERTS]='two words')
kernels[SGLANG_OPT_USE_TOPK_V2]=true
for name in "${!kernels[@]}"; do export "$name=${kernels[$name]}"; done
sglang serve --model-path m --tp 8
declare -A more=([SGLANG_USE_AITER]=0 [A]=1)
for name in "${!more[@]}"; do
  export "${name}"="${more[${name}]}"
done
sglang serve --model-path m --tp 4
declare -A mixed=([name]=x [B]=2)
for name in "${!mixed[@]}"; do export "$name=${mixed[$name]}"; done
sglang serve --model-path m --tp 2
declare -A counted=([C]=1 [D]=2)
C=0 D=0
for key in "${!counted[@]}"; do export "$key=${counted[$key]}"; D=$((C + 1)); done
sglang serve --model-path m --tp 1
