"""Readers that other packages bring: entry points of the group ``dsv4_env.readers``."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection

from dsv4_env.model.errors import UsageError
from dsv4_env.readers.kind import FileKind

GROUP = "dsv4_env.readers"


def plugged_kinds(known: Collection[FileKind]) -> tuple[FileKind, ...]:
    """The kinds of files that installed packages read, beside those *known*, in order of name.

    Loading one runs the code of its package, as importing it does. Raises UsageError where one
    can't be loaded, is no :class:`FileKind`, or has a name that is taken.
    """
    taken = {kind.name for kind in known}
    found: list[FileKind] = []
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda p: p.name):
        package = point.dist.name if point.dist is not None else point.value
        where = f"the reader {point.name} of the package {package}"
        try:
            kind = point.load()
        except Exception as exc:
            raise UsageError(
                f"{where} can't be loaded: {type(exc).__name__}: {exc}",
                expected="the package mended, or uninstalled",
            ) from exc
        if not isinstance(kind, FileKind):
            raise UsageError(
                f"{where} is {type(kind).__name__}", expected="a dsv4_env.readers.kind.FileKind"
            )
        if kind.name in taken:
            raise UsageError(f"{where} is called {kind.name!r}", expected="a name of its own")
        taken.add(kind.name)
        found.append(kind)
    return tuple(found)
