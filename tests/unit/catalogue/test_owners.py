from __future__ import annotations

import pytest

from dsv4_env.catalogue import SGLANG, owner


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SGLANG_USE_AITER", SGLANG),
        ("SGL_ENABLE_X", SGLANG),
        ("AITER_BF16_FP8_MOE_BOUND", "AITER (AMD)"),
        ("HIP_VISIBLE_DEVICES", "HIP"),
        ("GPU_MAX_HW_QUEUES", "HIP"),
        ("HSA_NO_SCRATCH_RECLAIM", "ROCr (HSA)"),
        ("ROCM_PATH", "ROCm"),
        ("NCCL_MIN_NCHANNELS", "NCCL"),
        ("RCCL_MSCCL_ENABLE", "RCCL"),
        ("TORCH_LOGS", "PyTorch"),
        ("PYTORCH_HIP_ALLOC_CONF", "PyTorch"),
        ("HF_HUB_OFFLINE", "Hugging Face"),
        ("VLLM_PORT", "vLLM"),
        ("CUDA_VISIBLE_DEVICES", "CUDA"),
        ("TRITON_CACHE_DIR", "Triton"),
        ("MORI_SHMEM_MODE", "MoRI (AMD)"),
        ("FLASHINFER_WORKSPACE_BASE", "FlashInfer"),
        ("OMP_NUM_THREADS", "OpenMP"),
        ("UCX_TLS", "UCX"),
        ("MOONCAKE_MASTER", "Mooncake"),
        ("NVSHMEM_DEBUG", "NVSHMEM"),
        ("PYTHONPATH", "Python"),
        ("LD_LIBRARY_PATH", "the dynamic linker"),
        ("http_proxy", "HTTP clients"),
        ("PATH", "the shell"),
        ("PATHS", None),
        ("MY_VARIABLE", None),
    ],
)
def test_owner(name: str, expected: str | None) -> None:
    assert owner(name) == expected
