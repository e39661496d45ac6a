"""``adopt``: launches taken over into profiles, written as a whole or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.adopt import eleven

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The eleven tests in a folder of their own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return [p.relative_to(tmp_path).as_posix() for p in eleven.write(tmp_path)]


def kept(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_nothing_is_written_without_being_asked_for(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    before = kept(tmp_path)
    result = run("adopt", *tests, "--rewrite")
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines()[-1].startswith(
        "0 new layers (0 lines of TOML), 11 new pairs, 11 tests rewritten (-"
    )
    assert kept(tmp_path) == before


def test_adopted_tests_are_clean_and_are_not_adopted_again(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    result = run("adopt", *tests, "--rewrite", "--write")
    assert result.code == 0
    assert "--- " not in result.out
    assert run("check").code == 0
    before = kept(tmp_path)
    again = run("adopt", *tests, "--rewrite", "--write")
    assert (again.code, again.out) == (0, "nothing to adopt\n")
    assert "takes its launch from flash-fp4 already, and 10 more do" in again.err
    assert kept(tmp_path) == before


def test_without_rewriting_the_second_time_has_nothing_to_do(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    words = ("adopt", *tests, "--from-nothing", "--profiles", "launch/profiles", "--write")
    result = run(*words)
    assert result.code == 0
    assert "new layers\n  amd-shared (abstract)\n    amd-flash (abstract)\n" in result.out
    assert (tmp_path / "launch" / "profiles" / "amd-pro-fp4.toml").is_file()
    assert 'profiles = "launch/profiles"' in (tmp_path / "pyproject.toml").read_text()
    before = kept(tmp_path)
    assert run("check").code == 0
    again = run("adopt", *tests)
    assert again.code == 0
    assert again.out.splitlines()[-1] == "0 new layers (0 lines of TOML), 0 new pairs"
    assert kept(tmp_path) == before


def test_a_layer_of_ones_own_needs_a_folder(run: Run, tests: list[str], tmp_path: Path) -> None:
    path = tmp_path / tests[0]
    path.write_text(
        path.read_text().replace('"--tp",\n            "8"', '"--tp",\n            "4"')
    )
    result = run("adopt", *tests)
    assert (result.code, result.err) == (
        1,
        "dsv4-env: note: --write asks for --profiles DIR, the folder for new layers "
        "(shown here: profiles)\n",
    )
    result = run("adopt", *tests, "--write")
    assert result.code == 2
    assert "1 layer of your own, and no folder for them; expected --profiles DIR" in result.err
    assert "--write asks for --profiles DIR" in run("adopt", *tests, "--json").err
    result = run("adopt", *tests, "--profiles", "launch", "--rewrite", "--write")
    assert result.code == 0
    assert 'Path(__file__).resolve().parents[3] / "launch"' in path.read_text()
    assert (tmp_path / "launch" / "amd.toml").read_text().endswith('args.--tp = "4"\n')
    assert run("check").code == 0


def test_layers_go_where_the_settings_say(run: Run, tests: list[str], tmp_path: Path) -> None:
    words = ("adopt", tests[0], "--from-nothing", "--write", "--profiles")
    assert run(*words, "launch").code == 0
    before = kept(tmp_path)
    result = run(*words, "other")
    assert result.code == 2
    assert "--profiles other: by its settings the project's layers are in launch" in result.err
    assert kept(tmp_path) == before
    assert run(*words, "./launch").code == 0


def test_layers_that_are_there_are_named_in_the_settings(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    words = ("adopt", tests[0], "--from-nothing", "--write", "--profiles", "launch")
    assert run(*words).code == 0
    before = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").unlink()
    result = run("adopt", tests[0], "--write", "--profiles", "launch")
    assert (result.code, "0 new layers" in result.out) == (0, True)
    assert (tmp_path / "pyproject.toml").read_text() == before
    assert run("check").code == 0


def test_what_is_not_committed_is_not_overwritten(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    words = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]
    subprocess.run(["git", *words], cwd=tmp_path, check=True)
    path = tmp_path / tests[3]
    path.write_text(path.read_text() + "\n# more\n")
    before = kept(tmp_path)
    result = run("adopt", *tests, "--rewrite", "--write", "--profiles", "launch")
    assert result.code == 2
    assert f"{path}: it has changes that aren't committed" in result.err
    assert kept(tmp_path) == before
    assert not (tmp_path / "launch").exists()
    assert run("adopt", *tests, "--rewrite", "--write", "--force").code == 0


def test_json(run: Run, tests: list[str]) -> None:
    result = run("adopt", *tests[:2], "--rewrite", "--json")
    said = json.loads(result.out)
    assert (result.code, said["version"], said["release"], said["layers"]) == (1, 1, "0.5.23", {})
    assert said["launches"][0] == {
        "path": "test/registered/amd/test_deepseek_v4_flash_fp4.py",
        "number": 1,
        "name": "TestDeepseekV4FlashFp4.setUpClass",
        "profile": "flash-fp4",
        "strategy": None,
        "nodes": None,
        "role": None,
    }
    assert [p["profile"] for p in said["pairs"]] == ["flash-fp4", "flash-fp8"]
    assert said["rewritten"] == tests[:2]
    assert said["not_rewritten"] == []


def test_a_launch_is_chosen_as_other_commands_choose_one(run: Run, tests: list[str]) -> None:
    whole = json.loads(run("adopt", tests[0], "--json").out)["launches"]
    (only,) = whole
    lines = Path(tests[0]).read_text().splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if "popen_launch_server(" in text)
    for part in (f"::{only['name']}", "::*.setUp*", f":{line}", f":{line + 1}", "#1"):
        told = json.loads(run("adopt", f"{tests[0]}{part}", "--json").out)
        assert told["launches"] == whole, part


def test_a_release_that_all_start_on_is_named(run: Run, tests: list[str], tmp_path: Path) -> None:
    result = run("adopt", *tests, "--write", "--rewrite")
    assert "taken as written for SGLang 0.5.19, the newest on which all of them start" in result.out
    assert 'sglang = "0.5.19"' in (tmp_path / "pyproject.toml").read_text()
    text = (tmp_path / tests[2]).read_text()
    assert 'PROFILE = load_profile("flash-fp8+tbo", sglang="0.5.19")' in text


WRONG = [
    (["test"], "test: it is a folder; expected files, such as test/test_*.py"),
    (["nosuch.py"], "nosuch.py: can't be read: no such file"),
    (["../outside.py"], "../outside.py: it isn't below"),
    (["plain.py"], "plain.py: no launch of a server"),
    (["{}::TestNone"], "no launch is called TestNone; expected"),
    (["{}#7"], "there is no launch #7; expected"),
    (["{}", "--over", "x", "--from-nothing"], "--over and --from-nothing; expected one of the two"),
    (["{}", "--over", "pro-pf4"], "--over pro-pf4: there is no such profile or layer"),
    (["{}", "--verify", "python3"], "--verify without --rewrite; expected both"),
    (["{}", "--sglang", "banana"], "banana"),
    ([], "missing argument 'FILE...'"),
    (["-"], "standard input can't be held to a profile; expected files"),
    (["{}", "--prefix", "a/b"], "--prefix a/b; expected a word of letters, digits"),
    (["{}", "--over", "mtp"], "--over mtp: it is an overlay; expected a profile, or a layer that"),
    (["{}", "--profiles", ".."], "--profiles .. isn't in the project, whose tests are to find it"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=lambda x: " ".join(x)[:40])
def test_wrong_usage_is_one_message(
    run: Run, tests: list[str], tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "plain.py").write_text("print('hello')\n")
    (tmp_path.parent / "outside.py").write_text(eleven.text(eleven.launches()[0]))
    before = kept(tmp_path)
    result = run("adopt", *(w.format(tests[0]) for w in words))
    assert result.code == 2
    assert result.err.count("error:") == 1
    assert message in result.err
    assert kept(tmp_path) == before


def test_a_test_that_would_launch_otherwise_is_left_alone(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    path = tmp_path / tests[0]
    path.write_text(path.read_text().replace("env.update(COMMON_ENV_VARS)", STRANGE))
    result = run("adopt", *tests, "--rewrite")
    assert result.code == 1
    assert "\nnot rewritten\n" in result.out
    assert "10 tests rewritten" in result.out


STRANGE = "env.update({k: v for k, v in COMMON_ENV_VARS.items() if k in os.environ})"


def test_verify_runs_both(run: Run, tests: list[str], tmp_path: Path) -> None:
    import sys

    result = run("adopt", tests[0], "--rewrite", "--verify", sys.executable, "--write")
    assert result.code == 0
    assert "load_profile" in (tmp_path / tests[0]).read_text()
    result = run("adopt", tests[1], "--rewrite", "--verify", shutil.which("false") or "false")
    assert result.code == 2


def test_a_test_on_a_layer_of_ones_own_is_read_by_its_name_alone(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    path = tmp_path / tests[0]
    path.write_text(path.read_text().replace('"0.90"', '"0.88"'))
    assert run("adopt", *tests, "--profiles", "launch", "--rewrite", "--write").code == 0
    result = run("check", "flash-fp4+amd", "--against", tests[0], "--format", "concise")
    assert (result.code, result.out.splitlines()[-1].endswith("0 unknown)")) == (0, True)
    assert run("check", "flash-fp4", "--against", tests[0]).code == 1


def test_where_no_release_starts_all_of_them_that_is_told(
    run: Run, tests: list[str], tmp_path: Path
) -> None:
    path = tmp_path / tests[0]
    flag = '"--enable-prefill-cp", "--cp-strategy", "interleave", "--enable-two-batch-overlap",'
    path.write_text(path.read_text().replace("other_args = [", f"other_args = [{flag}"))
    other = tmp_path / tests[1]
    more = '"--cuda-graph-max-bs-prefill", "64", "--no-such-flag",'
    other.write_text(other.read_text().replace("other_args = [", f"other_args = [{more}"))
    result = run("adopt", *tests[:2], "--from-nothing", "--profiles", "launch")
    assert result.code == 1
    assert "no known release starts all of the launches" in result.out


def test_comments_that_go_are_told(run: Run, tests: list[str]) -> None:
    result = run("adopt", tests[0], "--rewrite")
    told = "goes with what is taken out (on settings of layers that ship): # What its weights need."
    assert f"note: 1 comment {told}" in result.out


SCRIPT = """\
#!/usr/bin/env bash
{exports}
if [ "${{PROFILING:-}}" = 1 ]; then
    EXTRA=(--enable-profile-cuda-graph)
fi
exec python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro {flags} ${{EXTRA[@]}}
"""


@pytest.fixture
def script(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """A script with a flag that is given under a condition, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    exports, flags = (run("export", "pro-fp4", "-f", f).out for f in ("shell", "args"))
    (tmp_path / "run.sh").write_text(SCRIPT.format(exports=exports, flags=flags.strip()))
    return "run.sh"


def test_what_check_will_fail_for_is_told_before_it_is_written(
    run: Run, script: str, tmp_path: Path
) -> None:
    words = ("adopt", script, "--profiles", "own", "--rewrite")
    shown = run(*words)
    told = "--enable-profile-cuda-graph is set; pro-fp4 doesn't have it: remove it"
    assert shown.code == 1
    head = "\n`check` will fail for these, until they are mended or excused (a waiver)\n"
    assert f"{head}  {script}:" in shown.out
    assert told in shown.out
    assert '(when ${PROFILING:-} = "1")' in shown.out
    assert "note: `check` will fail for 1 file, for what is left as it is\n" in shown.err
    written = run(*words, "--write")
    assert written.code == 1
    assert written.err.startswith("dsv4-env: note: `check` will fail for 1 file")
    assert "1 script rewritten" in written.out
    assert 'eval "$(dsv4-env export pro-fp4 -f bash' in (tmp_path / script).read_text()
    checked = run("check", "--format", "concise")
    assert checked.code == 1
    assert told in checked.out
    text = (tmp_path / script).read_text()
    allowed = '# dsv4-env: allow --enable-profile-cuda-graph reason="to look at it"\n'
    (tmp_path / script).write_text(text.replace("exec ", f"{allowed}exec "))
    assert run("check").code == 0


def test_what_check_will_fail_for_as_json(run: Run, script: str) -> None:
    said = json.loads(run("adopt", script, "--json").out)
    (one,) = said["failing"]
    assert (one["path"], one["profile"], one["rule"]) == (script, "pro-fp4", "DSV002")
    assert one["name"] == "--enable-profile-cuda-graph"


def test_what_a_waiver_excuses_is_nothing_to_tell(run: Run, script: str, tmp_path: Path) -> None:
    text = (tmp_path / script).read_text()
    allowed = '# dsv4-env: allow --enable-profile-cuda-graph reason="to look at it"\n'
    (tmp_path / script).write_text(text.replace("exec ", f"{allowed}exec "))
    written = run("adopt", script, "--write")
    assert (written.code, written.err) == (0, "dsv4-env: wrote pyproject.toml\n")
    assert run("check").code == 0


def test_tests_and_scripts_are_counted_apart(run: Run, tests: list[str], tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("export SGLANG_USE_AITER=1\nsglang serve --tp 8\n")
    result = run("adopt", tests[0], "run.sh", "--profiles", "own", "--rewrite", "--on", "mi355x")
    assert ", 1 test and 1 script rewritten (-" in result.out
