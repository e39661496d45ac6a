"""Where SGLang's own files come from: a wheel, a checkout or an installed distribution."""

from __future__ import annotations

import importlib.metadata
import re
import zipfile
from dataclasses import dataclass, field, replace
from datetime import date
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.catalogue.checkout import ENVIRON, KINDS, PYPROJECT, SERVER_ARGS, walk
from dsv4_env.guard.files import read_bytes
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 2_500_000  # an expression, a node, a thousand bytes looked at; a checkout takes 266,000
_EXPECTED = "an SGLang wheel, a checkout of SGLang, or an installed SGLang"
_VERSION = re.compile(rb"""^(?:__version__|version)\b[^=\n]*=.*?["']([0-9][^"']*)["']\s*$""", re.M)
CHECKOUT = "checkout"  # the release of a tree that doesn't say its own


@dataclass(frozen=True, slots=True)
class PackageSource:
    """The files of one SGLang by their path inside the package, and how to read one."""

    label: str
    release: str
    paths: tuple[str, ...]
    read: Callable[[str], bytes]
    files: frozenset[str] = frozenset()  # *paths* again, to look one up
    budget: Budget = field(default_factory=lambda: Budget(STEPS), compare=False)


def open_package(where: str | Path | None = None) -> PackageSource:
    """SGLang at *where*: a ``.whl`` file or a folder; None for the installed distribution.

    Nothing is imported or executed. Raises ReadError for anything that isn't SGLang.
    """
    if where is None:
        return _installed()
    path = Path(where)
    if path.is_dir():
        return _checkout(path)
    if path.is_file():
        return _wheel(path)
    raise ReadError("no such file or folder", where=path, expected=_EXPECTED)


def _wheel(path: Path) -> PackageSource:
    try:
        archive = zipfile.ZipFile(path)
        names = archive.namelist()
        metadata = next((n for n in names if n.endswith(".dist-info/METADATA")), None)
        text = archive.read(metadata).decode("utf-8", "replace") if metadata else ""
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ReadError(f"not a readable wheel ({error})", where=path, expected=_EXPECTED) from None
    headers = HeaderParser().parsestr(text)
    name, release = headers.get("Name", ""), headers.get("Version", "")
    if name.lower() != "sglang" or not release:
        archive.close()
        found = f"a wheel of {name}" if name else "a zip file without wheel metadata"
        raise ReadError(found, where=path, expected="a wheel of sglang")

    def read(member: str) -> bytes:
        try:
            return archive.read(member)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
            raise ReadError(f"{member} is damaged ({error})", where=path) from None

    return _checked(PackageSource(str(path), release, _wanted(names), read), path)


def newest_file(wheel: Path) -> date:
    """The day on which the newest file of a wheel was written. Raises ReadError for no wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return max(date(*member.date_time[:3]) for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ReadError(
            f"not a readable wheel ({error})", where=wheel, expected=_EXPECTED
        ) from None


def _checkout(path: Path) -> PackageSource:
    root = next((r for r in (path / "python", path) if (r / ENVIRON).is_file()), None)
    if root is None:
        raise ReadError(
            f"a folder without {ENVIRON}",
            where=path,
            expected="a checkout of SGLang (with python/sglang) or a folder with sglang",
        )
    base = root
    names = [name for name, _ in walk(base)]
    release = CHECKOUT
    for candidate in ("sglang/_version.py", "sglang/version.py", PYPROJECT):
        if (base / candidate).is_file():
            match = _VERSION.search(read_bytes(base / candidate, root=base))
            if match:
                release = match[1].decode()
                break

    def read(member: str) -> bytes:
        return read_bytes(base / member, root=base)

    return _checked(PackageSource(str(path), release, _wanted(names), read), path)


def _installed() -> PackageSource:
    try:
        found = importlib.metadata.distribution("sglang")
    except importlib.metadata.PackageNotFoundError:
        raise ReadError("SGLang isn't installed in this environment", expected=_EXPECTED) from None
    files = {f.as_posix(): f for f in found.files or ()}
    if ENVIRON not in files:
        raise ReadError(
            f"the installed SGLang {found.version} doesn't list {ENVIRON}",
            expected="a regular installation; give the path of the checkout for an editable one",
        )

    def read(member: str) -> bytes:
        path = Path(str(files[member].locate()))
        return read_bytes(path)

    return _checked(
        PackageSource("installed", found.version, _wanted(list(files)), read), "installed"
    )


def _wanted(names: list[str]) -> tuple[str, ...]:
    """The source files of the package, sorted; hidden folders hold tools, not SGLang."""
    return tuple(
        sorted(n for n in names if n.startswith("sglang/") and n.endswith(KINDS) and "/." not in n)
    )


def _checked(source: PackageSource, where: Path | str) -> PackageSource:
    files = frozenset(source.paths)
    for needed in (ENVIRON, SERVER_ARGS):
        if needed not in files:
            raise ReadError(f"no {needed} in it", where=where, expected=_EXPECTED)
    return replace(source, files=files)
