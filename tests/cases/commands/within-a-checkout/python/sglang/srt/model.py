import os

from sglang.srt.environ import envs

if envs.SGLANG_USE_AITER.get() and envs.SGLANG_OF_THIS_TREE.get() > 3:
    os.environ["OMP_NUM_THREADS"] = "1"
