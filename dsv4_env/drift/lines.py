"""Lines of files for excerpts, and the places that messages name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import spans_by_line
from dsv4_env.readers import file_bytes


def location_of(where: str | None, path: Path) -> Location:
    """``path:line:column`` of a message as a location."""
    numbers = (where or "").removeprefix(str(path)).split(":")[1:]
    if not (where or "").startswith(str(path)) or not all(n.isdigit() for n in numbers):
        return Location(str(path))
    return Location(str(path), *map(int, numbers[:2]))


class SourceLines:
    """Source lines by place, for excerpts; a file's text is only kept while it is in use."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], str] = {}
        self.hidden: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._files: dict[str, str] = {}
        self._spans: dict[str, tuple[str, list[str], dict[int, list[tuple[int, int]]]]] = {}

    def keep(self, location: Location | None, texts: Mapping[str, str]) -> None:
        """Remember the line at a location, and the one before; *texts* are the files in use.

        With it, where secrets stand in it: a secret may have begun many lines before.
        """
        if location is None or location.line is None:
            return
        if (location.path, location.line) in self.kept:
            return
        text = self._text(location.path, texts)
        lines, spans = self._read(location.path, text)
        for number in (location.line - 1, location.line):
            if 0 < number <= len(lines):
                self.kept[location.path, number] = lines[number - 1].rstrip("\r")
                self.hidden[location.path, number] = spans.get(number, [])

    def _read(self, path: str, text: str) -> tuple[list[str], dict[int, list[tuple[int, int]]]]:
        """The lines of a file, and where secrets stand in them; looked for once."""
        if path not in self._spans or self._spans[path][0] != text:
            if len(self._spans) >= _FILES:
                self._spans.clear()
            self._spans[path] = text, text.split("\n"), spans_by_line(text)
        return self._spans[path][1:]

    def _text(self, path: str, texts: Mapping[str, str]) -> str:
        if path in texts:
            return texts[path]
        if path not in self._files:
            try:
                text = file_bytes(path).decode("utf-8", "surrogateescape")
            except ReadError:
                text = ""
            if len(self._files) >= _FILES:
                self._files.clear()
            self._files[path] = text
        return self._files[path]


_FILES = 32  # layers of profiles and sourced files: enough for a project, and bounded
