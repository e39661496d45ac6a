"""Edits of single findings: each one, made alone, settles its finding and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dsv4_env.writeback.fixes import MOST_FIXES, as_fix
from tests.conftest import Result

CASE = Path(__file__).parents[2] / "cases" / "commands" / "fixes"
Run = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in CASE.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    return tmp_path


def made(text: str, start: int, end: int, new: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[: start - 1], *new.split("\n"), *lines[end:]])


def found(run: Run, name: str) -> list[dict[str, Any]]:
    result = run("check", "flash-fp4", "--sglang", "0.5.23", "--against", name, "-f", "rdjsonl")
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.parametrize("name", ["run.sh", "test_v4.py"])
def test_each_edit_settles_its_finding_alone(run: Run, here: Path, name: str) -> None:
    text = (here / name).read_text()
    before = found(run, name)
    all_of_them = [d["message"] for d in before]
    tried = [d for d in before if "suggestions" in d]
    assert len(tried) >= 8
    for diagnostic in tried[:3] + tried[-2:]:
        (one,) = diagnostic["suggestions"]
        at = one["range"]["start"]["line"], one["range"]["end"]["line"]
        (here / name).write_text(made(text, *at, one["text"]))
        left = [d["message"] for d in found(run, name)]
        assert set(left) == set(all_of_them) - {diagnostic["message"]}


def test_sarif_and_reviewdog_say_the_same_edit(run: Run, here: Path) -> None:
    suggested = [d["suggestions"][0] for d in found(run, "run.sh") if "suggestions" in d]
    result = run("check", "flash-fp4", "--sglang", "0.5.23", "--against", "run.sh", "-f", "sarif")
    results = json.loads(result.out)["runs"][0]["results"]
    changes = [r["fixes"][0]["artifactChanges"][0]["replacements"] for r in results if "fixes" in r]
    assert [one["insertedContent"]["text"] for (one,) in changes] == [s["text"] for s in suggested]


def test_no_edit_where_none_is_known(run: Run, here: Path) -> None:
    (here / "inspected.json").write_text(
        '[{"Id": "1", "Config": {"Cmd": ["sglang", "serve", "--tp", "4"], "Env": []}}]'
    )
    known = found(run, "inspected.json")
    assert known
    assert all("suggestions" not in d for d in known)
    (here / "secret.sh").write_text("HF_TOKEN=hunter2hunter2 sglang serve --tp 4\n")
    tp = next(d for d in found(run, "secret.sh") if d["message"].startswith("--tp is"))
    assert "suggestions" not in tp  # the line that it would give anew holds a secret


def test_what_was_not_sought_is_told(run: Run, here: Path) -> None:
    many = "".join(f"export MINE_{n}=1\n" for n in range(MOST_FIXES + 5))
    (here / "many.sh").write_text(f"{many}sglang serve --tp 8\n")
    result = run("check", "flash-fp4", "--against", "many.sh", "-f", "rdjsonl")
    assert f"note: edits were worked out for {MOST_FIXES} findings, not for " in result.err
    assert "flash-fp4 against" not in result.err
    assert "1 file, 1 launch: drift" in result.err


LINES = st.lists(st.sampled_from(["", "a", "b", "export A=1"]), max_size=6).map("\n".join)


@given(old=LINES, new=LINES)
def test_a_fix_is_the_whole_edit(old: str, new: str) -> None:
    fix = as_fix("f", old, new)
    assert (fix is None) is (old == new)
    if fix is not None:
        assert "\n".join(old.split("\n")[fix.start - 1 : fix.end]) == fix.old
        assert made(old, fix.start, fix.end, fix.new) == new


def test_an_edit_that_spans_too_much_or_cannot_be_shown_is_none() -> None:
    assert as_fix("f", "a\n" + "x\n" * 20 + "b", "c\n" + "x\n" * 20 + "d") is None
    assert as_fix("f", "a\r\nb", "a\r\nc\r") is None
