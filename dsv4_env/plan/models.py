"""The models of the DeepSeek-V4 family, as far as SGLang's resolution asks for their configuration.

One table for both engines: the configuration that SGLang itself is given, and what follows of it.
Source: the ``config.json`` of each on Hugging Face, and ``sglang/srt/configs/model_config.py``,
``deepseek_v41.py`` and ``sglang/srt/speculative/dspark_components/dspark_config.py``.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsv4_env.model import LaunchConfig
from dsv4_env.plan.evaluate import Open

ARCHITECTURE = "DeepseekV4ForCausalLM"
_FP8 = {
    "quant_method": "fp8",
    "weight_block_size": [128, 128],
    "scale_fmt": "ue8m0",
    "activation_scheme": "dynamic",
}
_FLASH: dict[str, Any] = {
    "architectures": [ARCHITECTURE],
    "model_type": "deepseek_v4",
    "hidden_size": 4096,
    "num_hidden_layers": 43,
    "num_attention_heads": 64,
    "num_key_value_heads": 1,
    "vocab_size": 129280,
    "max_position_embeddings": 1048576,
    "torch_dtype": "bfloat16",
    "sliding_window": 128,
    "head_dim": 512,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 448,
    "kv_lora_rank": 512,
    "q_lora_rank": 1024,
    "index_head_dim": 128,
    "index_n_heads": 64,
    "index_topk": 512,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 6,
    "moe_intermediate_size": 2048,
    "num_nextn_predict_layers": 1,
    "compress_ratios": [0, *(4 if i % 2 == 0 else 128 for i in range(42))],
    "quantization_config": _FP8,
}
_PRO: dict[str, Any] = {
    **_FLASH,
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "q_lora_rank": 1536,
    "index_topk": 1024,
    "n_routed_experts": 384,
    "moe_intermediate_size": 3072,
    "compress_ratios": [128, *(128 if i % 2 == 0 else 4 for i in range(60))],
}
# With these, a checkpoint has its draft head in it: checkpoint_bundles_dspark_draft.
_DSPARK: dict[str, Any] = {
    "dspark_block_size": 5,
    "dspark_markov_rank": 256,
    "dspark_noise_token_id": 128799,
    "dspark_target_layer_ids": [40, 41, 42],
}
_NVFP4 = {
    **_FP8,
    "quant_algo": "MIXED_PRECISION",
    "moe_quant_algo": "NVFP4",
    "group_size": 16,
    "ignore": [],
}
_V41: dict[str, Any] = {
    "architectures": ["DeepseekV41ForCausalLM"],
    "model_type": "deepseek_v41",
    "torch_dtype": "bfloat16",
    "image_token_id": 129264,
    "quantization_config": {**_FP8, "weight_block_size": [32, 32], "expert_dtype": "fp4"},
    "text_config": {
        **{k: v for k, v in _FLASH.items() if k not in ("architectures", "quantization_config")},
        **_DSPARK,
        "model_type": "deepseek_v41_text",
        "hidden_size": 5120,
        "num_hidden_layers": 40,
        "num_nextn_predict_layers": 3,
        "dspark_target_layer_ids": [37, 38, 39],
        "compress_ratios": [0, 0] + [2] * 18 + [1] * 20 + [0] * 3,
        "kv_source_layer_ids": [2, 8, 14, 20],
        "index_source_layer_ids": [2, 8, 14, 20, 24, 28, 32, 36],
    },
    "vision_config": {"model_type": "deepseek_v41_vision", "num_hidden_layers": 24},
}
_PACKED, _CONVERTED = "I8", "F8_E4M3"  # how routed experts are stored: FP4, and FP8


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its *config*, and as which type of safetensors its routed *experts* are stored."""

    config: Mapping[str, Any]
    experts: str

    @property
    def weights(self) -> bytes:
        """The start of a file of weights, which says how experts are stored, and has none."""
        tensors = {
            "model.layers.0.mlp.experts.0.gate_proj.weight": self.experts,
            "layers.0.ffn.experts.0.w1.weight": self.experts,
            "model.layers.0.self_attn.wo_a.weight": _CONVERTED,
        }
        header = {n: {"dtype": d, "shape": [0], "data_offsets": [0, 0]} for n, d in tensors.items()}
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text


MODELS: Mapping[str, Model] = {
    "DeepSeek-V4-Flash": Model(_FLASH, _PACKED),
    "DeepSeek-V4-Flash-FP8": Model(_FLASH, _CONVERTED),
    "DeepSeek-V4-Flash-NVFP4": Model({**_FLASH, "quantization_config": _NVFP4}, _PACKED),
    "DeepSeek-V4-Flash-DSpark": Model({**_FLASH, **_DSPARK}, _PACKED),
    "DeepSeek-V4-Flash-0731": Model({**_FLASH, **_DSPARK}, _PACKED),
    "DeepSeek-V4-Pro": Model(_PRO, _PACKED),
    "DeepSeek-V4-Pro-FP8": Model(_PRO, _CONVERTED),
    "DeepSeek-V4-Pro-NVFP4": Model({**_PRO, "quantization_config": _NVFP4}, _PACKED),
    "DeepSeek-V4-Pro-DSpark": Model({**_PRO, **_DSPARK}, _PACKED),
    "DeepSeek-V4-Pro-0813": Model({**_PRO, **_DSPARK}, _PACKED),
    "DeepSeek-V4.1-Flash": Model(_V41, _PACKED),
}
_BY_NAME = {name.lower(): model for name, model in MODELS.items()}
_ANY = "DeepSeek-V4-Flash"  # for a launch whose model isn't of the table


def is_deepseek_v4(name: str) -> bool:
    """Whether a model's name or path says that it's a DeepSeek-V4."""
    return re.search(r"deep-?seek[-_]?v4|ds-?v4", name, re.IGNORECASE) is not None


def given_model(config: LaunchConfig) -> str | None:
    """The model that a launch gives; None where it gives none that is known."""
    for arg in reversed(config.args or ()):
        if arg.flag in ("--model-path", "--model") and len(arg.values) == 1:
            return arg.values[0] if isinstance(arg.values[0], str) else None
    words = config.args[:1] if config.args and config.serves else ()
    word = words[0].values[0] if words and words[0].flag is None and words[0].values else None
    return word if isinstance(word, str) else None


def unknown_model(config: LaunchConfig) -> str:
    """What a launch gives as its model where that isn't known: its text, and what it may be."""
    found = [a.values for a in config.args or () if a.flag in ("--model-path", "--model")]
    if not found and config.args and config.serves and config.args[0].flag is None:
        found = [config.args[0].values]
    value = found[-1][0] if found and found[-1] else ""
    if isinstance(value, str):
        return value
    return value.text if value.default is None else f"{value.text} ({value.default})"


def is_of_deepseek_v4(config: LaunchConfig, model: str | None = None) -> bool:
    """Whether a launch says that it's of a DeepSeek-V4; *model* where it names no model itself.

    Of a model that isn't known, what stands there says so: its default, or a variable's name.
    """
    return is_deepseek_v4(given_model(config) or unknown_model(config) or model or "")


def known_model(name: str | None) -> Model | None:
    """The model of a repository's or folder's name; None where the table has none."""
    return _BY_NAME.get((name or "").rstrip("/").rpartition("/")[2].lower())


def asked_model(name: str | None) -> tuple[str, Model]:
    """The model that SGLang is asked with for a launch of a name, and what it's called."""
    found = known_model(name)
    if found is not None:
        return next(n for n, m in MODELS.items() if m is found), found
    text = (name or "").lower()
    size = "Pro" if "pro" in text else "Flash"
    kind = next((k for k in ("NVFP4", "FP8", "DSpark") if k.lower() in text), None)
    called = f"DeepSeek-V4-{size}-{kind}" if kind else f"DeepSeek-V4-{size}"
    called = "DeepSeek-V4.1-Flash" if "v4.1" in text or "v41" in text else called
    return called, MODELS[called]


def model_facts(name: str | None) -> Mapping[str, object]:
    """What the configuration of a model says, as far as its name tells which it is.

    What isn't the same in all models isn't known where the name isn't one of the table. Values of
    ``mc`` that depend on variables are expressions, as the steps of a resolution have them.
    """
    known = known_model(name)
    facts = dict(_of_config(known if known is not None else MODELS[_ANY]))
    if known is None:
        text = (name or "").lower()
        kind = "deepseek_v41" if "v4.1" in text or "v41" in text else "deepseek_v4"
        others = [_of_config(m) for m in MODELS.values() if m.config["model_type"] == kind]
        for key in {k for o in others for k in o}:
            values = [o.get(key) for o in others]
            facts[key] = (
                values[0]
                if all(v == values[0] for v in values)
                else Open(f"{key[3:]} of the model")
            )
    return {**facts, "mc.is_fp4_experts": _fp4(known)}


def _fp4(model: Model | None) -> object:
    """Whether experts are taken for FP4: ``ModelConfig``, by the weights or by a variable."""
    by_weights: list[object] = ["?", "how the experts of the model are stored"]
    if model is not None:
        by_weights = ["=", model.experts == _PACKED]
    said, over = "SGLANG_DSV4_FP4_EXPERTS", "SGLANG_DSV4_FP4_DEQUANT"
    told = ["and", ["env?", said], ["not", ["env?", over]]]
    return ["if", told, ["env", said], by_weights]


def _of_config(model: Model) -> Mapping[str, Any]:
    text = model.config.get("text_config", {})
    config = {**text, **{k: v for k, v in model.config.items() if not k.endswith("_config")}}
    config["quantization_config"] = model.config["quantization_config"]
    config |= {"architectures": [ARCHITECTURE], "model_type": model.config["model_type"]}
    quantized = config["quantization_config"]
    mixed = quantized.get("moe_quant_algo") == "NVFP4"
    return {
        **{f"hf.{k}": v for k, v in config.items()},
        **{f"hf.quantization_config.{k}": v for k, v in quantized.items()},
        "mc.nvfp4_moe_meta": {"group_size": 16, "exclude_modules": []} if mixed else None,
        "mc.is_multimodal": Open("whether images are served") if text else False,
        "mc.is_generation": True,
        "mc.is_encoder_decoder": False,
        "mc.quantization": Open("the quantization of a mixed checkpoint") if mixed else "fp8",
        "mc.joint_head_config": None,
        "mc.pointer_head": None,
        "mc.decision_config": None,
        "mc.embedding_model_spec": None,
        "mc.is_embedding_gemma": False,
        "mc.attention_arch": "MLA",
    }
