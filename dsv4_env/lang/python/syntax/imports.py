"""Imports, as a text has them: which modules, and where those may lie."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path


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
