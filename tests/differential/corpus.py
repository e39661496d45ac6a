"""The scripts of the corpus and what their header comments say about how to run them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
SEEDS = HERE / "seeds"


@dataclass(frozen=True, slots=True)
class Script:
    """A script with the inputs and arguments of its ``# inputs:`` and ``# args:`` lines.

    *any_order* (``# order: any``): it starts several launches at once.
    """

    name: str
    text: str
    inputs: Mapping[str, str]
    args: tuple[str, ...]
    any_order: bool


LIBRARY = {
    f"lib/{path.name}": path.read_text(encoding="utf-8")
    for path in sorted((SCRIPTS / "lib").iterdir())
}


def load(path: Path) -> Script:
    """Read one script and its header."""
    text = path.read_text(encoding="utf-8")
    header = {"inputs": "", "args": "", "order": ""}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        key, _, rest = line.removeprefix("#").strip().partition(": ")
        if key in header:
            header[key] = rest
    inputs = dict(word.partition("=")[::2] for word in shlex.split(header["inputs"]))
    args = tuple(shlex.split(header["args"]))
    return Script(path.stem, text, inputs, args, header["order"] == "any")


CORPUS = [load(path) for path in sorted(SCRIPTS.glob("*.sh"))]
KEPT_SEEDS = [load(path) for path in sorted(SEEDS.glob("*.sh"))]
