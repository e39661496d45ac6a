"""A checkout of SGLang: where one is, and which of its files a catalogue is read from.

Apart from :mod:`dsv4_env.catalogue.extract`, whose import takes a fifth of a start.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path

from dsv4_env.guard.asked import Place, question
from dsv4_env.guard.files import is_within
from dsv4_env.model.errors import ReadError

ENVIRON = "sglang/srt/environ.py"
SERVER_ARGS = "sglang/srt/server_args.py"
PYPROJECT = "pyproject.toml"
KINDS = (".py", ".cuh", ".cu", ".cpp", ".h", ".hip", ".cc", ".hpp")
MAX_FILES = 50_000  # the wheel of 0.5.23 has 6,396
MAX_TOTAL = 500_000_000  # bytes; a checkout of August 2026 has 53 million


def _candidates(folder: Path) -> Iterator[Place]:
    place = Path(os.path.abspath(folder))  # noqa: PTH100  # as text: links stay
    for each in (place, *place.parents):
        yield Place(str(each / "python" / SERVER_ARGS))


@partial(question, about=_candidates)
def find(folder: Path) -> Path | None:
    """The checkout of SGLang that a folder lies in, or is: one with a server_args.py."""
    place = Path(os.path.abspath(folder))  # noqa: PTH100  # as text: links stay
    for each in (place, *place.parents):
        if os.path.isfile(each / "python" / SERVER_ARGS):  # noqa: PTH113  # never raises
            return each
    return None


def walk(base: Path) -> list[tuple[str, os.stat_result]]:
    """The files that a catalogue is read from below *base*, by name, with what they are on disk.

    Links to folders aren't followed, and links to files that lie elsewhere are left out. Raises
    ReadError where there are more files, or bytes in all, than any SGLang has.
    """
    found: list[tuple[str, os.stat_result]] = []
    folders = ["sglang"]
    while folders:
        inner = folders.pop()
        with contextlib.suppress(OSError), os.scandir(base / inner) as entries:
            for entry in entries:
                name = f"{inner}/{entry.name}"
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif (
                    name.endswith(KINDS)
                    and entry.is_file()
                    and (not entry.is_symlink() or is_within(entry.path, base))
                ):
                    found.append((name, entry.stat()))
        if max(len(found), len(folders)) > MAX_FILES:
            raise ReadError(
                "it has more files than any SGLang", where=base, expected=f"at most {MAX_FILES:,}"
            )
    size = sum(status.st_size for _, status in found)
    if size > MAX_TOTAL:
        expected = f"at most {MAX_TOTAL:,} bytes of source"
        raise ReadError(f"{size:,} bytes of source", where=base, expected=expected)
    with contextlib.suppress(OSError):
        found.append((PYPROJECT, (base / PYPROJECT).stat()))
    return sorted(found, key=itemgetter(0))
