"""The cookbook's cells beside what node makes of them, and bash of that."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from dsv4_env.model import Value
from dsv4_env.readers import HowRead, read

CASE = Path(__file__).parents[1] / "cases" / "cookbook" / "cells" / "input.jsx"
RENDER = Path(__file__).parent / "cookbook.mjs"
NODE = shutil.which("node")
SHOW = 'show() { printf "%s\\0" "$@"; printf "\\1"; env -0; }\n'

pytestmark = pytest.mark.skipif(NODE is None, reason="node isn't installed")


def rendered(text: str, folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    """Words and variables of each cell's command."""
    assert NODE is not None
    file = folder / "config.mjs"
    file.write_text(text)
    done = subprocess.run([NODE, RENDER, file.as_uri()], capture_output=True, text=True, check=True)
    found = []
    for command in json.loads(done.stdout):
        out = subprocess.run(
            ["bash", "-c", SHOW + command], capture_output=True, check=True, text=True,
            env={"PATH": os.environ["PATH"]},
        ).stdout  # fmt: skip
        words, _, env = out.partition("\1")
        pairs = (e.partition("=") for e in env.split("\0") if e)
        ours = {n: v for n, _, v in pairs if n not in ("PATH", "PWD", "SHLVL", "_")}
        found.append((words.split("\0")[:-1], ours))
    return found


def shown(value: Value) -> str:
    return value if isinstance(value, str) else value.text


def compared(text: str, folder: Path) -> int:
    found = read(text.encode(), "config.jsx", HowRead())
    ours = [
        ([shown(w) for w in c.argv], {n: shown(e.value) for n, e in c.effective_env.items()})
        for c in found
    ]
    assert ours == rendered(text, folder)
    return len(found)


def test_the_case(tmp_path: Path) -> None:
    assert compared(CASE.read_text(), tmp_path) == 4


def test_made_configurations(tmp_path: Path) -> None:
    """Of quotes, escapes, templates, comments and nodes, in any order."""
    draw = random.Random(19)
    flags = [
        '"--tp 8"', "'--dp 2'", "`--ep 4`", '"--enable-dp-attention"', '"--tp-size=8"',
        r'"--deepep-config ' + r"'{\"a\":{\"b\":1}}'" + '"', r"'--x \'a  b\' c'",
        '"--model-path {{MODEL_NAME}}"', '"--port {{PORT}}"', r'"--y \u00e9\x41\
z"', '/* gone */ "--z é"', '"--w \\"{{HOST_IP}}:1\\"" // end\n', '"--u \\u{1F600}"',
    ]  # fmt: skip
    env = ['"A=1"', "'B=\"x y\"'", "`C={{TOKEN}}`", r'"D=\'\tx\'"', '"A=2"']
    cells = []
    for number in range(40):
        nodes = draw.choice(['nodes: "single"', 'nodes: "multi-4"', 'nodes: "other"', ""])
        match = f'hw: "h{number % 3}", quant: "q{number % 2}", {nodes}'
        own = ", ".join(draw.sample(flags, draw.randint(1, 8)))
        given = ", ".join(draw.sample(env, draw.randint(0, 4)))
        count = draw.choice(["nnodes: 2,", "'nnodes': 1,", ""])
        cells.append(f"{{ match: {{ {match} }}, {count} env: [{given}], flags: [{own}] }}")
    text = (
        "// sglang\n"
        'export const config = { modelNames: { "h1|q1": "a", q0: "b", h2: "c", default: "d" },\n'
        f"  cells: [{', '.join(cells)}] }};\n"
    )
    assert compared(text, tmp_path) == 40
