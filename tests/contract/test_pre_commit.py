"""The pre-commit hooks: pre-commit itself runs them in a repository, with what is installed here.

Only where a hook's program comes from is replaced: an environment of its own needs a network.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dsv4_env.profile import reference_script
from dsv4_env.readers import READERS

ROOT = Path(__file__).parent.parent.parent
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(MANIFEST.read_text())
PAIR = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nsglang = "0.5.13"\nfiles = "scripts/run"\n'


def need_pre_commit() -> None:
    if importlib.util.find_spec("pre_commit") is None:
        if os.environ.get("REQUIRE_SHELLS") == "1":
            pytest.fail("pre-commit isn't installed")
        pytest.skip("pre-commit isn't installed")


class Repository:
    """A scratch repository that has the hooks of this one."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        folder.mkdir()
        home.mkdir()
        self.git("init", "-q")
        hooks = [{**hook, "language": "system"} for hook in HOOKS]
        for hook in hooks:
            program, *words = str(hook["entry"]).split()
            assert program == "dsv4-env"
            hook["entry"] = " ".join([f'"{sys.executable}"', "-m", "dsv4_env", *words])
        with (folder / ".pre-commit-config.yaml").open("w") as file:
            YAML().dump({"repos": [{"repo": "local", "hooks": hooks}]}, file)
        (folder / "scripts").mkdir()
        (folder / "scripts" / "run").write_text(reference_script().read_text())

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True)

    def run(self, hook: str, *words: str) -> tuple[int, str]:
        """The exit code of a hook, and what pre-commit shows."""
        self.git("add", "-A")
        environ = {n: v for n, v in os.environ.items() if not n.startswith(("GIT_", "PRE_COMMIT"))}
        environ |= {"PRE_COMMIT_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "pre_commit", "run", hook, "--color", "never", *words]
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, check=False
        )
        return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    need_pre_commit()
    return Repository(tmp_path / "repository", tmp_path / "home")


def test_the_manifest_is_valid() -> None:
    need_pre_commit()
    words = [sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    ids = ["dsv4-env-check", "dsv4-env-lint", "dsv4-env-lint-by-name"]
    assert [hook["id"] for hook in HOOKS] == ids


NAMES = {
    "atom": "sglang_models.json",
    "bash": "run.sh",
    "compose": "compose.yaml",
    "config": "server.yaml",
    "cookbook": "v4.jsx",
    "dockerfile": "Dockerfile",
    "dotenv": "v4.env",
    "inferencex": "amd-master.yaml",
    "inspected": "container.json",
    "kubernetes": "pod.yml",
    "markdown": "README.md",
    "notebook": "v4.ipynb",
    "python": "test_v4.py",
    "skypilot": "task.yaml",
    "slurm-ci": "1p1d.yaml",
    "srt-slurm": "recipe.yaml",
    "systemd": "sglang.service",
    "vscode": ".vscode/launch.json",
    "workflow": ".github/workflows/nightly.yml",
}
MORE = ["page.mdx", "v4.container", "job.slurm", "job.sbatch", ".env", ".env.local", "env.list"]


@pytest.mark.parametrize("name", [*NAMES.values(), *MORE])
def test_every_kind_of_file_is_linted(name: str) -> None:
    need_pre_commit()
    from identify.identify import tags_from_filename

    _, by_type, by_name = HOOKS
    typed = tags_from_filename(Path(name).name) & set(by_type["types_or"])
    assert typed or re.search(by_name["files"], name)


def test_every_kind_has_a_name_here() -> None:
    assert NAMES.keys() == READERS.keys()


def test_check(repository: Repository) -> None:
    (repository.folder / "pyproject.toml").write_text(PAIR)
    code, said = repository.run("dsv4-env-check", "--all-files", "--verbose")
    assert code == 0, said
    assert "pro-fp4 against scripts/run: no drift (32 settings compared, 0 unknown)" in said
    script = repository.folder / "scripts" / "run"
    script.write_text(script.read_text().replace("--tp 8", "--tp 4"))
    code, said = repository.run("dsv4-env-check")
    assert code == 1
    assert "- exit code: 1" in said
    assert 'scripts/run:41:5: error: --tp is "4"; pro-fp4 has "8": write that [DSV003]' in said


def test_a_script_that_is_deleted_is_drift(repository: Repository) -> None:
    (repository.folder / "pyproject.toml").write_text(PAIR)
    repository.git("add", "-A")
    repository.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a")
    (repository.folder / "scripts" / "run").unlink()
    code, said = repository.run("dsv4-env-check")
    assert code == 1
    assert "no file is called scripts/run (held to pro-fp4): mend the pair [DSV011]" in said


def test_a_repository_without_pairs_is_no_success(repository: Repository) -> None:
    code, said = repository.run("dsv4-env-check")
    assert code == 1
    assert "there is nothing to check: no pairs, and no --against; " in said


def test_lint_takes_what_launches_a_server_and_passes_over_the_rest(repository: Repository) -> None:
    folder = repository.folder
    (folder / "setup.py").write_text("print 'Python 2'\n")
    (folder / "talk.py").write_text("import sglang\n")
    (folder / "other.yml").write_text("a: [\n")
    code, said = repository.run("dsv4-env-lint", "--verbose")
    assert code == 0, said
    assert "0 files, 0 launches: nothing compared" in said
    script = "#!/bin/sh\nSGLANG_USE_ITER=1 python3 -m sglang.launch_server\n"
    (folder / "serve").write_text(script)
    (folder / "serve").chmod(0o755)
    (folder / "bad.sh").write_text("python3 -m sglang.launch_server\nfi\n")
    code, said = repository.run("dsv4-env-lint")
    assert code == 1
    assert "serve:2:1: warning: " in said
    assert "did you mean SGLANG_USE_AITER? [DSV101]" in said
    assert "bad.sh" in said
    assert "talk.py" not in said
