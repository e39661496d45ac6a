"""Small trees in the shape of SGLang's, of our own writing."""

from __future__ import annotations

import textwrap
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.extract import extract

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = """
    import os

    def _default_rocm():
        return False

    class EnvField: ...
    class EnvBool(EnvField): ...
    class EnvInt(EnvField): ...
    class EnvFloat(EnvField): ...
    class EnvStr(EnvField): ...
    class EnvTuple(EnvField): ...
    class EnvJSON(EnvField): ...
    class _Fallback: ...
    class EnvBoolWithAlias(_Fallback, EnvBool): ...

    class Level(IntEnum):
        OFF = 0
        ON = 2

    class Envs:
        SGLANG_FLAG = EnvBool(False)

    envs = Envs()
"""
SERVER_ARGS = """
    class ServerArgs:
        @staticmethod
        def add_cli_args(parser):
            parser.add_argument("--model-path", "--model", type=str, required=True)
"""
Make = Callable[..., Catalogue]


def write(folder: Path, files: dict[str, str]) -> Path:
    """A checkout with these files; environ.py and server_args.py where none is given."""
    known = {"srt/environ.py": ENVIRON, "srt/server_args.py": SERVER_ARGS, **files}
    for name, text in known.items():
        path = folder / "python" / "sglang" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write a checkout and give its path."""
    return lambda files: write(tmp_path, files)


@pytest.fixture
def extracted(tmp_path: Path) -> Make:
    """The catalogue of a checkout with these files; ``envs`` stands for lines of class Envs."""

    def make(files: dict[str, str] | None = None, *, envs: str = "", after: str = "") -> Catalogue:
        files = dict(files or {})
        if envs or after:
            body = textwrap.indent(textwrap.dedent(envs or "pass"), "        ")
            head = textwrap.dedent(ENVIRON).split("class Envs:")[0]
            text = head + "class Envs:\n" + body + "\nenvs = Envs()\n" + textwrap.dedent(after)
            files["srt/environ.py"] = text
        return extract(write(tmp_path, files))

    return make


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """Write a wheel of these files and give its path."""

    def make(files: dict[str, str], *, name: str = "sglang", version: str = "0.5.13") -> Path:
        path = tmp_path / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in files.items():
                archive.writestr(f"sglang/{member}", textwrap.dedent(text))
            archive.writestr(
                f"{name}-{version}.dist-info/METADATA",
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n",
            )
        return path

    return make
