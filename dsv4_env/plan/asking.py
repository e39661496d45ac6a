"""Ask SGLang itself what it makes of a launch, in an interpreter that has it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue import load, nearest
from dsv4_env.catalogue.images import image_env
from dsv4_env.model.errors import ReadError, UsageError
from dsv4_env.plan import resolver
from dsv4_env.plan.evaluate import Change, Refusal, Resolution
from dsv4_env.plan.given import given_by
from dsv4_env.plan.models import ARCHITECTURE
from dsv4_env.plan.planning import Plan, described

if TYPE_CHECKING:
    from dsv4_env.model import LaunchConfig
    from dsv4_env.plan.platforms import Platform

SECONDS = 300  # it imports torch: some 10 s on a slow machine
MEMORY = 16 * 2**30  # bytes of the process
ANSWER = 4 * 2**20  # bytes that are read of it


def ask(python: Path, config: LaunchConfig, on: Platform, *, title: str = "") -> Plan:
    """What SGLang in an interpreter makes of a launch on a platform.

    The process gets the launch's own environment, over its image's, and no other, a small model
    configuration instead of weights, and so much time and memory. Raises ReadError where it doesn't
    answer, UsageError where the launch has values that aren't known.
    """
    unknown = next(iter(config.unknowns), None)
    if unknown is not None:
        raise UsageError(
            f"SGLang can't be asked of a launch with a value that isn't known: {unknown.text}",
            expected="a launch whose values are all known (--set NAME=VALUE, --closed)",
        )
    env = {n: str(s.value) for n, s in config.effective_env.items()}
    env = {**image_env(config.image, on.family), **env}
    words = [str(w) for a in config.args or () if not _is_model(a.flag) for w in a.words]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        model.mkdir()
        (model / "config.json").write_text(json.dumps(_MODEL))
        asked = {"model": str(model), "facts": dict(on.answers), "env": env, "args": words}
        answer = _answered(python, asked, folder)
    return _plan(answer, config, on, title or config.name)


def _is_model(flag: str | None) -> bool:
    return flag in ("--model-path", "--model", "--device")


def _answered(python: Path, asked: dict[str, Any], folder: str) -> dict[str, Any]:
    """The answer of the process. Raises ReadError."""
    expected = "an interpreter that has SGLang, and torch for a CPU"
    try:
        done = subprocess.run(  # noqa: S603
            [str(python), "-P", str(Path(resolver.__file__))],
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=False,
            timeout=SECONDS,
            cwd=folder,
            env={"HOME": folder, "PATH": os.defpath, "HF_HUB_OFFLINE": "1"},
            preexec_fn=_bounded,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        late = isinstance(error, subprocess.TimeoutExpired)
        said = f"no answer within {SECONDS} s" if late else f"can't be run: {error}"
        raise ReadError(said, where=python, expected=expected) from None
    try:
        found = json.loads(done.stdout[:ANSWER])
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
        raise ReadError(
            f"SGLang gives no answer: {lines[-1]}", where=python, expected=expected
        ) from None
    if found.get("at") == "unsupported":
        raise ReadError(found["error"], where=python, expected="SGLang 0.5.23 or newer")
    answer: dict[str, Any] = found
    return answer


def _bounded() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def _plan(answer: dict[str, Any], config: LaunchConfig, on: Platform, title: str) -> Plan:
    release = answer["release"]
    catalogue = replace(load(nearest(release)[0]), release=release)
    if answer["error"] is not None:
        refusal = Refusal(answer["error"], answer["at"] or "")
        return Plan(title, release, on.name, (refusal,), ())
    given = given_by(config, catalogue, on=on)
    said = {k: v for k, v in answer["args"].items() if k not in _OWN}
    fields = {**given.fields, **said, "model_path": given.fields["model_path"]}
    env = dict(answer["env"])
    changes = [Change("env", n, env.get(n), at) for n, at in answer["set_at"].items()]
    changes += [Change("args", n, fields.get(n), at) for n, at in answer["declared_at"].items()]
    found = Resolution(fields, env, changes)
    return described(found, given, catalogue, on, title)


# What depends on the folder of the configuration, or is drawn at each start.
_OWN = frozenset({"model_path", "served_model_name", "tokenizer_path", "random_seed"})
_MODEL: dict[str, Any] = {
    "architectures": [ARCHITECTURE],
    "model_type": "deepseek_v4",
    "hidden_size": 4096,
    "num_hidden_layers": 43,
    "num_attention_heads": 64,
    "num_key_value_heads": 1,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
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
    "compress_ratios": [0, *(4 if i % 2 == 0 else 128 for i in range(42))],
    "quantization_config": {
        "quant_method": "fp8",
        "weight_block_size": [128, 128],
        "scale_fmt": "ue8m0",
        "activation_scheme": "dynamic",
    },
}
