"""A file's text: by the rules of PEP 263, its tree, and where its nodes stand."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass, field
from itertools import islice

from dsv4_env.guard.files import check_narrow, check_size
from dsv4_env.lang.python.syntax.trees import KEPT, count_read, remembered
from dsv4_env.model import Location
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError, shortened

_MAX_TOKENS = 110_000  # of one
_MAX_SHOWN = 10_000  # characters of an expression that is shown as it is written
_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r"#[^\n]*+|\w++|[^\s\w]")
_NEWLINE = re.compile(r"\r\n|\r|\n")


def decoded(data: str | bytes, path: str) -> str:
    """The text of a Python file; raises ReadError, located, where it can't be one."""
    check_size(data, path, "a Python file")
    check_narrow(data, path, "a Python file")
    nul = data.find("\0") if isinstance(data, str) else data.find(b"\0")
    if nul >= 0:
        before = data[:nul]
        text = before if isinstance(before, str) else before.decode("utf-8", "replace")
        raise ReadError(
            "a NUL byte", where=_place_after(text, path), expected="a Python file, not a binary one"
        )
    if isinstance(data, bytes):
        data = _from_bytes(data, path)
    text = data.removeprefix("\ufeff")
    if not text.isascii() and (lone := _SURROGATE.search(text)):
        where = _place_after(text[: lone.start()], path)
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
            where=_place_after(before, path),
            expected=f"text in {encoding}",
        ) from None
    except (LookupError, ValueError):
        where = Location(path, 1, 1)
        expected = "an encoding of text"
        raise ReadError(f"the encoding {encoding}", where=where, expected=expected) from None


def _place_after(before: str, path: str) -> Location:
    """Where the text after this begins."""
    line = before.count("\n") + 1
    return Location(path, line, len(before) - (before.rfind("\n") + 1) + 1)


def count_tokens(text: str, path: str) -> int:
    """How many names, numbers and signs a text has, comments left out.

    Raises ReadError where there are more than any test or launcher has: Python's parser makes
    hundreds of bytes of each.
    """
    if len(text) < _MAX_TOKENS:
        return len(text) >> 2
    found = sum(not m[0].startswith("#") for m in _TOKEN.finditer(text))
    if found > _MAX_TOKENS:
        expected = f"a Python file of at most {_MAX_TOKENS:,} of them"
        raise ReadError(f"{found:,} names, numbers and signs", where=path, expected=expected)
    return found


def parse_python(text: str, path: str) -> ast.Module:
    """The tree of a text; raises ReadError where Python can't parse it."""
    expected = "a file that Python can parse"
    count_read(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as exc:
        column = exc.offset if exc.offset and exc.offset > 0 else 1
        where = Location(path, exc.lineno or 1, column)
        raise ReadError(f"syntax error: {exc.msg}", where=where, expected=expected) from None
    except (RecursionError, MemoryError):
        lines = text.split("\n")
        longest = max(range(len(lines)), key=lambda at: len(lines[at]))
        where = Location(path, longest + 1, 1)
        raise ReadError("nested too deeply", where=where, expected=expected) from None
    except ValueError as exc:
        raise ReadError(f"not Python: {exc}", where=path, expected=expected) from None


@remembered(KEPT)
def parsed_module(text: str) -> ast.Module:
    """The tree of a module: the tests of a folder import the same few."""
    return parse_python(text, "")


@dataclass(slots=True, eq=False)
class SourceText:
    """A file's text and where its nodes stand."""

    path: str
    lines: list[str]
    budget: Budget = field(default_factory=Budget)
    texts: dict[ast.AST, str] = field(default_factory=dict)
    places: dict[ast.AST, Location] = field(default_factory=dict)
    long: tuple[int, bytes] = (0, b"")  # the line whose characters were counted, in bytes
    last: tuple[int, int] = (0, 0)  # an offset in it, and how many characters come before

    def column(self, line: int, offset: int) -> int:
        """The column, in characters from 1, of a byte offset within a line."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if text.isascii():
            return offset + 1
        if self.long[0] != line:
            self.long = line, text.encode("utf-8", "surrogatepass")
            self.last = 0, 0
        before, characters = self.last if self.last[0] <= offset else (0, 0)
        # From the place before in the line, so that one long line isn't gone over for each.
        characters += len(self.long[1][before:offset].decode("utf-8", "replace"))
        self.last = offset, characters
        return characters + 1

    def place(self, node: ast.AST) -> Location:
        """Where a node begins; told once, for nodes are met again and again."""
        found = self.places.get(node)
        if found is None:
            line: int = getattr(node, "lineno", 1)
            column = self.column(line, getattr(node, "col_offset", 0))
            found = self.places[node] = Location(self.path, line, column)
        return found

    def text(self, node: ast.AST) -> str:
        """A node as Python spells it; made once, for nodes are met again and again."""
        found = self.texts.get(node)
        if found is None:
            found = self.texts[node] = self.spelled(node)
        return found

    def spelled(self, node: ast.AST) -> str:
        """A node as Python spells it; of a long or deep one, what stands in the file."""
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 0
        size = sum(len(line) for line in islice(self.lines, first - 1, last))
        if first == last:
            size = (getattr(node, "end_col_offset", None) or 0) - getattr(node, "col_offset", 0)
        self.budget.step(None, size >> 5)
        try:
            if size <= _MAX_SHOWN:
                return ast.unparse(node)
        except (RecursionError, ValueError):
            pass  # Python writes out no number of more than 4,300 digits
        return shortened(self.lines[first - 1][getattr(node, "col_offset", 0) :].strip(), 200)


def source_of(text: str, path: str, budget: Budget | None = None) -> SourceText:
    """The lines of a text, as Python counts them."""
    return SourceText(path, _NEWLINE.split(text), budget or Budget())
