"""The shipped steps of each release's resolution of arguments: what SGLang makes of a launch."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
