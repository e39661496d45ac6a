"""What ``docker run`` gives a container, held against Docker's own client."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from dsv4_env.model.errors import ReadError
from dsv4_env.readers import bash
from tests.differential import consumers

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="docker isn't installed")

WORDS = [
    "-e A=2 --env-file a.env",
    "--env-file a.env -eA=2 -e A=3",
    "--env-file a.env --env=A=2 --env-file b.env",
    "--env-file b.env --env-file a.env",
    "-e B --env-file b.env -e B=1",
]
FILES = [
    "A=1\nB=7\n",
    "  A=1 \r\n\t#B=1\nB='7'\nD\n",
    "\ufeffA=1\n\u2003B=7\n",
    "A=1=2\n\x85B=\x0c#\n",
]


@pytest.mark.parametrize("text", FILES)
@pytest.mark.parametrize("words", WORDS)
def test_what_a_container_gets(words: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_bytes(text.encode())
    (tmp_path / "b.env").write_bytes(b"A=9\nC=3\n")
    given = re.sub(r"(\w+\.env)", lambda m: str(tmp_path / m[1]), words)
    asked = consumers.docker_requests([*shlex.split(given), "image"], tmp_path)
    script = f"docker run {words} image sglang serve --tp 4\n"
    (config,) = bash.read_all(script, "run.sh", root=tmp_path, closed=True)
    assert {e.name: e.value for e in config.env if not e.superseded} == dict(
        item.split("=", 1) for item in asked["Env"]
    )


@pytest.mark.parametrize("line", ["export A=1", "A =1", "=1", "A\t=1", "A B", "A=1\n=\n"])
def test_files_that_docker_refuses(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"invalid env file|no variable name"):
        consumers.docker_requests(["--env-file", str(tmp_path / "a.env"), "image"], tmp_path)
    script = "docker run --env-file a.env image sglang serve --tp 4\n"
    with pytest.raises(ReadError, match=r"docker refuses a\.env:"):
        bash.read_all(script, "run.sh", root=tmp_path)
