# Values that mean something to whoever shows them, a secret in every form, and one waiver.
# waive: SGLANG_USE_TOPK_V2_TEST because of `#1` | <b>@team</b>
export SGLANG_USE_AITER='a|b `c` **d** <script>alert(1)</script> @octocat #1 https://example.org'
export SGLANG_USE_ROCM700A='::error file=x,line=1::%0A ##[error]]]> </failure> & "'; export MORE=$'\e[31mred\n::error::x'
	export SGLANG_HACK_FLASHMLA_BACKEND="日本語é" SGLANG_OPT_USE_TOPK_V2="latin-�"
export SGLANG_USE_TOPK_V2_TEST=1 HF_TOKEN="hunter2 hunter2" SGLANG_OPT_FP8_WO_A_GEMM=true
export DB_PASSWORD=hunter2; export SGLANG_OPT_USE_JIT_INDEXER_METADATA="[x](http://example.org) www.example.org a@b.c"
curl -H "Authorization: Bearer hunter2" "https://me:hunter2@example.org/"; export SGLANG_DSV4_REASONING_EFFORT=min # ${HF_TOKEN:-hunter2}
python3 -m sglang.launch_server --model-path /m --api-key hunter2 --trust-remote-code --tp 4 --disable-radix-cache --attention-backend "x${OUTSIDE}" --page-size "$(get --api-key hunter2)" --max-running-requests 256
