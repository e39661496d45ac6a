"""Commands within a checkout of SGLang, which read it as the release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.guard import cache

if TYPE_CHECKING:
    from tests.conftest import Result

    Run = Callable[..., Result]

TREE = Path(__file__).parents[2] / "cases" / "commands" / "within-a-checkout"
READ = "read as the tree's own SGLang (python/sglang)"
PAIR = '[[tool.dsv4_env.pairs]]\nprofile = "mine"\nfiles = "test/*.sh"\n'
OURS = '[tool.dsv4_env]\nprofiles = "launch"\n'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, whose top is the current folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "sglang"
    shutil.copytree(TREE, folder)
    (folder / "launch").mkdir()
    (folder / "mine.toml").rename(folder / "launch" / "mine.toml")
    monkeypatch.chdir(folder)
    return folder


def test_a_pair_is_read_as_the_tree_unless_it_names_a_release(run: Run, tree: Path) -> None:
    (tree / "pyproject.toml").write_text(OURS + PAIR)
    assert READ in run("check").out
    assert READ in run("lint", "test/run.sh").out
    assert json.loads(run("check", "-f", "json").out)["comparisons"][0]["release"] == "tree"
    assert "read as SGLang 0.5.13 reads it" in run("check", "--sglang", "0.5.13").out
    (tree / "pyproject.toml").write_text(OURS + PAIR + 'sglang = "0.5.14"\n')
    assert "read as SGLang 0.5.14 reads it" in run("check").out
    assert "on SGLang 0.5.14: problems" in run("lint", "test/run.sh").out
    assert READ in run("check", "--sglang", "tree").out


def test_a_release_in_the_settings_counts_and_may_be_the_tree(
    run: Run, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "pyproject.toml").write_text(OURS + 'sglang = "0.5.14"\n' + PAIR)
    assert "read as SGLang 0.5.14 reads it" in run("check").out
    monkeypatch.setenv("DSV4_ENV_SGLANG", "tree")
    assert READ in run("check").out
    assert READ in run("lint", "test/run.sh").out


def test_several_launches_read_as_several(run: Run, tree: Path) -> None:
    more = PAIR + 'sglang = "0.5.14"\n'
    (tree / "pyproject.toml").write_text(OURS + PAIR + more)
    out = run("check", "--format", "concise").out
    assert f"note: read as SGLang 0.5.14 reads it\nnote: {READ}\n" in out
    for format_ in ("markdown", "github", "sarif", "junit", "json"):
        out = run("check", "--format", format_).out
        assert READ in out or "the tree's own SGLang" in out or format_ == "junit", format_


def test_from_a_folder_within_and_by_root(
    run: Run, tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tree / "test")
    assert READ in run("lint", "run.sh").out
    monkeypatch.chdir(tmp_path)
    script = str(tree / "test" / "run.sh")
    assert "on SGLang 0.5.23" in run("lint", script).out
    assert READ in run("lint", script, "--root", str(tree)).out
    assert READ in run("check", "--against", script, "--root", str(tree)).out
    assert READ in run("diff", "pro-fp4", script, "--root", str(tree)).out
    assert READ in run("check", "--against", script, "--root", str(tree), "--sglang", "tree").out


def test_all_commands_that_say_what_check_would_say(run: Run, tree: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("--profiles", "launch", "--against", "test/run.sh", "--html", str(page))
    assert run("report", "mine", *words).code == 0
    assert "Read as the tree&#39;s own SGLang (python/sglang" in page.read_text()
    assert '"tree"' not in page.read_text()
    # The profile's range, 0.5.12, would tell "many" from "7".
    assert run("sync", "mine", "--profiles", "launch", "--to", "test/run.sh").code == 0
    released = ("sync", "mine", "--profiles", "launch", "--to", "test/run.sh", "--sglang", "0.5.12")
    assert run(*released).code == 1
    found = json.loads(run("discover", "--profiles", "launch", "--json").out)
    (launch,) = [x for x in found["launches"] if x["path"] == "test/run.sh"]
    assert (launch["profile"], launch["differ"]) == ("mine", 0)
    found = json.loads(run("discover", "--profiles", "launch", "--json", "--sglang", "0.5.12").out)
    (launch,) = [x for x in found["launches"] if x["path"] == "test/run.sh"]
    assert (launch["profile"], launch["differ"]) == ("mine", 2)


def test_history_reads_as_the_newest_release(run: Run, tree: Path) -> None:
    assert "no SGLang to read" not in run("history", ".").err


def test_outside_a_checkout_there_is_no_tree(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text("sglang serve --tp 8\n")
    for argv in (
        ["check", "--sglang", "tree", "--against", "run.sh"],
        ["lint", "pro-fp4", "--sglang", "tree"],
        ["discover", "--sglang", "tree"],
        ["catalogue", "show", "--tp", "--sglang", "tree"],
        ["catalogue", "diff", "0.5.13", "tree"],
        ["catalogue", "unresolved", "tree"],
        ["upgrade", "pro-fp4", "--from", "0.5.13", "--to", "tree"],
    ):
        result = run(*argv)
        assert (result.code, result.out) == (2, ""), argv
        assert result.err == (
            f"dsv4-env: error: {tmp_path}: there is no SGLang to read as the tree's own; expected "
            "python/sglang/srt/server_args.py in it or in a folder above, or --sglang RELEASE\n"
        )


@pytest.mark.parametrize("argv", [["check", "mine"], ["lint", "launch/mine.toml", "test/run.sh"]])
def test_a_tree_that_cant_be_read_gives_way_to_the_range(
    run: Run, tree: Path, argv: list[str]
) -> None:
    (tree / "pyproject.toml").write_text(OURS + PAIR)
    (tree / "python/sglang/srt/environ.py").write_text("def (\n")
    result = run(*argv)
    assert result.code == 1
    assert "SGLang 0.5.12" in result.out
    assert result.err == (
        f"dsv4-env: note: the tree's own SGLang can't be read: {tree}: sglang/srt/environ.py: "
        "can't be parsed as Python; expected SGLang 0.5.11 or newer in python/sglang, or --sglang "
        "RELEASE\n"
    )
    asked = run(*argv, "--sglang", "tree")
    assert (asked.code, asked.out) == (2, "")
    assert "can't be parsed as Python" in asked.err


def test_changes_up_to_the_tree(run: Run, tree: Path) -> None:
    lines = run("catalogue", "diff", "0.5.23", "tree").out.splitlines()
    assert "+ SGLANG_OF_THIS_TREE" in lines
    assert "+ --of-this-tree" in lines
    assert "- --page-size" in lines


def test_a_layer_for_the_tree_has_no_range(run: Run, tree: Path) -> None:
    argv = (
        "upgrade",
        "mine",
        "--profiles",
        "launch",
        "--from",
        "0.5.11",
        "--to",
        "tree",
        "--write",
    )
    result = run(*argv)
    assert result.code == 0
    assert result.out.startswith("mine from SGLang 0.5.11 to the tree's own SGLang: ")
    text = (tree / "launch" / "mine-tree.toml").read_text()
    assert "for the tree's own SGLang" in text
    assert "range" not in text


def test_nothing_is_written_into_the_checkout(
    run: Run, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(tree.rglob("*"))
    run("lint", "test/run.sh")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tree / "cache"))
    assert READ in run("lint", "test/run.sh").out
    assert sorted(tree.rglob("*")) == before
    assert cache.folder() == tree / "cache" / "dsv4-env"


def test_the_source_of_a_tree_is_never_run(run: Run, tree: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for path in (tree / "python/sglang").rglob("*.py"):
        path.write_text(f"open({str(ran)!r}, 'w')\n{path.read_text()}")
    assert READ in run("lint", "test/run.sh").out
    assert not ran.exists()
