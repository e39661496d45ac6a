"""A file's bytes as text, by the rules of PEP 263."""

from __future__ import annotations

import io
import re
import tokenize

from dsv4_env.guard.files import check_size
from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError

_SURROGATE = re.compile("[\ud800-\udfff]")


def decoded(data: str | bytes, path: str) -> str:
    """The text of a Python file; raises ReadError, located, where it can't be one."""
    check_size(data, path, "a Python file")
    nul = data.find("\0") if isinstance(data, str) else data.find(b"\0")
    if nul >= 0:
        before = data[:nul]
        text = before if isinstance(before, str) else before.decode("utf-8", "replace")
        raise ReadError(
            "a NUL byte",
            where=_place(text, path),
            expected="a Python file, not a binary one",
        )
    if isinstance(data, bytes):
        data = _from_bytes(data, path)
    text = data.removeprefix("\ufeff")
    if not text.isascii() and (lone := _SURROGATE.search(text)):
        where = _place(text[: lone.start()], path)
        raise ReadError("a lone surrogate", where=where, expected="text in UTF-8")
    return text


def _from_bytes(data: bytes, path: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as exc:
        expected = "an encoding that Python knows"
        if "invalid or missing" in str(exc):
            encoding = "utf-8"  # said below, at its place
        else:
            where = Location(path, 1, 1)
            raise ReadError(str(exc.msg), where=where, expected=expected) from None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        before = data[: exc.start].decode(encoding, "replace")
        raise ReadError(
            f"byte 0x{data[exc.start]:02x} isn't {encoding}",
            where=_place(before, path),
            expected=f"text in {encoding}",
        ) from None
    except (LookupError, ValueError):
        where = Location(path, 1, 1)
        expected = "an encoding of text"
        raise ReadError(f"the encoding {encoding}", where=where, expected=expected) from None


def _place(before: str, path: str) -> Location:
    """Where the text after this begins."""
    line = before.count("\n") + 1
    return Location(path, line, len(before) - (before.rfind("\n") + 1) + 1)
