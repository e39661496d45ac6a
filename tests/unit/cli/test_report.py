"""``report`` and ``history --format html``: where the page goes, what it is of, exit codes."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.catalogue.store import RELEASES
from dsv4_env.matrix.effective import MAX_TARGETS
from dsv4_env.profile import reference_script
from tests.repositories import SCRIPT_BRANCH, Step, build, upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

TWO = "sglang serve --tp 8\nsglang serve --tp 4\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def heads(text: str) -> list[str]:
    return [h.replace("<wbr>", "") for h in re.findall(r'<span class="file">(.*?)</span>', text)]


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def foot(text: str) -> str:
    return re.sub("<.*?>", "", text[text.index("<footer") : text.index("</footer>")])


def targets(text: str) -> list[str]:
    return re.findall(r'<option value="\d+">(.*?)</option>', text)


def test_without_more_it_is_what_check_looks_at(run: Callable[..., Result]) -> None:
    done = run("report", "--html", "out.html")
    assert (done.code, done.out) == (0, "")
    wrote = r"dsv4-env: wrote out\.html: 1 profile, 1 launch, \d+ settings; no drift\n"
    assert re.fullmatch(wrote, done.err)
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


def test_the_lead_says_what_differs_and_what_to_do(run: Callable[..., Result]) -> None:
    Path("a b.sh").write_text(TWO)
    text = run("report", "--against", "a b.sh", "--html", "-").out
    assert "<strong>2 of 2 launches</strong> differ from profile pro-fp4." in text
    assert "<code>dsv4-env sync pro-fp4 --to &#39;a b.sh#1&#39;</code>" in text
    text = run("report", "--html", "-").out
    assert "<strong>The launch</strong> is as profile pro-fp4 says." in text
    assert "dsv4-env sync" not in text


def test_targets(run: Callable[..., Result]) -> None:
    words = ("report", "--html", "-", "--sglang", "0.5.23")
    assert targets(run(*words).out) == ["SGLang 0.5.23 on mi355x"]
    asked = ("--target", "0.5.22@b200", "--target=@MI300", "--target=h200", "--target", "0.5.20")
    assert targets(run(*words, *asked, "--target=h200").out) == [
        "SGLang 0.5.22 on b200", "SGLang 0.5.23 on mi300x", "SGLang 0.5.23 on h200",
        "SGLang 0.5.20, each on its own hardware",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("@", "--target '@'; expected 0.5.23@b200, a release alone, or hardware alone"),
        ("0.5.23@b20", "no platform 'b20'; expected one of mi300x"),
        ("b20", "no platform 'b20'; expected one of mi300x"),
        ("0.9x@b200", "no catalogue of SGLang '0.9x'"),
    ],
)
def test_what_is_no_target(asked: str, said: str, run: Callable[..., Result]) -> None:
    done = run("report", "--html", "out.html", "--target", asked)
    assert (done.code, Path("out.html").exists()) == (2, False)
    assert said in done.err


def test_one_page_has_so_many_targets(run: Callable[..., Result]) -> None:
    asked = [f"--target={release}@b200" for release in RELEASES[-MAX_TARGETS:]]
    assert run("report", "--html", "a.html", *asked).code == 0
    done = run("report", "--html", "-", *asked, "--target=h200")
    assert (done.code, done.out) == (2, "")
    assert f"expected at most {MAX_TARGETS} on one page" in done.err


def test_the_foot_tells_the_commits(run: Callable[..., Result], tmp_path: Path) -> None:
    words = ("report", "--against", "run.sh", "--html", "-")
    Path("run.sh").write_text("sglang serve --tp 8\n")
    assert " at " not in foot(run(*words).out)  # no repository
    commit = build(tmp_path, [Step("main", datetime(2026, 5, 1, tzinfo=UTC),
                                   {"run.sh": "sglang serve --tp 8\n"})])  # fmt: skip
    name = commit.name
    git("reset", "-q")
    at = git("rev-parse", "--short=10", "HEAD")
    assert f"{name} at {at} (2026-05-01)" in foot(run(*words).out)
    assert "with changes" not in foot(run(*words).out)
    Path("run.sh").write_text("sglang serve --tp 4\n")
    assert f"{name} at {at} (2026-05-01) with changes in 1 file" in foot(run(*words).out)


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
    at = git("-C", repository, "log", "-1", "--abbrev=10", "--format=%h (%cs)", SCRIPT_BRANCH)
    assert f"r {SCRIPT_BRANCH} at {at}" in foot(text)
    assert "r main at " in foot(text)
    wrong = run("report", "--html", "-", "--since", "2026-05-01")
    assert (wrong.code, wrong.out) == (2, "")
    assert "expected --history REPO with them" in wrong.err


REFUSED = """\
description = "Mine"
[sglang]
range = ">=0.5.13"
[hardware]
accelerator = "mi355x"
[model]
path = "deepseek-ai/DeepSeek-V4-Pro"
[args]
--tp = "8"
--enable-hierarchical-cache = true
--disable-radix-cache = true
"""


def test_launches_that_do_not_start_are_told_in_the_head(run: Callable[..., Result]) -> None:
    Path("mine.toml").write_text(REFUSED)
    flags = "--tp 8 --enable-hierarchical-cache --disable-radix-cache"
    Path("run.sh").write_text(f"sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro {flags}\n")
    words = ("report", "mine", "--against", "run.sh", "--profiles", ".", "--html", "-")
    text = run(*words, "--target", "0.5.23").out
    assert '<h1 id="verdict">Drift</h1>' in text  # what doesn't start passes no gate
    assert '<div class="verdict bad">' in text
    assert '<p id="stops">2 of 2 columns don&#39;t start (SGLang 0.5.23' in text
    Path("mine.toml").write_text(REFUSED.replace("--enable-hierarchical-cache = true\n", ""))
    Path("run.sh").write_text(Path("run.sh").read_text().replace("--enable-hierarchical-cache", ""))
    text = run(*words, "--target", "0.5.23").out
    assert '<div class="verdict good">' in text
    assert '<p id="stops" hidden>' in text


def test_launches_that_do_not_start_elsewhere_are_told_in_the_head(
    run: Callable[..., Result],
) -> None:
    """Nothing differs, and on another target nothing would run."""
    flags = "--tp 8 --enable-prefill-cp --cp-strategy interleave --enable-two-batch-overlap"
    Path("run.sh").write_text(f"sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro {flags}\n")
    layer = REFUSED.partition("[args]")[0].replace("mi355x", "b200")
    args = '--enable-prefill-cp = true\n--cp-strategy = "interleave"\n'
    args = f'[args]\n--tp = "8"\n{args}--enable-two-batch-overlap = true\n'
    Path("mine.toml").write_text(layer + args)
    words = ("report", "mine", "--against", "run.sh", "--profiles", ".", "--html", "-")
    text = run(*words, "--target", "0.5.23@mi355x").out
    assert '<h1 id="verdict">No drift</h1>' in text
    assert '<div class="verdict stops">' in text
    assert '<p id="stops">2 of 2 columns don&#39;t start (SGLang 0.5.23 on mi355x' in text


def test_what_is_found_is_told_beside_the_file(run: Callable[..., Result]) -> None:
    Path("two.sh").write_text(TWO)
    done = run("report", "pro-fp4", "--against", "two.sh", "--html", "a.html")
    assert done.err.splitlines()[-1].startswith("dsv4-env: wrote a.html: 1 profile, 2 launches, ")
    assert " errors, " in done.err


def test_what_has_no_effect_or_only_stands_elsewhere_has_its_own_mark(
    run: Callable[..., Result],
) -> None:
    text = run("export", "pro-fp4", "-f", "run-sh").out
    first, second = [x for x in text.splitlines() if x.startswith("export SGLANG")][:2]
    moved = text.replace(first, "@").replace(second, first).replace("@", second)
    moved = moved.replace(first, f"export SGLANG_ENABLE_TORCH_COMPILE=0\n{first}")
    Path("moved.sh").write_text(moved)
    words = ("--against", "moved.sh", "--sglang", "0.5.23")
    text = run("report", "pro-fp4", *words, "--html", "-").out
    marks = set(re.findall(r'data-status="([a-z ]+)"', text))
    assert "equivalent" not in marks
    assert "no effect" in marks
    said = run("check", "pro-fp4", *words).out
    assert "stand" in said
    assert "in another order, to the same effect (--show-equivalent says why)" in said
    assert "spelled differently" not in said
