"""The wheel and the sdist hold what they must, and work in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NAMED = re.compile(r"(?:uses: |github\.com/)([\w-]+/dsv4-env)\b")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return folder


def test_the_wheel_holds_profiles_and_types(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {p.name for p in (ROOT / "profiles").iterdir()}
    assert "dsv4_env/lsp/rules.md" in names
    inside = {n.removeprefix("dsv4_env/profiles/") for n in names if "/profiles/" in n}
    assert inside == shipped
    assert {"pro-fp4.toml", "run_dsv4.sh", "profiles.lock.json"} <= shipped
    assert {"dsv4_env/py.typed", "dsv4_env/reporters/report.schema.json"} <= set(names)
    assert {f"dsv4_env/matrix/page.{kind}" for kind in ("html", "css", "js")} <= set(names)
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not [n for n in names if n.startswith("tests")]


def test_the_sdist_holds_what_the_wheel_is_made_of(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"profiles/common.toml", "README.md", "LICENSE", "tests/conftest.py"} <= names
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    tracked = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert tracked - names == set()  # so that the tests of docs and workflows pass there, too


def test_the_repository_is_named_in_one_place() -> None:
    """Where pyproject.toml names it, pages and their site name the same; else a placeholder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    url = project.get("urls", {}).get("Repository", "https://github.com/your-org/dsv4-env")
    slug = url.removeprefix("https://github.com/")
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    named = [x for page in pages for x in NAMED.findall(page.read_text())]
    assert len(named) >= 2
    assert set(named) == {slug}
    site = re.findall(r"^repo_url: (\S+)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert site == ([url] if "urls" in project else [])


@pytest.mark.long
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_works_in_an_empty_environment(built: Path, kind: str, tmp_path: Path) -> None:
    (package,) = built.glob(kind)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    installed = subprocess.run(
        [python, "-m", "pip", "install", "-q", str(package)], capture_output=True, check=False
    )
    if installed.returncode != 0 and os.environ.get("REQUIRE_SHELLS") != "1":
        pytest.skip("the dependencies can't be fetched here")
    assert installed.returncode == 0, installed.stderr.decode()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    tool = str(tmp_path / "venv" / "bin" / "dsv4-env")
    (script,) = (tmp_path / "venv").glob("lib/*/site-packages/dsv4_env/profiles/run_dsv4.sh")
    for words, expected in (
        (["check", "--against", str(script), "--sglang", "0.5.13"], b"no drift"),
        (["export", "pro-fp8"], b"export SGLANG_DSV4_FP4_EXPERTS='false'"),
        (["diff", "--exact", "flash-fp4", "env:"], b"7 differences"),
        (["rule", "DSV101"], b"## DSV101 unknown-variable"),
        (["lint", "pro-fp4", "--exit-zero"], b"pro-fp4 on SGLang 0.5.23"),
        (["report", "--html", "-"], b'<h1 id="verdict">No drift</h1>'),
    ):
        done = subprocess.run(
            [tool, *words], cwd=tmp_path, env=environ, capture_output=True, check=False
        )
        assert expected in done.stdout, done.stderr.decode()
        assert done.returncode == (1 if words[0] == "diff" else 0)
