"""The workflows and the action: linted by zizmor and jactionlint, held to GitHub's schemas."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import dsv4_env

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = Path(sysconfig.get_path("scripts"))
USES = re.compile(r"uses: (\S+)@(\S+)(?:  # (\S+))?$", re.MULTILINE)


def load(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text()
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


def lint(tool: str, *words: object) -> None:
    done = subprocess.run(
        [str(SCRIPTS / tool), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    lint("zizmor", "--offline", "--pedantic", "--no-progress", *WORKFLOWS, ROOT / "action.yml")


def test_zizmor_would_find_something(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(re.sub(r"@[0-9a-f]{40}", "@v4", WORKFLOWS[0].read_text()))
    with pytest.raises(AssertionError, match="unpinned-uses"):
        lint("zizmor", "--offline", "--no-progress", bad)


def test_jactionlint_finds_nothing() -> None:
    lint("jactionlint", "--shellcheck=", "--pyflakes=", *WORKFLOWS, ROOT / "action.yml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("needs: build", "needs: bild", "job-needs"),
        ("contents: read", "contents: raed", "permissions"),
        ("github.ref_name", "github.reff_name", "reff_name"),
        ("    timeout-minutes: 15\n", "", "missing-timeout"),
    ],
)
def test_jactionlint_would_find_something(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert old in text
    bad = tmp_path / "bad.yml"
    bad.write_text(text.replace(old, new))
    with pytest.raises(AssertionError, match=says):
        lint("jactionlint", "--shellcheck=", "--pyflakes=", bad)


def test_github_takes_the_files() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    lint("check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml")


def test_one_action_is_pinned_in_one_way() -> None:
    found = [use for path in WORKFLOWS for use in USES.findall(path.read_text())]
    assert len(found) >= 8
    assert all(re.fullmatch("[0-9a-f]{40}", commit) and version for _, commit, version in found)
    assert len({name for name, *_ in found}) == len(set(found))


def test_every_python_that_is_named_is_tested() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = [c.rpartition(" ")[2] for c in classifiers if re.search(r":: 3\.\d+$", c)]
    assert load("test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == named
    assert named[-1] == "3.14"


def test_only_the_release_may_publish_and_it_holds_no_secret() -> None:
    release = load("release.yml")
    jobs = release["jobs"]
    assert release["permissions"] == {}
    assert jobs["publish"]["environment"] == "pypi"
    may = [name for name, job in jobs.items() if "id-token" in job["permissions"]]
    assert may == ["attest", "publish"]
    assert jobs["publish"]["needs"] == "attest"
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


@pytest.mark.parametrize(("tag", "code"), [(f"v{dsv4_env.__version__}", 0), ("v9.9.9", 1)])
def test_a_tag_that_is_not_the_version_is_refused(tag: str, code: int) -> None:
    (step,) = (
        s for s in load("release.yml")["jobs"]["build"]["steps"] if "TAG" in s.get("env", {})
    )
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=ROOT,
        env={"TAG": tag, "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == code


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (\S+)", text, re.MULTILINE)[0] == dsv4_env.__version__
