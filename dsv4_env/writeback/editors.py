"""The kinds of files that can be edited: how one of each becomes a text, and who proposes edits."""

from __future__ import annotations

import codecs
import io
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.lang.bash.syntax.nodes import CRLF
from dsv4_env.lang.python.syntax.text import decoded
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import UsageError
from dsv4_env.readers import KINDS
from dsv4_env.writeback import bash, placed
from dsv4_env.writeback.edits import Proposal, Propose, WantedSetting


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Editor:
    """How files of a kind are edited.

    *one* says what such a file is. *decode* gives a file's text, without a byte order mark, and its
    encoding, or raises UsageError where it can't be edited; *encode* makes bytes of a text again.
    """

    one: str
    decode: Callable[[bytes, Path], tuple[str, str]]
    encode: Callable[[str, str], bytes]
    propose: Propose


def _script(data: bytes, path: Path) -> tuple[str, str]:
    if b"\r\n" in data:
        raise UsageError(
            CRLF,
            where=Location(str(path), data[: data.index(b"\r\n")].count(b"\n") + 1),
            expected="lines that end in LF: `dos2unix` makes them",
        )
    return data.decode("utf-8", "surrogateescape"), "utf-8"


def _python(data: bytes, path: Path) -> tuple[str, str]:
    decoded(data, str(path))  # tells what can't be read
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding), encoding


def _python_proposals(text: str, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    from dsv4_env.writeback.python import propose  # it takes libcst, which no script needs

    return propose(text, launch, want)


def _text(data: bytes, path: Path) -> tuple[str, str]:
    encoding = "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise UsageError(
            f"byte 0x{data[exc.start]:02x} is not UTF-8",
            where=Location(str(path), line),
            expected="a file in UTF-8",
        ) from None


EDITORS: dict[str, Editor] = {  # by the name of the kind's reader
    "bash": Editor(
        "a bash script", _script, lambda t, e: t.encode(e, "surrogateescape"), bash.propose
    ),
    "python": Editor(  # what the encoding can't hold is escaped, as literals may
        "a Python file", _python, lambda t, e: t.encode(e, "backslashreplace"), _python_proposals
    ),
}
EDITORS |= {
    kind.name: Editor(kind.one, _text, lambda t, e: t.encode(e, "surrogateescape"), placed.propose)
    for kind in KINDS
    if kind.editable and kind.name not in EDITORS
}
