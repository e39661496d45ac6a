"""The models of the DeepSeek-V4 family, as far as SGLang's resolution asks for their configuration.

Source: the ``config.json`` of each on Hugging Face, and ``sglang/srt/configs/model_config.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dsv4_env.model import LaunchConfig

ARCHITECTURE = "DeepseekV4ForCausalLM"
_FP8 = {
    "quant_method": "fp8",
    "weight_block_size": [128, 128],
    "scale_fmt": "ue8m0",
    "activation_scheme": "dynamic",
}
_COMMON: dict[str, object] = {
    "hf.architectures": [ARCHITECTURE],
    "hf.model_type": "deepseek_v4",
    "hf.num_attention_heads": 64,
    "hf.num_key_value_heads": 1,
    "hf.n_routed_experts": 256,
    "hf.n_shared_experts": 1,
    "hf.num_experts_per_tok": 6,
    "hf.sliding_window": 128,
    "hf.index_topk": 512,
    "hf.quantization_config": _FP8,
    **{f"hf.quantization_config.{k}": v for k, v in _FP8.items()},
    "mc.is_generation": True,
    "mc.is_multimodal": False,
    "mc.is_encoder_decoder": False,
    "mc.quantization": "fp8",
    "mc.joint_head_config": None,
    "mc.pointer_head": None,
    "mc.decision_config": None,
    "mc.embedding_model_spec": None,
    "mc.is_embedding_gemma": False,
    "mc.attention_arch": "MLA",
}


def is_of_family(name: str) -> bool:
    """Whether a model's name or path says that it's a DeepSeek-V4."""
    return re.search(r"deep-?seek[-_]?v4|ds-?v4", name, re.IGNORECASE) is not None


def model_of(config: LaunchConfig) -> str | None:
    """The model that a launch gives; None where it gives none that is known."""
    for arg in reversed(config.args or ()):
        if arg.flag in ("--model-path", "--model") and len(arg.values) == 1:
            return arg.values[0] if isinstance(arg.values[0], str) else None
    words = config.args[:1] if config.args and config.serves else ()
    word = words[0].values[0] if words and words[0].flag is None and words[0].values else None
    return word if isinstance(word, str) else None


def model_facts(name: str | None) -> Mapping[str, object]:
    """What the configuration of a model says, as far as its name tells which it is.

    What differs between models isn't among it where the name doesn't tell.
    """
    text = (name or "").lower().rpartition("/")[2]
    facts = dict(_COMMON)
    if "v4.1" in text or "v41" in text:
        facts["hf.model_type"] = "deepseek_v41"
    if text.endswith("-fp8"):
        facts |= {"mc.is_fp4_experts": False, "mc.nvfp4_moe_meta": None}
    elif "nvfp4" not in text and text:
        facts["mc.nvfp4_moe_meta"] = None
    return facts
