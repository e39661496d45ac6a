"""The GitHub action: its scripts are run as the runner runs them, with what it gives them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from dsv4_env.profile import reference_script

ROOT = Path(__file__).parent.parent.parent
ACTION: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
PAIR = (
    '[tool.dsv4_env]\nsglang = "0.5.13"\n[[tool.dsv4_env.pairs]]\n'
    'profile = "pro-fp4"\nfiles = "run.sh"\n'
)
LIMIT = 1024 * 1024
LOCKED = ROOT / ".github" / "requirements" / "action.txt"


@dataclass(frozen=True)
class Ran:
    """What came of the action: the last exit code, the log, the summary, the outputs."""

    code: int
    log: str
    summary: str
    outputs: dict[str, str]

    @property
    def commands(self) -> list[str]:
        """The lines of the log that the runner obeys."""
        found: list[str] = []
        stopped: str | None = None
        for line in self.log.splitlines():
            text = line.lstrip()
            if stopped is not None:
                stopped = None if text == f"::{stopped}::" else stopped
            elif text.startswith("::stop-commands::"):
                stopped = text.removeprefix("::stop-commands::")
            elif text.startswith("::") or "##[" in text:
                found.append(text)
        assert stopped is None
        return found


@dataclass(frozen=True)
class Runner:
    """A folder with a project, and what stands for GitHub's runner around it."""

    project: Path
    temporary: Path

    def run(self, summary: str = "", **given: str) -> Ran:
        """Run the steps in turn until one fails; inputs have ``_`` for ``-``."""
        inputs = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()}
        inputs |= {"install": "none"} | {name.replace("_", "-"): v for name, v in given.items()}
        assert inputs.keys() == ACTION["inputs"].keys()
        values = {f"inputs.{name}": value for name, value in inputs.items()}
        values["github.action_path"] = str(ROOT)
        log, said = "", ""
        code = 0
        for number, step in enumerate(STEPS):
            script, output, shown = (
                self.temporary / f"{number}.{kind}" for kind in ("sh", "output", "summary")
            )
            script.write_text(step["run"])
            output.write_text("")
            shown.write_text(summary)
            environ = {
                "PATH": f"{self.temporary / 'bin'}:{os.environ['PATH']}",
                "HOME": str(self.temporary),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(shown),
                "RUNNER_TEMP": str(self.temporary),
            }
            environ |= {n: filled(v, values) for n, v in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self.project,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            log += done.stdout.decode()
            said += shown.read_text().removeprefix(summary)
            values |= {f"steps.{step['id']}.outputs.{n}": v for n, v in read(output).items()}
            code = done.returncode
            if code:
                break
        outputs = {n: filled(entry["value"], values) for n, entry in ACTION["outputs"].items()}
        return Ran(code, log, said, outputs)


def filled(text: str, values: dict[str, str]) -> str:
    """A text with its expressions; what no step has told is empty."""
    return EXPRESSION.sub(lambda m: values.get(m[1], ""), str(text))


def read(output: Path) -> dict[str, str]:
    """The file of outputs as the runner reads it."""
    found: dict[str, str] = {}
    lines = iter(output.read_text().split("\n"))
    for line in lines:
        name, heredoc, end = line.partition("<<")
        if heredoc and "=" not in name:
            value: list[str] = []
            while (inner := next(lines)) != end:
                value.append(inner)
            found[name] = "\n".join(value)
        elif line:
            name, equals, found[name] = line.partition("=")
            assert equals
    return found


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    project, temporary = tmp_path / "project", tmp_path / "runner"
    (temporary / "bin").mkdir(parents=True)
    project.mkdir()
    tool = temporary / "bin" / "dsv4-env"
    tool.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dsv4_env "$@"\n')
    tool.chmod(0o755)
    (project / "pyproject.toml").write_text(PAIR)
    (project / "run.sh").write_text(reference_script().read_text())
    return Runner(project, temporary)


def drift(runner: Runner, name: str = "run.sh") -> None:
    text = reference_script().read_text()
    (runner.project / name).write_text(text.replace("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=0"))


def test_inputs_reach_scripts_as_variables_alone() -> None:
    for step in STEPS:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        assert "GITHUB_ENV" not in step["run"]
    used = EXPRESSION.findall((ROOT / "action.yml").read_text())
    assert {u for u in used if u.startswith("inputs.")} == {f"inputs.{n}" for n in ACTION["inputs"]}
    told = {u.split(".")[1] for u in used if u.startswith("steps.")}
    assert told <= {step["id"] for step in STEPS}
    for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert entry["description"].endswith(".")


def test_no_drift(runner: Runner) -> None:
    ran = runner.run()
    assert ran.code == 0
    assert ran.commands == []
    assert "1 file, 1 launch: no drift (32 settings compared, 0 unknown)" in ran.log
    assert ran.summary.startswith("### ✅ dsv4-env: no drift\n")
    assert (ran.outputs["drift"], ran.outputs["exit-code"]) == ("false", "0")
    assert json.loads(Path(ran.outputs["sarif"]).read_text())["runs"][0]["results"] == []
    assert json.loads(Path(ran.outputs["json"]).read_text())["failed"] is False
    assert Path(ran.outputs["markdown"]).read_text() == ran.summary


def test_drift(runner: Runner) -> None:
    drift(runner)
    ran = runner.run()
    assert ran.code == 1
    (command,) = ran.commands
    assert command.startswith("::error file=run.sh,line=18,col=8,endLine=18,title=DSV003 changed")
    assert ran.summary.startswith("### ❌ dsv4-env: drift\n")
    assert (ran.outputs["drift"], ran.outputs["exit-code"]) == ("true", "1")
    (result,) = json.loads(Path(ran.outputs["sarif"]).read_text())["runs"][0]["results"]
    assert result["ruleId"] == "DSV003"


def test_drift_that_does_not_fail_is_told(runner: Runner) -> None:
    drift(runner)
    ran = runner.run(fail_on="never")
    assert (ran.code, ran.outputs["exit-code"], ran.outputs["drift"]) == (0, "0", "true")
    assert len(ran.commands) == 1


def test_every_input(runner: Runner) -> None:
    sub = runner.project / "a b"
    sub.mkdir()
    drift(runner, "a b/one.sh")
    drift(runner, "a b/$(touch x).sh")
    (runner.project / ".git").mkdir()
    args = ["--ignore", "HIP_*", "", "--show-equivalent"]
    ran = runner.run(
        profile="pro-fp4\n pro-fp8",
        paths="  one.sh \r\n\n$(touch x).sh",
        sglang="0.5.13",
        working_directory="a b",
        sarif="out.sarif",
        args="\n".join(args),
    )
    assert ran.code == 1
    assert "2 files, 2 launches: drift" in ran.log
    assert ran.outputs["sarif"] == str(sub / "out.sarif")
    report = json.loads(Path(ran.outputs["json"]).read_text())
    assert {c["left"] for c in report["comparisons"]} == {"pro-fp4", "pro-fp8"}
    assert all("read as SGLang 0.5.13 reads it" in c["notes"] for c in report["comparisons"])
    assert "ignore HIP_*: nothing" in ran.log
    places = {re.findall(r"file=([^,]*),", c)[0] for c in ran.commands}
    assert places == {"a b/one.sh", "a b/$(touch x).sh"}  # as the repository names them
    assert sorted(p.name for p in sub.iterdir()) == ["$(touch x).sh", "one.sh", "out.sarif"]


def test_a_baseline_and_changes(runner: Runner) -> None:
    drift(runner)
    words = [sys.executable, "-m", "dsv4_env", "check", "--baseline", "b.json", "--write-baseline"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(words, cwd=runner.project, env=environ, check=True, capture_output=True)
    ran = runner.run(baseline="b.json")
    assert (ran.code, ran.outputs["drift"], ran.commands) == (0, "false", [])
    ran = runner.run(changed_since="HEAD")
    assert (ran.code, ran.outputs["exit-code"]) == (2, "2")  # no git repository


def test_unreadable_files_are_annotated_and_the_others_reported(runner: Runner) -> None:
    drift(runner)
    (runner.project / "broken.sh").write_text("if true; then\n")
    ran = runner.run(profile="pro-fp4", paths="broken.sh\nrun.sh\nmissing.sh")
    assert (ran.code, ran.outputs["exit-code"]) == (2, "2")
    rules = [re.findall(r"title=(DSV\d+)", c)[0] for c in ran.commands]
    assert sorted(rules) == ["DSV003", "DSV010", "DSV010"]
    assert ran.outputs["drift"] == "true"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"profile": "nope"}, "no pair of [tool.dsv4_env] has the profile 'nope'"),
        ({"fail_on": "fatal"}, "'fatal' is not one of"),
        ({"working_directory": "no/where"}, "no/where"),
        ({"working_directory": "-"}, "./-"),
        ({"args": "--no-such-option"}, "no such option"),
        (
            {"profile": "--output=x.md"},
            "no pair of [tool.dsv4_env] has the profile '--output=x.md'",
        ),
        ({"changed_since": "--output=/x"}, "is no revision"),
        ({"sarif": "no/out.sarif"}, "there is no such folder"),
        ({"paths": "only.sh"}, "only.sh: can't be read"),
        ({"sglang": "9<b>&"}, "9<b>&"),
    ],
)
def test_wrong_inputs(runner: Runner, given: dict[str, str], message: str) -> None:
    ran = runner.run(**given)
    assert ran.code == 2
    assert ran.outputs["exit-code"] == "2"
    assert (ran.outputs["drift"], ran.outputs["sarif"], ran.outputs["json"]) == ("", "", "")
    (command,) = ran.commands
    assert command.startswith("::error title=dsv4-env::")
    assert message in command
    assert ran.summary.startswith("### ❌ dsv4-env: nothing could be checked\n\n<pre>")
    assert "<b>" not in ran.summary
    assert sorted(p.name for p in runner.project.iterdir()) == ["pyproject.toml", "run.sh"]


HOSTILE = "x\n::set-output name=a::b\r\n  ::add-mask::1\n##[error]no\nend\n%0A`touch z`$(touch z)"


@pytest.mark.parametrize("name", sorted(set(ACTION["inputs"]) - {"install", "python", "sarif"}))
def test_hostile_inputs_stay_text(runner: Runner, name: str) -> None:
    ran = runner.run(**{name.replace("-", "_"): HOSTILE})
    assert ran.code == 2
    assert all(c.startswith("::error ") for c in ran.commands), ran.commands
    assert set(ran.outputs) == set(ACTION["outputs"])
    assert ran.outputs["exit-code"] == "2"
    made = {p.name for p in runner.project.iterdir()} - {"pyproject.toml", "run.sh"}
    assert made == set()


def test_a_hostile_name_of_an_output_stays_one_output(runner: Runner) -> None:
    name = "out\nexit-code=0\nend.sarif"
    ran = runner.run(sarif=name)
    assert ran.code == 0
    assert ran.outputs["sarif"] == str(runner.project / name)
    assert ran.outputs["exit-code"] == "0"


def test_a_project_that_names_nothing_is_no_success(runner: Runner) -> None:
    (runner.project / "pyproject.toml").unlink()
    ran = runner.run()
    assert (ran.code, len(ran.commands)) == (2, 1)
    assert "there is nothing to check: no pairs, and no --against; " in ran.commands[0]
    assert "[[tool.dsv4_env.pairs]] in pyproject.toml (`dsv4-env discover" in ran.commands[0]


def test_the_summary_stays_below_what_github_takes(runner: Runner) -> None:
    drift(runner)
    before = "x" * (LIMIT - 500)
    ran = runner.run(summary=before)
    assert ran.summary.startswith("### ❌ dsv4-env: drift\n\n1 file, 1 launch, 32 settings")
    assert len((before + ran.summary).encode()) <= LIMIT
    assert "<details>" not in ran.summary


def test_install(runner: Runner) -> None:
    """What is installed, where and how; pip itself is replaced."""
    python = runner.temporary / "bin" / "python3"
    record = runner.temporary / "record"
    python.write_text(
        f"""#!/bin/bash
printf '%s\\n' "$@" --- >> "{record}"
if [[ "$2$3" == -mvenv ]]; then
    mkdir -p "$4/bin"
    cp "{python}" "$4/bin/python"
    cp "{runner.temporary}/bin/dsv4-env" "$4/bin/dsv4-env"
fi
"""
    )
    python.chmod(0o755)
    for install, expected in (("", str(ROOT)), ("dsv4-env==0.1.0; rm", "dsv4-env==0.1.0; rm")):
        record.unlink(missing_ok=True)
        ran = runner.run(install=install)
        assert ran.code == 0
        calls = [call.splitlines() for call in record.read_text().split("---\n")[:-1]]
        assert all(call[0] == "-I" for call in calls)
        assert calls[-1][-2:] == ["--", expected]
        pips = [call for call in calls if call[1:4] == ["-m", "pip", "install"]]
        assert len(pips) == (1 if install else 2)
        if not install:
            assert pips[0][-3:] == ["--require-hashes", "-r", str(LOCKED)]
            assert {"--no-deps", "--no-build-isolation"} <= set(pips[1])
        assert ran.log.startswith("dsv4-env, version ")


def test_what_is_installed_is_held_to_hashes() -> None:
    """All that dsv4-env needs, of versions that it takes, as the script beside it writes them."""
    text = LOCKED.read_text()
    entries = re.findall(
        r"^(\S+)==(\S+)((?: ;[^\\\n]*)?) \\\n((?:    --hash=.*\n)+)", text, re.MULTILINE
    )
    assert len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    assert all("--hash=sha256:" in hashes for *_, hashes in entries)
    locked = {canonicalize_name(name): version for name, version, *_ in entries}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for requirement in map(Requirement, wanted):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier
    command = (ROOT / ".github" / "requirements" / "compile").read_text()
    assert "--generate-hashes" in command
    assert all(f"compile {p.stem} " in command for p in LOCKED.parent.glob("*.txt"))


@pytest.mark.long
def test_what_is_held_to_hashes_can_be_installed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    pip = [str(tmp_path / "venv" / "bin" / "python"), "-I", "-m", "pip", "install", "-q"]
    done = subprocess.run(
        [*pip, "--require-hashes", "-r", str(LOCKED)], capture_output=True, check=False
    )
    if done.returncode != 0 and os.environ.get("REQUIRE_SHELLS") != "1":
        pytest.skip("the dependencies can't be fetched here")
    assert done.returncode == 0, done.stderr.decode()
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True)
    tool = str(tmp_path / "venv" / "bin" / "dsv4-env")
    words = ["check", "--against", str(ROOT / "profiles/run_dsv4.sh"), "--sglang", "0.5.13"]
    subprocess.run([tool, *words], check=True, cwd=tmp_path)


def test_install_says_what_is_missing(runner: Runner) -> None:
    old = runner.temporary / "bin" / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ran = runner.run(install="", python="python2")
    assert (ran.code, ran.summary) == (2, "")
    assert ran.commands[0].startswith("::error title=dsv4-env::Python 3.11 or newer is needed")
    (runner.temporary / "bin" / "dsv4-env").unlink()
    (runner.temporary / "bin" / "dsv4-env").symlink_to("/nowhere")
    path = os.environ["PATH"]
    os.environ["PATH"] = "/usr/bin:/bin"
    try:
        ran = runner.run()
    finally:
        os.environ["PATH"] = path
    assert (ran.code, len(ran.commands)) == (2, 1)
    assert "there is no dsv4-env on PATH" in ran.commands[0]
