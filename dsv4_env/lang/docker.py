"""The file of variables that ``docker run --env-file`` takes, as Docker 28's client reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What Go's unicode.IsSpace takes for blank: not Python's \x1c to \x1f.
_BLANK = "\t\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


@dataclass(frozen=True, slots=True)
class EnvLine:
    """One line: *value* is None where the variable is passed on from outside.

    *wrong* is why Docker refuses the file for it; *offset* is where its first word begins.
    """

    name: str
    value: str | None
    offset: int
    wrong: str = ""


def env_lines(text: str) -> Iterator[EnvLine]:
    """Read every line that isn't blank or a comment: no quotes, no escapes.

    As ``pkg/kvfile`` of docker/cli reads it; held against Docker's client by a test.
    """
    end = 0
    for number, whole in enumerate(text.split("\n")):
        start, end = end, end + len(whole) + 1
        line = whole.removesuffix("\r")
        if not number:
            line = line.removeprefix("\ufeff")
        rest = line.lstrip(_BLANK)
        if not rest or rest.startswith("#"):
            continue
        name, equals, value = rest.partition("=")
        wrong = ""
        if not name:
            wrong = "no variable's name"
        elif re.search("[ \t]", name):
            wrong = "a variable's name with a blank"
        yield EnvLine(name, value if equals else None, start + whole.index(rest), wrong)
