"""The shipped steps of each release's resolution of arguments: what SGLang makes of a launch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

Steps: TypeAlias = Sequence[Sequence[Any]]
_FOLDER = Path(__file__).parent / "data" / "resolution"


def known_resolutions() -> tuple[str, ...]:
    """The releases whose resolution ships with the package."""
    return tuple(sorted(p.stem for p in _FOLDER.glob("*.json")))


@lru_cache(maxsize=2)
def resolution(release: str) -> Steps | None:
    """The steps of a release, as ``extract.effects.resolution_steps`` gives them.

    None where none ship for it.
    """
    path = _FOLDER / f"{release}.json"
    if not path.is_file():
        return None
    found: Steps = json.loads(path.read_bytes())
    return found


def encode_steps(steps: Steps) -> str:
    """The text of a shipped file: one step per line."""
    lines = (json.dumps(s, ensure_ascii=False, separators=(",", ":")) for s in steps)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def own_settings(release: str, name: str) -> list[str]:
    """Where SGLang itself sets a variable, or the field of a flag, to what and when, in words.

    *name* is the variable's, or the name of the field. For launches of DeepSeek-V4.
    """
    steps = resolution(release) or ()
    found: dict[str, None] = {}
    for step in steps:
        if step[0] in ("env", "set") and step[2] == name:
            file = step[4].removeprefix("sglang/").partition(":")[0]  # lines move with each release
            for value, condition in _cases(steps, step[3], step[1]):
                asked = dict.fromkeys(_asked(steps, condition, set()))
                where = [_PLATFORMS[p] for p in asked if p in _PLATFORMS]
                on = f" on {' or '.join(where)}" if where else ""
                found[f"{value}{on}{_when(steps, condition)} ({file})"] = None
    return list(found)


def _cases(steps: Steps, value: Any, condition: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """What may be set, each with its condition."""
    while value[0] == "t":
        value = steps[value[1]][1]
    if value[0] == "if" and depth < MAX_WORDED:
        for part, test in ((value[2], value[1]), (value[3], ["not", value[1]])):
            yield from _cases(steps, part, ["and", condition, test], depth + 1)
    else:
        yield str(value[1]) if value[0] == "=" else "a value that depends on others", condition


def _when(steps: Steps, condition: Any) -> str:
    """A condition in words, without what it asks of the platform; not all of a long one."""
    found: dict[str, None] = {}
    more = False
    for part in _conjuncts(steps, condition):
        if all(name == "model_path" or op == "probe" for op, name in reads(steps, part)):
            continue
        said = _worded(steps, part)
        more = more or said is None or len(found) == MAX_WORDED
        if said is not None and len(found) < MAX_WORDED:
            found[said] = None
    if not found:
        return " in some cases" if more else ""
    return f" where {', '.join(found)}{' and more' if more else ''}"


def _conjuncts(steps: Steps, value: Any) -> Iterator[Any]:
    while value[0] == "t":
        value = steps[value[1]][1]
    if value[0] == "and":
        for part in value[1:]:
            yield from _conjuncts(steps, part)
    elif value[0] != "=":
        yield value


def _worded(steps: Steps, value: Any, *, yes: bool = True) -> str | None:
    """One condition in words; None for what can't be said in a few."""
    while value[0] == "t":
        value = steps[value[1]][1]
    operation, *parts = value
    if operation == "not":
        return _worded(steps, parts[0], yes=not yes)
    if operation in ("cfg", "raw"):
        return f"{_name(steps, value)} is {'on' if yes else 'off'}"
    if operation in ("env", "env?"):
        known = "set" if operation == "env?" else "on"
        return f"{parts[0]} {_SIGNS['==' if yes else '!=']} {known}"
    name = _name(steps, parts[0])
    if len(parts) != 2 or name is None or parts[1][0] != "=":
        return None
    other = parts[1][1]
    if operation in _OPPOSITES and not yes:
        operation = _OPPOSITES[operation]
    if operation in ("is", "is not") and other is None:
        return f"{name} {_SIGNS['!=' if operation == 'is' else '==']} given"
    if isinstance(other, list):
        if operation not in ("in", "not in") or len(other) > MAX_WORDED:
            return None
        return f"{name} is {'one' if operation == 'in' else 'none'} of {', '.join(map(str, other))}"
    return f"{name} {_SIGNS[operation]} {other}" if operation in _SIGNS else None


def _name(steps: Steps, value: Any) -> str | None:
    """What a condition asks about, in words; None for what is no setting."""
    while value[0] in ("t", "lower", "str"):
        value = steps[value[1]][1] if value[0] == "t" else value[1]
    if value[0] in ("cfg", "raw"):
        return "--" + str(value[1]).replace("_", "-")
    if value[0] in ("hf", "mc"):
        return f"the model's {value[1]}"
    return str(value[1]) if value[0] in ("env", "environ") else None


MAX_WORDED = 3  # conditions that are told of one setting, and values of one condition
_OPPOSITES = {
    "is": "is not", "is not": "is", "==": "!=", "!=": "==", "in": "not in", "not in": "in",
    "<": ">=", ">=": "<", ">": "<=", "<=": ">",
}  # fmt: skip
_SIGNS = {"==": "is", "!=": "isn't", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_PLATFORMS = {"is_hip": "ROCm"} | {
    f"is_{sm}{more}": sm.upper() for sm in ("sm90", "sm100", "sm120") for more in ("", "_supported")
}


_OF_CARDS = re.compile(r"is_(hip|cuda|hopper.*|blackwell.*|sm\d+.*|gfx\d+.*)|device_sm|_rocm_.*")


def depends_on(steps: Steps, kind: str, name: str, at: str) -> tuple[bool, bool]:
    """Whether it's the platform, and whether it's the model, that a setting of SGLang's hangs on.

    *kind* is ``env`` or ``set``, *at* the file and line that set *name*.
    """
    mine = [s for s in steps if s[0] == kind and s[2] == name and s[4] == at]
    read = {op for s in mine for part in (s[1], s[3]) for op in reads(steps, part)}
    platform = any(o == "probe" and _OF_CARDS.fullmatch(n) for o, n in read)
    return platform, any(o in ("hf", "hf?", "mc") for o, _ in read) or any(len(s) > 5 for s in mine)


def reads(steps: Steps, value: Any) -> set[tuple[str, str]]:
    """What an expression reads: operations with names, those of earlier values, too."""
    return set(_read(steps, value, set()))


def _read(steps: Steps, value: Any, seen: set[int]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list) or not value or value[0] == "=":
        return
    if value[0] == "t":
        if value[1] not in seen:
            seen.add(value[1])
            yield from _read(steps, steps[value[1]][1], seen)
    elif len(value) > 1 and isinstance(value[1], str):
        yield value[0], value[1]
    else:
        for part in value[1:]:
            yield from _read(steps, part, seen)


def _asked(steps: Steps, value: Any, seen: set[int]) -> Iterator[str]:
    """The questions to the platform that a condition asks for a yes."""
    if not isinstance(value, list) or not value or value[0] in ("=", "not"):
        return
    if value[0] == "probe":
        yield value[1]
    elif value[0] == "t":
        if value[1] not in seen:
            seen.add(value[1])
            yield from _asked(steps, steps[value[1]][1], seen)
    else:
        for part in value[1:]:
            yield from _asked(steps, part, seen)
