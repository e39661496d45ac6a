"""``--config FILE``: the YAML that SGLang merges below the command line.

Source: ConfigArgumentMerger, sglang/srt/utils/server_args_config_parser.py (up to 0.5.18
sglang/srt/server_args_config_parser.py). What a release refuses is lint's to say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import Argument, load, releases
from dsv4_env.guard.files import is_file, is_within, looked_at, read_bytes, real
from dsv4_env.lang import yaml
from dsv4_env.model import LaunchConfig, Origin, ServerArg, Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError

_FLAG = "--config"
_TWO_SIDED = "BooleanOptionalAction"  # --x and --no-x
_KIND = "a file of server arguments in YAML"


def with_config_file(launch: LaunchConfig, path: str, root: Path | None) -> LaunchConfig:
    """The launch with the arguments of its ``--config`` file in front of its own.

    The file lies below *root*, or beside the file *path* that the launch was read from. Where it
    can't be read, its arguments are one word that isn't known.
    """
    args = launch.args or ()
    given = [a for a in args if a.flag == _FLAG and not a.joined and len(a.values) == 1]
    if len(given) != 1:
        return launch  # SGLang stops on more than one
    (option,) = given
    try:
        found = list(_arguments(option.values[0], path, root))
    except ReadError as exc:
        word = Unknown(
            f"{_FLAG} {option.values[0]}", exc.message, splits=True, location=option.location
        )
        found = [ServerArg(None, (word,), Origin(launch.reader, option.location))]
    if option.condition is not None:
        found = [replace(a, condition=option.condition) for a in found]
    rest = tuple(a for a in args if a is not option)
    return replace(launch, args=(*found, *rest))


def _arguments(name: Value, path: str, root: Path | None) -> Iterator[ServerArg]:
    file = name if isinstance(name, str) else name.file
    if file is None:
        raise ReadError("which file that is isn't known")
    data, shown = _content(str(file), path, root)
    yield from arguments(data, shown, Budget())


def arguments(data: str | bytes, shown: str, budget: Budget) -> Iterator[ServerArg]:
    """The arguments that such a file gives, in its order. Raises ReadError where it's no such."""
    documents = yaml.parse(data, shown, _KIND, budget)
    if len(documents) > 1:
        raise ReadError(
            "a second document, on which SGLang stops", where=documents[1].location, expected=_KIND
        )
    top = documents[0] if documents else None
    if top is None or (isinstance(top, yaml.Scalar) and top.null):
        return
    if not isinstance(top, yaml.Mapping):
        raise ReadError("no mapping", where=shown, expected=_KIND)
    for key, node in top.items.items():
        budget.step(None, 8)
        where = top.keys[key].location
        words = _words(key, yaml.plain_value(node))
        if words is not None:
            spelled = " ".join(words)
            yield ServerArg(f"--{key}", tuple(words), Origin("config", where, spelled))


def _content(name: str, path: str, root: Path | None) -> tuple[bytes, str]:
    if Path(name).suffix.lower() not in (".yaml", ".yml"):
        raise ReadError("SGLang stops: it takes .yaml and .yml files only")
    beside = Path(path).parent
    folders = [f for f in (beside if is_file(path) else None, root) if f is not None]
    within = root or (real(beside) if folders else None)
    for folder in folders:
        file = folder / name
        if within is None or not is_within(real(file), real(within)):
            continue
        looked_at(file)
        if is_file(file):
            shown = str(file)
            if Path(name).is_absolute() and not beside.is_absolute():
                shown = os.path.normpath(beside / os.path.relpath(real(file), real(beside)))
            return read_bytes(file, expected=_KIND, root=within), shown
    raise ReadError("that file isn't there; --root names the folder that it lies in")


def _words(key: str, value: Any) -> list[str] | None:
    """The values of a flag; none of one that takes none, None where the flag isn't given."""
    if isinstance(value, bool):
        if _is_switch(f"--{key.replace('_', '-')}"):
            return [] if value else None
        return [str(value).lower()]
    if isinstance(value, list):
        return [str(v) for v in value] if value else None
    return [json.dumps(value) if isinstance(value, dict) else str(value)]


def _is_switch(flag: str) -> bool:
    """Whether the newest release that has the flag takes it without a value."""
    newest = load(releases()[-1])
    if flag in newest.option_strings():
        return _switch(newest.arguments.get(newest.option_strings()[flag]))
    return flag in _older_switches()


def _switch(argument: Argument | None) -> bool:
    return argument is not None and argument.nargs == "0" and argument.action != _TWO_SIDED


@lru_cache(maxsize=1)
def _older_switches() -> frozenset[str]:
    """The flags without a value of all releases; only those that the newest hasn't are asked."""
    older = [a for r in releases() for a in load(r).arguments.values() if _switch(a)]
    return frozenset(f for a in older for f in a.flags)
