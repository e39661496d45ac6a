"""Imports, as a text has them: which modules, and where those may lie."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dsv4_env.guard.asked import holds_name, is_written_down, names_of
from dsv4_env.guard.files import collects, is_file, looked_at, real


def module_places(root: str, here: str, name: str, level: int) -> Iterator[str]:
    """Where a module may lie that a file of the folder *here* imports, the first that is there.

    *level* is the number of dots before its *name*. Both folders are whole, without links.
    """
    if not name and not level:
        return
    inner = "/".join(["", *name.split(".")]) if name else ""
    for base in module_folders(root, here, level):
        target = (base.rstrip("/") + inner) or "/"
        yield f"{target}.py"
        yield f"{target}/__init__.py"


@lru_cache(maxsize=256)
def module_folders(root: str, here: str, level: int) -> tuple[str, ...]:
    """The folders in which a module is looked for."""
    if level:
        for _ in range(level - 1):
            here = posixpath.dirname(here)
        return (here,)
    above = [str(p) for p in Path(here).parents if p.is_relative_to(root)]
    found = dict.fromkeys([here, *above, root])
    return (*found, *(posixpath.join(f, "python") for f in found))


@dataclass(slots=True, eq=False)
class ModuleFinder:
    """Finds the files of modules below a folder; what a folder holds is looked up once."""

    root: Path
    _found: dict[tuple[str, str, int], str | None] = field(default_factory=dict)
    _firsts: dict[tuple[str, str], bool] = field(default_factory=dict)
    _folders: dict[str, Collection[str]] = field(default_factory=dict)
    _there: dict[str, bool] = field(default_factory=dict)
    _homes: dict[str, str] = field(default_factory=dict)

    def folder_of(self, path: str) -> str:
        """The folder that a file lies in, without links."""
        if path not in self._homes:
            self._homes[path] = str(real(path).parent)
        return self._homes[path]

    def find(self, here: str, name: str, level: int) -> str | None:
        """The file of a module that one in the folder *here* imports; None where it isn't there."""
        key = (here, name, level)
        if key not in self._found:
            first = name.partition(".")[0]
            near = level or self._starts_here(here, first)
            self._found[key] = self._first_there(here, name, level) if near else None
        if collects():  # what depends on a file has to know where it was looked for
            for place in module_places(str(self.root), here, name, level):
                looked_at(place)
                if place == self._found[key]:
                    break
        return self._found[key]

    def _first_there(self, here: str, name: str, level: int) -> str | None:
        for place in module_places(str(self.root), here, name, level):
            folder, _, last = place.rpartition("/")
            if self._holds(folder, last) and is_file(place):
                whole = real(place)
                if whole.is_relative_to(self.root):
                    return str(whole)
        return None

    def _starts_here(self, here: str, first: str) -> bool:
        """Whether a module's first name lies anywhere: that of most that are imported doesn't."""
        key = (here, first)
        if key not in self._firsts:
            folders = module_folders(str(self.root), here, 0)
            names = (first, f"{first}.py")
            self._firsts[key] = any(self._holds(f, name) for f in folders for name in names)
        return self._firsts[key]

    def _holds(self, folder: str, name: str) -> bool:
        """Whether a folder has something of a name, which is asked where that's written down."""
        if not is_written_down():
            return name in self._listed(folder)
        return self._is_there(folder) and holds_name(folder, name)

    def _is_there(self, folder: str) -> bool:
        """Whether a folder is there, as far as the folders above it below the root tell."""
        if len(folder) <= len(str(self.root)):
            return True
        if folder not in self._there:
            above, _, last = folder.rpartition("/")
            self._there[folder] = self._holds(above, last)
        return self._there[folder]

    def _listed(self, folder: str) -> Collection[str]:
        """What a folder holds, nothing where it isn't there."""
        if folder not in self._folders:
            self._folders[folder] = ()
            above, _, name = folder.rpartition("/")
            if len(folder) > len(str(self.root)) and name not in self._listed(above):
                return ()
            self._folders[folder] = names_of(folder)
        return self._folders[folder]


_IMPORT = re.compile(rb"\bimport\b[\s\\]*(\(?)")
_LISTED = {b"(": re.compile(rb"(?:[^)#]|#[^\n]*)*"), b"": re.compile(rb"(?:[^\n\\;]|\\\s)*")}
_MODULE_NAME = re.compile(rb"[\w.\x80-\xff]+")
_FURTHEST = 1000  # bytes that a module's name, and the blanks around it, may take
_TIMES = 4  # how often each byte may be gone over: more than any file needs that is no trap


def named_imports(data: bytes) -> set[tuple[str, int]] | None:
    """The modules that a file may import, and more: by name, and by how many dots before it.

    Told by the bytes alone, much sooner than by a tree, so comments and texts count, too. None
    where they don't tell.
    """
    found: set[tuple[str, int]] = set()
    left = _TIMES * len(data)
    inside = 0  # where the last parentheses end
    for match in _IMPORT.finditer(data):
        listed = _LISTED[match[1]].match(data, match.end())
        assert listed is not None
        left -= listed.end() - listed.start()
        line = data.rfind(b"\n", 0, match.start()) + 1
        left -= match.start() - line
        remark = data.find(b"#", line, match.start()) >= 0
        if left < 0 or (match.start() < inside and not remark):
            return None
        if match[1] and not remark:
            inside = listed.end()
        names = [_name_text(n) for n in _MODULE_NAME.findall(re.sub(rb"#[^\n]*", b"", listed[0]))]
        found.update((n, 0) for n in names)
        start = data.rfind(b"from", max(0, match.start() - _FURTHEST), match.start())
        if start < 0:
            continue
        module = _name_text(b"".join(data[start + 4 : match.start()].replace(b"\\", b" ").split()))
        level = len(module) - len(module.lstrip("."))
        module = module[level:]
        found.add((module, level))
        found.update((f"{module}.{n}" if module else n, level) for n in names)
    return found


def _name_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
