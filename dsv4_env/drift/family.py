"""Which launches are of the models that the profiles are for, near to one of them or not.

A launch is, where its model is called so, or a variable, a flag or a value of it. Of a Python file
the bytes tell whether it may make such a launch: it has such a word itself, or it names a class, a
function or a constant of a file that it imports, which has one, through others too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from dsv4_env.model import LaunchConfig, Unknown, Value

_OWN = ("deepseek", "v4"), ("dsv4",)
_WORD = re.compile(r"[a-z0-9]+")
_BETWEEN = r"[-_. ]?"


def family_names(models: Iterable[str | None]) -> re.Pattern[str]:
    """What finds the name of a family: that of DeepSeek-V4, and those of the models' paths.

    A family is what a model is called up to the first word with a digit: ``deepseek-v4`` of
    ``deepseek-ai/DeepSeek-V4-Flash``. A path without a digit in its last part names none.
    """
    found = {*_OWN, *filter(None, map(_family, models))}
    texts = sorted(_BETWEEN.join(map(re.escape, words)) for words in found)
    return re.compile("|".join(texts), re.IGNORECASE)


def _family(model: str | None) -> tuple[str, ...]:
    words = _WORD.findall(posixpath.basename((model or "").rstrip("/")).casefold())
    ends = [at for at, word in enumerate(words, 1) if re.search(r"\d", word)]
    return tuple(words[: ends[0]]) if ends and len("".join(words[: ends[0]])) > 2 else ()


def is_of_family(config: LaunchConfig, names: re.Pattern[str]) -> bool:
    """Whether a launch is of the family: by its model, or by any setting that it makes."""

    def said(value: Value) -> str:
        if isinstance(value, Unknown):
            return f"{value.text} {value.default or ''}"
        return value

    texts = [t for e in config.env for t in (e.name, said(e.value))]
    texts += [t for a in config.args or () for t in (a.flag or "", *map(said, a.values))]
    return any(map(names.search, texts))


_STATEMENT = re.compile(rb"^(?=[^\s#)\]}])", re.MULTILINE)
_NAME = re.compile(rb"(?:(?:async +)?def|class) +(\w+)|(\w+)\s*(?::[^=\n]*)?=")
_WORDS = re.compile(rb"[A-Za-z_]\w*")
# What is said of the code: a comment, and the text that a class or a function begins with.
_REMARKS = re.compile(
    rb"#[^\n]*|(?<=:\n)[ \t]+r?(?:\"\"\"(?:[^\"]|\"(?!\"\"))*\"\"\"|'''(?:[^']|'(?!''))*''')"
)


@dataclass(slots=True)
class FamilyMarks:
    """Tells the Python files that may launch one of the family, by their bytes.

    *names* is the pattern of :func:`family_names`, *data* gives the bytes of a file.
    """

    names: re.Pattern[str]
    data: Callable[[str], bytes | None]
    _mark: re.Pattern[bytes] = field(init=False)
    _own: dict[str, bool] = field(default_factory=dict)
    _blocks: dict[str, list[tuple[frozenset[bytes], frozenset[bytes]]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self._mark = re.compile(self.names.pattern.encode(), self.names.flags & re.IGNORECASE)

    def may(self, path: str, files: Collection[str]) -> bool:
        """Whether a file may; *files* are all that it may bring in."""
        data = self.data(path)
        if data is None or self._mark.search(data):
            return True
        others = [f for f in files if f != path]
        if not any(map(self._marked, others)):
            return False
        blocks = [b for f in others for b in self._split(f)]
        told: set[bytes] = set()
        while True:
            more = {n for names, words in blocks if _reached(words, told) for n in names}
            if more <= told:
                break
            told |= more
        return not told.isdisjoint(_WORDS.findall(data))

    def _marked(self, path: str) -> bool:
        if path not in self._own:
            data = self.data(path) or b""
            hit = self._mark.search(data) and self._mark.search(_REMARKS.sub(b"", data))
            self._own[path] = hit is not None
        return self._own[path]

    def _split(self, path: str) -> list[tuple[frozenset[bytes], frozenset[bytes]]]:
        """The statements of a module: the names that each gives, and the words that it has.

        One with a word of the family has the empty word, too.
        """
        if path not in self._blocks:
            found = []
            for block in _STATEMENT.split(_REMARKS.sub(b"", self.data(path) or b"")):
                words = frozenset(_WORDS.findall(block))
                named = _NAME.match(block)
                names = words if named is None else frozenset({named[1] or named[2]})
                found.append((names, words | {b""} if self._mark.search(block) else words))
            self._blocks[path] = found
        return self._blocks[path]


def _reached(words: frozenset[bytes], told: set[bytes]) -> bool:
    return b"" in words or not words.isdisjoint(told)
