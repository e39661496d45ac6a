export SGLANG_USE_AITER=yes
export SGLANG_OF_THIS_TREE=many
export SGLANG_DSV4_FP4_EXPERTS=1
python3 -m sglang.launch_server --model-path M --tp-size=8 --of-this-tree three --page-size 256
