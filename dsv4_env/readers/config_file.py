"""``--config FILE``: the YAML that SGLang merges below the command line.

Source: ConfigArgumentMerger, sglang/srt/utils/server_args_config_parser.py, the same from 0.5.11 to
0.5.23 but for keys that it refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import Catalogue, load, releases
from dsv4_env.guard.files import is_within, looked_at, read_bytes, real
from dsv4_env.lang import yaml
from dsv4_env.model import LaunchConfig, Note, Origin, ServerArg, Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError

_FLAG = "--config"
_KIND = "a file of server arguments in YAML"
_BOOLEANS = {
    **dict.fromkeys(("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?")


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
    notes: list[Note] = []
    try:
        found = list(_arguments(option.values[0], path, root, notes))
    except ReadError as exc:
        word = Unknown(
            f"{_FLAG} {option.values[0]}", exc.message, splits=True, location=option.location
        )
        found = [ServerArg(None, (word,), Origin(launch.reader, option.location))]
    if option.condition is not None:
        found = [replace(a, condition=option.condition) for a in found]
    rest = tuple(a for a in args if a is not option)
    return replace(launch, args=(*found, *rest), notes=(*launch.notes, *notes))


def _arguments(name: Value, path: str, root: Path | None, notes: list[Note]) -> Iterator[ServerArg]:
    if not isinstance(name, str):
        raise ReadError("which file that is isn't known")
    data, shown = _content(name, path, root)
    yield from arguments(data, shown, notes, Budget())


def arguments(
    data: str | bytes, shown: str, notes: list[Note], budget: Budget
) -> Iterator[ServerArg]:
    """The arguments that such a file gives, in its order; what SGLang refuses goes to *notes*."""
    documents = yaml.parse(data, shown, _KIND, budget)
    top = documents[0] if documents else None
    if top is None:
        return
    if not isinstance(top, yaml.Mapping):
        raise ReadError("no mapping", where=shown, expected=_KIND)
    newest = load(releases()[-1])
    for key, node in top.items.items():
        budget.step(None, 8)
        where = top.keys[key].location
        if stops := _refused(newest, key):
            notes.append(Note(f"SGLang stops on {key} in {shown}: {stops}", where))
        words = _words(newest, key, _value(node))
        if words is not None:
            spelled = " ".join(words)
            yield ServerArg(f"--{key}", tuple(words), Origin("config", where, spelled))


def _content(name: str, path: str, root: Path | None) -> tuple[bytes, str]:
    if Path(name).suffix.lower() not in (".yaml", ".yml"):
        raise ReadError("SGLang stops: it takes .yaml and .yml files only")
    beside = Path(path).parent
    folders = [f for f in (beside if Path(path).is_file() else None, root) if f is not None]
    within = root or (real(beside) if folders else None)
    for folder in folders:
        file = folder / name
        if within is None or not is_within(real(file), real(within)):
            continue
        looked_at(file)
        if file.is_file():
            return read_bytes(file, expected=_KIND, root=within), str(file)
    raise ReadError("that file isn't there; --root names the folder that it lies in")


def _refused(catalogue: Catalogue, key: str) -> str | None:
    match = catalogue.argument(f"--{key.replace('_', '-')}")
    if match and match.argument and match.argument.action == "BooleanOptionalAction":
        return "it takes no such flag from a file"
    return None


def _value(node: yaml.Node) -> Any:
    """What PyYAML makes of a node."""
    if isinstance(node, yaml.Sequence):
        return [_value(n) for n in node.items]
    if isinstance(node, yaml.Mapping):
        return {key: _value(n) for key, n in node.items.items()}
    if not node.plain:
        return node.text
    if node.null:
        return None
    if node.text in _BOOLEANS:
        return _BOOLEANS[node.text]
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    if _NUMBER.fullmatch(node.text):
        return float(node.text)
    return node.text


def _words(catalogue: Catalogue, key: str, value: Any) -> list[str] | None:
    """The values of a flag; none of one that takes none, None where the flag isn't given."""
    if isinstance(value, bool):
        match = catalogue.argument(f"--{key.replace('_', '-')}")
        if match and match.argument and match.argument.nargs == "0":
            return [] if value else None
        return [str(value).lower()]
    if isinstance(value, list):
        return [str(v) for v in value] if value else None
    return [json.dumps(value) if isinstance(value, dict) else str(value)]
