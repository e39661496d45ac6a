"""Files that launches are read from, one at a time: whatever is wrong with one stays with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsv4_env.guard.files import read_bytes, read_named, read_open
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import Dsv4Error, ReadError, did_you_mean
from dsv4_env.readers import READERS
from dsv4_env.readers.detect import detect

_KINDS = (
    "a launch script, a test file, a workflow, a Compose file, a manifest, a Dockerfile or .env"
)


@dataclass(slots=True, eq=False, repr=False)
class Reading:
    """How a file is read: by which reader, with what from outside.

    *root* is the folder that a script's sourced files and a test's imports must lie below, *steps*
    how far a test is followed before the rest is given up.
    """

    reader: str | None = None
    dialect: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] | None = None
    closed: bool = False
    root: Path | None = None
    steps: int | None = None

    def options(self, reader: str) -> dict[str, Any]:
        """The options that the reader's ``read_all`` takes."""
        if reader == "bash":
            return {
                "inputs": self.inputs,
                "args": self.args,
                "closed": self.closed,
                "root": self.root,
            }
        if reader == "python":
            return {"environ": self.inputs, "root": self.root, "steps": self.steps}
        if reader == "compose":
            return {"inputs": self.inputs, "root": self.root}
        return {"dialect": self.dialect} if reader == "dotenv" and self.dialect else {}


def load(path: Path | str, root: Path | str | None = None) -> bytes:
    """The bytes of a file, as :func:`dsv4_env.guard.files.read_bytes` gives them."""
    return read_bytes(path, expected=_KINDS, root=root)


def named(path: Path | str) -> bytes:
    """The bytes of what the user names, as :func:`dsv4_env.guard.files.read_named` gives them."""
    return read_named(path, expected=_KINDS)


def loaded(handle: int, path: Path | str) -> bytes:
    """The bytes of a file that is open, as :func:`load` gives them."""
    return read_open(handle, path, expected=_KINDS)


def read(data: bytes, path: Path | str, reading: Reading) -> list[LaunchConfig]:
    """Every launch of a file; *path* is what messages and locations call it.

    Raises ReadError, also where no reader is meant for the file and where a reader fails.
    """
    name = reading.reader or detect(str(path), data)
    if name is None:
        raise ReadError("no reader is meant for this file", where=path, expected=_KINDS)
    if name not in READERS:
        raise ReadError(
            f"there is no reader {name!r}",
            where=path,
            expected="one of " + ", ".join(READERS),
            hint=did_you_mean(name, READERS),
        )
    try:
        return READERS[name](data, str(path), **reading.options(name))
    except Dsv4Error:
        raise
    except (RecursionError, MemoryError):
        raise ReadError("nested too deeply", where=path) from None
    except Exception as exc:
        # A defect of a reader must not keep the other files from being checked.
        raise ReadError(
            f"the {name} reader failed: {type(exc).__name__}: {exc}", where=path
        ) from exc


def place(where: str | None, path: Path) -> Location:
    """``path:line:column`` of a message as a location."""
    numbers = (where or "").removeprefix(str(path)).split(":")[1:]
    if not (where or "").startswith(str(path)) or not all(n.isdigit() for n in numbers):
        return Location(str(path))
    return Location(str(path), *map(int, numbers[:2]))


def titles(launches: list[LaunchConfig], path: str) -> list[str]:
    """What reports call each launch: the path, and what tells it from the others of the file."""
    found = []
    for number, config in enumerate(launches, 1):
        same = [c for c in launches if c.name == config.name]
        if len(same) == 1:
            found.append(config.name)
        elif config.symbol and sum(c.symbol == config.symbol for c in launches) == 1:
            found.append(f"{path}::{config.symbol}")
        else:
            found.append(f"{config.name}#{number}")
    return found


class Lines:
    """Source lines by place, for excerpts; a file's text is only kept while it is in use."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], str] = {}
        self.hidden: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._files: dict[str, str] = {}
        self._spans: dict[str, tuple[str, dict[int, list[tuple[int, int]]]]] = {}

    def keep(self, location: Location | None, texts: Mapping[str, str]) -> None:
        """Remember the line at a location, and the one before; *texts* are the files in use.

        With it, where secrets stand in it: a secret may have begun many lines before.
        """
        if location is None or location.line is None:
            return
        if (location.path, location.line) in self.kept:
            return
        text = self._text(location.path, texts)
        spans = self._secrets(location.path, text)
        lines = text.split("\n")
        for number in (location.line - 1, location.line):
            if 0 < number <= len(lines):
                self.kept[location.path, number] = lines[number - 1].rstrip("\r")
                self.hidden[location.path, number] = spans.get(number, [])

    def _secrets(self, path: str, text: str) -> dict[int, list[tuple[int, int]]]:
        """Where secrets stand in a file, by line; looked for once."""
        from dsv4_env.model.secrets import spans_by_line

        if path not in self._spans or self._spans[path][0] != text:
            if len(self._spans) >= _FILES:
                self._spans.clear()
            self._spans[path] = text, spans_by_line(text)
        return self._spans[path][1]

    def _text(self, path: str, texts: Mapping[str, str]) -> str:
        if path in texts:
            return texts[path]
        if path not in self._files:
            try:
                text = load(Path(path)).decode("utf-8", "surrogateescape")
            except ReadError:
                text = ""
            if len(self._files) >= _FILES:
                self._files.clear()
            self._files[path] = text
        return self._files[path]


_FILES = 32  # layers of profiles and sourced files: enough for a project, and bounded
