"""``report`` and ``history --format html``: where the page goes, what it is of, exit codes."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.profile import reference_script
from tests.repositories import SCRIPT_BRANCH, build, upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

TWO = "sglang serve --tp 8\nsglang serve --tp 4\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def heads(text: str) -> list[str]:
    return re.findall(r'<span class="file">(.*?)</span>', text)


def test_without_more_it_is_what_check_looks_at(run: Callable[..., Result]) -> None:
    done = run("report", "--html", "out.html")
    assert (done.code, done.out, done.err) == (0, "", "")
    text = Path("out.html").read_text()
    assert '<h1 id="verdict">No drift</h1>' in text
    assert heads(text) == ["profile", "run_dsv4.sh"]
    assert str(reference_script().parent) not in text


def test_the_policy_names_the_style_and_the_script(run: Callable[..., Result]) -> None:
    text = run("report", "--html", "-").out
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    assert policy is not None
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"\son[a-z]+=", text.partition("<script>")[0])
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_drift_is_no_error(run: Callable[..., Result]) -> None:
    Path("run.sh").write_text("sglang serve --tp 4\n")
    done = run("report", "--against", "run.sh", "--html", "-")
    assert done.code == 0
    assert '<h1 id="verdict">Drift</h1>' in done.out


def test_every_launch_of_a_file_has_a_column(run: Callable[..., Result]) -> None:
    Path("two.sh").write_text(TWO)
    text = run("report", "pro-fp4", "flash-fp4", "--against", "two.sh", "--html", "-").out
    assert heads(text) == ["profile", "two.sh#1", "two.sh#2"] * 2
    assert "2 profiles held against 1 file, 2 launches" in text
    assert heads(run("report", "--against", "two.sh#2", "--html", "-").out)[1:] == ["two.sh#2"]


def test_pairs_of_a_project(run: Callable[..., Result]) -> None:
    Path("run.sh").write_text("sglang serve --tp 4\n")
    Path("pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "run.sh"\n'
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp8"\nfiles = "run.sh"\n'
    )
    assert heads(run("report", "--html", "-").out) == ["profile", "run.sh"] * 2
    assert heads(run("report", "pro-fp8", "--html", "-").out) == ["profile", "run.sh"]


def test_a_file_that_cannot_be_read(run: Callable[..., Result]) -> None:
    done = run("report", "--against", "nope.sh", "--html", "out.html")
    assert (done.code, Path("out.html").exists()) == (2, False)
    assert "nope.sh" in done.err
    Path("broken.sh").write_text("if true\n")
    Path("pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "broken.sh"\n'
    )
    done = run("report", "--html", "out.html")
    assert done.code == 2
    assert "broken.sh" in Path("out.html").read_text()


def test_histories(run: Callable[..., Result], tmp_path: Path) -> None:
    repository = str(build(tmp_path / "r", upstream()))
    refs = ["--script-ref", SCRIPT_BRANCH, "--tests-ref", "main"]
    text = run("report", "--html", "-", "--history", repository, *refs).out
    assert 'data-title="History"' in text
    assert 'data-title="Matrix"' in text
    alone = run("history", repository, *refs, "-f", "html", "-s", "*BACKEND*", "-o", "h.html")
    assert alone.code == 0
    text = Path("h.html").read_text()
    assert re.findall(r'class="card lanes" data-name="(.*?)"', text) == [
        "sglang_hack_flashmla_backend"
    ]
    assert 'data-title="Matrix"' not in text
    wrong = run("report", "--html", "-", "--since", "2026-05-01")
    assert (wrong.code, wrong.out) == (2, "")
    assert "expected --history REPO with them" in wrong.err
