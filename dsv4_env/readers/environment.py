"""The current environment read as a LaunchConfig."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dsv4_env.model import EnvVar, LaunchConfig, Note, Origin
from dsv4_env.model.secrets import meet

# Who owns which variables: what a launch of SGLang on AMD GPUs may be decided by.
PREFIXES = (
    "AITER_",
    "DEEPSEEK_V4_",
    "GPU_",
    "HF_",
    "HIP_",
    "HSA_",
    "NCCL_",
    "RCCL_",
    "ROCM_",
    "SGLANG_",
    "SGL_",
    "TORCH_",
    "TRITON_",
    "VLLM_",
)


def read(environ: Mapping[str, str], names: Collection[str] = ()) -> LaunchConfig:
    """The variables of *environ* that are in *names* or belong to SGLang and what it stands on.

    An environment holds no server arguments: ``args`` is None.
    """
    found = {n: v for n, v in environ.items() if n in names or n.startswith(PREFIXES)}
    env = tuple(EnvVar(n, v, Origin("environment", value=v)) for n, v in sorted(found.items()))
    note = Note("an environment holds no server arguments, so none were compared")
    config = LaunchConfig("the current environment", "environment", env, None, notes=(note,))
    meet(config)
    return config
