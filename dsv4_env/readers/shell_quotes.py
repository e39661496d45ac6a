"""How a place in a shell's text is quoted, as far as a look at its quotes can tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsv4_env.model import Location, Unknown, Value

EXPANSION = re.compile(
    r"(?<!\\)(?:\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)(?:(:?-)([^{}$`\"'\\]*))?\}|\$\([^()'\"\\]*\))"
)
_HEREDOC = re.compile(r"<<(-?)[ \t]*(['\"\\]?)([A-Za-z_]\w*)['\"]?")
_DEFERRED = re.compile(r"(?:^|\s)-[a-zA-Z]*c\s+\Z")


def unknown_expansion(
    m: re.Match[str], known: Mapping[str, Value | None], place: Location
) -> Unknown | None:
    """An expansion of which nothing is known; None where it is, or where the script may know it.

    *known* are the variables that are set: by the file, or (None) by the script itself.
    """
    name = m[1] or m[2]
    if name is None:
        return Unknown(m[0], "the output of a command", location=place)
    if name in known:
        value = known[name]
        return value if isinstance(value, Unknown) and not m[3] else None
    default = m[4] if m[3] else None
    return Unknown(m[0], "not set in the script", (name,), default=default, location=place)


@dataclass(slots=True)
class Quotes:
    """The quotes that are open at the end of what was read.

    The innermost is the last of *stack*: a quote, "(" of a substitution, "#" of a comment, or
    the pattern of the line that ends a here-document. *deferred*: it's the quoted text of
    ``bash -c``, which is expanded there; *inner*: and there it's in single quotes.
    """

    stack: list[str] = field(default_factory=lambda: [""])
    deferred: bool = False
    inner: bool = False
    seen: str = ""

    @property
    def in_text(self) -> bool:
        """Whether it's in double quotes around the text of ``bash -c``."""
        return self.deferred and self.stack[-1] == '"'

    def feed(self, text: str) -> None:
        """Read on."""
        i = 0
        while i < len(text):
            i += self.step(text, i)
        self.seen = (self.seen + text)[-40:]

    def step(self, text: str, i: int) -> int:
        """Take what stands at *i*; how many characters that are."""
        ch, mode = text[i], self.stack[-1]
        if mode.startswith("^"):
            end = re.compile(mode, re.M).search(text, i)
            if end:
                self.stack.pop()
            return (end.end() if end else len(text)) - i
        if mode == "#":
            self.stack = self.stack[:-1] if ch == "\n" else self.stack
        elif mode == "'":
            if ch == "'":
                self.close()
        elif ch == "\\":
            return 2
        elif mode == '"':
            if ch == '"':
                self.close()
            elif ch == "'" and self.deferred:
                self.inner = not self.inner
            elif text.startswith("$(", i):
                self.stack.append("(")
                return 2
        elif ch in "'\"":
            before = self.seen[-40:] + text[max(0, i - 40) : i] if i < 40 else text[i - 40 : i]
            self.deferred = len(self.stack) == 1 and bool(_DEFERRED.search(before))
            self.stack.append(ch)
        elif ch == "(":
            self.stack.append("(")
        elif ch == ")" and mode == "(":
            self.stack.pop()
        elif ch == "#" and (text[i - 1] if i else self.seen[-1:] or " ") in " \t\n;":
            self.stack.append("#")
        elif text.startswith("<<<", i):
            return 3
        elif m := _HEREDOC.match(text, i):
            tabs = r"\t*" if m[1] else ""
            self.stack.append(rf"^{tabs}{m[3]}$")
            return m.end() - i
        return 1

    def close(self) -> None:
        """A quote ends."""
        self.stack.pop()
        if len(self.stack) == 1:
            self.deferred = self.inner = False

    def protect(self, variable: str) -> str:
        """The variable, written so that it's expanded where it stands."""
        mode = self.stack[-1]
        if mode == "'":
            return variable if self.deferred else f"'\"{variable}\"'"
        if mode == '"' and self.deferred:
            return f"'\\\"\\{variable}\\\"'" if self.inner else f"\\{variable}"
        return variable
