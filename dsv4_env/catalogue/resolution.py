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
    """Where SGLang itself sets a variable, or the field of a flag, and to what, in words.

    *name* is the variable's, or the name of the field. For launches of DeepSeek-V4.
    """
    steps = resolution(release) or ()
    found: dict[str, None] = {}
    for step in steps:
        if step[0] in ("env", "set") and step[2] == name:
            given = step[3]
            while given[0] == "t":
                given = steps[given[1]][1]
            value = given[1] if given[0] == "=" else "a value that depends on others"
            asked = dict.fromkeys(_asked(steps, step[1], set()))
            where = [_PLATFORMS[p] for p in asked if p in _PLATFORMS]
            on = f" on {' or '.join(where)}" if where else ""
            file = step[4].removeprefix("sglang/").partition(":")[0]  # lines move with each release
            found[f"{value}{on} ({file})"] = None
    return list(found)


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
