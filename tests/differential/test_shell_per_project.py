"""The docs' lines for direnv and mise: a profile comes with ``cd`` and goes with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dsv4_env import load_profile
from tests.conftest import ROOT, need

FILES = re.compile(r"^# (\S+)\n(.*?)(?=^# \S+\n|^```)", re.MULTILINE | re.DOTALL)
PROFILE = load_profile("pro-fp4")
NAME, VALUE = next(iter(PROFILE.env.items()))
HOOKS = {
    "direnv": ("direnv allow project/.envrc", 'eval "$(direnv export bash)"'),
    "mise": ('mise trust -q project/mise.toml && eval "$(mise activate bash)"', "_mise_hook"),
}


def written(program: str, folder: Path) -> None:
    """The files that docs/howto/shell.md gives for a program, as they stand there."""
    text = (ROOT / "docs" / "howto" / "shell.md").read_text()
    section = text.split("## A shell per project\n", 1)[1].split("\n## ", 1)[0]
    files = dict(FILES.findall(section))
    names = {"direnv": [".envrc"], "mise": ["mise.toml", "dsv4-env.sh"]}[program]
    for name in names:
        (folder / name).write_text(files[name])


@pytest.fixture(params=HOOKS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name: str = request.param
    if name == "mise" and shutil.which(name) is None:
        pytest.skip("mise isn't installed, and no package of Debian")
    need(name)
    (tmp_path / "project").mkdir()
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "dsv4-env"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dsv4_env "$@"\n')
    tool.chmod(0o755)
    written(name, tmp_path / "project")
    return name


def shell(program: str, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    begin, hook = HOOKS[program]
    lines = [f"hook() {{ {hook}; }}", begin, *script.splitlines()]
    environ = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "MISE_OFFLINE": "1",
    }
    return subprocess.run(
        [need("bash"), "-c", "\n".join(lines)],
        cwd=folder, env=environ, capture_output=True, text=True,
    )  # fmt: skip


def test_a_profile_comes_and_goes_with_its_folder(program: str, tmp_path: Path) -> None:
    script = f'export {NAME}=before\nsay() {{ hook; echo "${NAME}"; }}\n'
    script += "say; cd project; say; cd ..; say"
    done = shell(program, tmp_path, script)
    assert done.stdout.splitlines() == ["before", VALUE, "before"], done.stderr


def test_a_wrong_profile_loads_nothing_and_says_so(program: str, tmp_path: Path) -> None:
    for path in (tmp_path / "project").iterdir():
        path.write_text(path.read_text().replace("pro-fp4", "pro-fp5"))
    done = shell(program, tmp_path, f'cd project; hook; echo "${{{NAME}-unset}}"')
    assert done.stdout.splitlines()[-1:] == ["unset"]
    assert "unknown profile 'pro-fp5'" in done.stderr


@pytest.mark.parametrize("program", ["direnv"], indirect=True)  # mise looks at its own files alone
def test_an_edit_of_a_layer_is_seen(tmp_path: Path, program: str) -> None:
    own = tmp_path / "project" / "launch" / "profiles"
    own.mkdir(parents=True)
    layer = own / "mine.toml"
    layer.write_text('[env]\nA = "one"\n')
    (tmp_path / "project" / "pyproject.toml").write_text(
        '[tool.dsv4_env]\nprofiles = "launch/profiles"\n'
    )
    rc = tmp_path / "project" / ".envrc"
    rc.write_text(rc.read_text().replace("pro-fp4", "mine"))
    script = 'cd project; hook; echo "$A"; sed -i s/one/two/ launch/profiles/mine.toml\n'
    script += 'touch -d "+1 minute" launch/profiles/mine.toml; hook; echo "$A"'
    done = shell(program, tmp_path, script)
    assert done.stdout.splitlines() == ["one", "two"], done.stderr
