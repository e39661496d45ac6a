"""Launches of all kinds, for what SGLang makes of them: real ones changed, and those it refuses.

Drawn from the flags, values and variables that real launches have and that the resolution asks for.
The same seed gives the same launches, as long as the catalogue is the same; so that the recorded
answers don't depend on it, the launches are recorded with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from dsv4_env.catalogue import Argument, Catalogue
from dsv4_env.catalogue.entries import DECLARED
from dsv4_env.catalogue.resolution import Steps
from dsv4_env.plan.models import MODELS

PLATFORMS = ("mi355x", "mi300x", "h200", "b200", "rtx-pro-6000")
NOTHING: dict[str, Any] = {"model": next(iter(MODELS)), "env": {}, "args": []}
NUMBERS = ("1", "2", "4", "8", "16", "64", "128", "256", "4096")
SHARES = ("0.1", "0.5", "0.85")
# What asks the machine, the network or files for more than the resolution itself does.
BESIDE = frozenset(
    "model_path device config load_format tokenizer_path nnodes node_rank dist_init_addr host port "
    "json_model_override_args speculative_draft_model_path lora_paths model_impl dtype "
    "quantization help nccl_port use_ray ssl_keyfile ssl_certfile".split()
)

# Read when a module is imported, which is before the launches that are asked of one process.
AT_IMPORT = frozenset({"SGLANG_ENABLE_JIT_DEEPGEMM"})


def launches(
    number: int, seed: int, real: Sequence[dict[str, Any]], catalogue: Catalogue, steps: Steps
) -> Iterator[dict[str, Any]]:
    """So many launches, an equal share on each platform.

    Each is ``{"name", "model", "platform", "env", "args"}``.
    """
    random = Random(seed)
    flags = _flags(real, catalogue, set(_asked(steps, "cfg", "raw")))
    variables = _variables(real, catalogue, set(_asked(steps, "env", "env?", "environ")))
    for index in range(number):
        base = random.choice(real) if random.random() < 0.6 else NOTHING
        settings = [s for s in _settings(base["args"]) if random.random() < 0.85]
        args = [w for setting in settings for w in setting]
        taken = {s[0] for s in settings}
        if "--tp" not in taken and random.random() < 0.8:
            args += ["--tp", random.choice(("1", "4", "8", "8", "16"))]
        for flag in random.sample(sorted(flags), random.choice((0, 0, 1, 1, 2, 2, 3, 4))):
            if flag not in taken:
                args += [flag, *random.choice(flags[flag])]
        env = {k: v for k, v in base["env"].items() if random.random() < 0.85}
        for name in random.sample(sorted(variables), random.randint(0, 4)):
            env[name] = random.choice(variables[name])
        platform = PLATFORMS[index % len(PLATFORMS)]
        yield {
            "name": f"random/{index}",
            "model": random.choice((*MODELS, base["model"])),
            "platform": platform,
            "env": env,
            "args": args,
        }


def _settings(words: Sequence[str]) -> Iterator[list[str]]:
    found: list[list[str]] = []
    for word in words:
        if word.startswith("--") or not found:
            found.append([])
        found[-1].append(word)
    yield from found


def _given(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    yield from ((s[0], s[1:]) for s in _settings(words))


def _asked(value: Any, *kinds: str) -> Iterator[str]:
    """The names that steps ask for."""
    if isinstance(value, list):
        if len(value) > 1 and value[0] in kinds and isinstance(value[1], str):
            yield value[1]
        for part in value:
            yield from _asked(part, *kinds)


def _flags(
    real: Sequence[dict[str, Any]], catalogue: Catalogue, asked: set[str]
) -> dict[str, list[list[str]]]:
    """The values that each flag may be given, as words."""
    found: dict[str, list[list[str]]] = {}
    for argument in catalogue.arguments.values():
        if argument.dest in asked and argument.dest not in BESIDE:
            values = _values(argument)
            if values:
                found[argument.flag] = values
    for launch in real:
        for flag, words in _given(launch["args"]):
            known = found.setdefault(flag, [])
            if flag.startswith("--") and words not in known:
                known.append(words)
    return {k: v for k, v in found.items() if v}


def _values(argument: Argument) -> list[list[str]]:
    if argument.choices:
        return [[c] for c in argument.choices]
    if argument.action.startswith("store_"):
        return [[]]
    if argument.action == "store" and argument.nargs is None:
        numbers = {"int": NUMBERS, "float": SHARES}.get(argument.type or "", ())
        return [[n] for n in numbers]
    return []


def _variables(
    real: Sequence[dict[str, Any]], catalogue: Catalogue, asked: set[str]
) -> dict[str, list[str]]:
    """The values that each variable may be given."""
    found: dict[str, list[str]] = {}
    for name in asked:
        known = catalogue.variables.get(name)
        for reading in known.readings if known is not None else ():
            if reading.via == DECLARED and not (known and known.secret):
                kinds = {"bool": ("1", "0", "true", "false"), "int": NUMBERS, "float": SHARES}
                found.setdefault(name, []).extend(kinds.get(reading.kind, ()))
    for launch in real:
        for name, value in launch["env"].items():
            found.setdefault(name, []).append(value)
    return {k: sorted(set(v)) for k, v in found.items() if v and k not in AT_IMPORT}


def encoded(head: dict[str, Any], recorded: Sequence[dict[str, Any]]) -> str:
    """The text of a file of recorded answers: a launch on each line."""
    lines = (json.dumps(r, separators=(",", ":"), ensure_ascii=False) for r in recorded)
    return json.dumps(head)[:-1] + ', "launches": [\n' + ",\n".join(lines) + "\n]}\n"
