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
from dsv4_env.model import text_of
from dsv4_env.model.errors import ReadError, UsageError
from dsv4_env.plan import resolver
from dsv4_env.plan.evaluate import Change, Refusal, Resolution
from dsv4_env.plan.given import given_by
from dsv4_env.plan.models import asked_model, given_model
from dsv4_env.plan.planning import Plan, described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsv4_env.model import LaunchConfig
    from dsv4_env.plan.platforms import Platform

SECONDS = 300  # it imports torch: some 10 s on a slow machine
MEMORY = 16 * 2**30  # bytes of the process
ANSWER = 4 * 2**20  # bytes that are read of it for each launch


def ask(python: Path, config: LaunchConfig, on: Platform, *, title: str = "") -> Plan:
    """What SGLang in an interpreter makes of a launch on a platform.

    The process gets the launch's own environment, over its image's, and no other, a small model
    configuration instead of weights, and so much time and memory. Raises ReadError where it doesn't
    answer, UsageError where the launch has values that aren't known.
    """
    (answer,) = answers(python, [config], on)
    return _plan(answer, config, on, title or config.name)


def answers(python: Path, configs: Sequence[LaunchConfig], on: Platform) -> list[dict[str, Any]]:
    """What SGLang in an interpreter answers to each launch, as ``resolver`` gives it.

    Raises as :func:`ask` does.
    """
    with tempfile.TemporaryDirectory() as folder:
        launches = [_asked(config, on, Path(folder)) for config in configs]
        asked = {"facts": dict(on.answers), "card": dict(on.card), "launches": launches}
        found = _answered(python, asked, folder)
    for answer in found:  # caches beside the model, which go with it
        env = answer.get("env", {}).items()
        answer["env"] = {n: v for n, v in env if not v.startswith(folder)}
    return found


def _asked(config: LaunchConfig, on: Platform, folder: Path) -> dict[str, Any]:
    """A launch as the process is asked of it. Raises UsageError."""
    unknown = next((u for u in config.unknowns if u.default is None), None)
    if unknown is not None:
        raise UsageError(
            f"SGLang can't be asked of a launch with a value that isn't known: {unknown.text}",
            expected="a launch whose values are all known (--set NAME=VALUE, --closed)",
        )
    env = {n: text_of(s.value) or "" for n, s in config.effective_env.items()}
    env = {**image_env(config.image, on.family), **env}
    words = [str(w) for a in config.args or () if not _is_model(a.flag) for w in a.words]
    name, model = asked_model(given_model(config))
    place = folder / name
    if not place.exists():
        place.mkdir()
        (place / "config.json").write_text(json.dumps(model.config))
        (place / "model.safetensors").write_bytes(model.weights)
    return {"model": str(place), "env": env, "args": words}


def _is_model(flag: str | None) -> bool:
    return flag in ("--model-path", "--model", "--device")


def _answered(python: Path, asked: dict[str, Any], folder: str) -> list[dict[str, Any]]:
    """The answers of the process. Raises ReadError."""
    expected = "an interpreter that has SGLang, and torch for a CPU"
    number = len(asked["launches"])
    seconds = SECONDS + number  # some 0.3 s each on a slow machine, once it's there
    try:
        done = subprocess.run(  # noqa: S603
            [str(python), "-P", str(Path(resolver.__file__))],
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=False,
            timeout=seconds,
            cwd=folder,
            env={"HOME": folder, "PATH": os.defpath, "HF_HUB_OFFLINE": "1"},
            preexec_fn=_bounded,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        late = isinstance(error, subprocess.TimeoutExpired)
        said = f"no answer within {seconds} s" if late else f"can't be run: {error}"
        raise ReadError(said, where=python, expected=expected) from None
    try:
        found = json.loads(done.stdout[: ANSWER * number])
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
        raise ReadError(
            f"SGLang gives no answer: {lines[-1]}", where=python, expected=expected
        ) from None
    for answer in found:
        if answer["at"] == "unsupported":
            raise ReadError(answer["error"], where=python, expected="SGLang 0.5.12 or newer")
    answered: list[dict[str, Any]] = found
    return answered


def _bounded() -> None:
    import resource  # which Windows has not

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def _plan(answer: dict[str, Any], config: LaunchConfig, on: Platform, title: str) -> Plan:
    release = answer["release"]
    catalogue = replace(load(nearest(release)[0]), release=release)
    if answer["error"] is not None:
        refusal = Refusal(answer["error"], answer["at"] or "")
        return Plan(title, release, on.name, (refusal,), ())
    given = given_by(config, catalogue, on=on)
    said = {k: v for k, v in answer["args"].items() if k not in OWN}
    fields = {**given.fields, **said, "model_path": given.fields["model_path"]}
    env = dict(answer["env"])
    changes = [Change("env", n, env.get(n), at) for n, at in answer["set_at"].items() if n in env]
    changes += [Change("args", n, fields.get(n), at) for n, at in answer["declared_at"].items()]
    found = Resolution(fields, env, changes)
    return described(found, given, catalogue, on, title)


# What depends on the folder of the configuration, or is drawn at each start.
OWN = frozenset({"model_path", "served_model_name", "tokenizer_path", "random_seed"})
