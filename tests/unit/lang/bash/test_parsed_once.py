"""A text that many scripts source: parsed once, and nothing told otherwise by that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsv4_env.lang.bash.interp import texts
from dsv4_env.lang.bash.syntax import tree
from dsv4_env.model import LaunchConfig
from dsv4_env.model.budget import Budget
from dsv4_env.readers import bash

LIBRARY = "".join(f"helper_{i}() {{ echo {i}; }}\n" for i in range(200)) + "export SGLANG_A=1\n"
SCRIPT = "source lib.sh\nsglang serve --model-path m --tp {tp}\n"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests had parsed doesn't count."""
    monkeypatch.setattr(texts, "_kept", type(texts._kept)())


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all texts that are parsed from now on."""
    sizes: list[int] = []
    parse: Any = tree.parse

    def parsed(text: str, *args: Any, **options: Any) -> Any:
        sizes.append(len(text))
        return parse(text, *args, **options)

    monkeypatch.setattr(texts, "parse", parsed)
    return sizes


def said(config: LaunchConfig) -> tuple[Any, ...]:
    env = [(e.name, e.value, e.origin) for e in config.env]
    return env, config.argv, config.notes, config.partial


def read(folder: Path, tp: int, budget: Budget | None = None) -> list[LaunchConfig]:
    text = SCRIPT.format(tp=tp)
    return bash.read_all(text, str(folder / f"{tp}.sh"), root=folder, budget=budget)


def test_scripts_that_source_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is parsed once, each script pays the steps, and a change of the file is seen."""
    (tmp_path / "lib.sh").write_text(LIBRARY)
    sizes, budgets = counted(monkeypatch), [Budget(), Budget()]
    first, second = (read(tmp_path, 8, budget) for budget in budgets)
    assert sizes == [len(LIBRARY)]
    assert budgets[0].spent_steps == budgets[1].spent_steps
    assert list(map(said, first)) == list(map(said, second))
    (tmp_path / "lib.sh").write_text(LIBRARY.replace("A=1", "A=2"))
    assert [[e.value for e in c.env] for c in read(tmp_path, 4)] == [["2"]]
    assert sizes == [len(LIBRARY)] * 2


@pytest.mark.parametrize("steps", [400, 900, 2_000, 4_000, 20_000])
def test_a_budget_that_ends_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Whether it is at hand makes no difference to what is told."""
    (tmp_path / "lib.sh").write_text(LIBRARY)
    fresh = list(map(said, read(tmp_path, 8, Budget(steps))))
    read(tmp_path, 8)
    sizes = counted(monkeypatch)
    assert list(map(said, read(tmp_path, 8, Budget(steps)))) == fresh
    assert (sizes == []) is (steps == 20_000)


def test_how_much_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The texts that were used last, up to a number of characters; short ones never."""
    monkeypatch.setattr(texts, "_MOST", 3 * len(LIBRARY))
    for tp in range(8):
        (tmp_path / "lib.sh").write_text(LIBRARY.replace("A=1", f"A={tp}"))
        read(tmp_path, tp)
    assert [text[-2:-1] for text, _ in texts._kept] == ["5", "6", "7"]
    (tmp_path / "lib.sh").write_text("export SGLANG_A=1\n")
    read(tmp_path, 8)
    assert len(texts._kept) == 3
