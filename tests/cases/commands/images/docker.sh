docker run -e SGLANG_MOE_PADDING=0 example/mine:1 sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp 8
docker run lmsysorg/sglang-rocm:v0.5.14-rocm720-mi35x-20260710 sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp 8
