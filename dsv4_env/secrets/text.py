"""Secrets in a piece of source: found by the names that they are given to, or by their form."""

from __future__ import annotations

import re

from dsv4_env.late import regexp
from dsv4_env.secrets.forms import MASK, form_spans, is_reference, without
from dsv4_env.secrets.names import secret_name

_NAMED = regexp(r"\$\{[!#]?(?P<braced>\w+)|(?P<name>(?<![\w-])-{0,2}[^\W\d][\w.-]*)")
_CLOSED = regexp(r"(?P<quote>\\*+[\"'])?[)\]]*+")
_SEPARATOR = regexp(
    r"(?P<value>[,\s]+\\*[\"']?value\\*[\"']?\s*[:=]\s*)"  # {name: X, value: Y}
    r"|(?P<assign>\s*(?:[:+?!=~]*=[=~>]?[ \t]*|:\s*))"
    r"|(?P<comma>\s*,\s*)"
    r"|(?P<default>\s+or\s+)"
    r"|(?P<space>(?:\\?\s)+(?:-\s+)?)",
    re.IGNORECASE,
)
# A file's name, and the place in it, with which a message begins: secret.sh:3:1: …
_FILE = regexp(r".*\.(?:sh|bash|py|toml|ya?ml|json|env|md|txt|service)")
_PLACE = regexp(r":(?:\d+(?::\d+)?)?(?:[:\s]|$)")
_OPERATOR = regexp(r":?[-=+?]")
_COMMAND = regexp(r"(?:^|\n)\s*(?:ENV|ARG|(?:setenv|set)(?:\s+-\w+)*)\s+$", re.IGNORECASE)
_NO_VALUE = regexp(  # another flag, or what a sentence about a flag goes on with
    r"[\"']?--[a-z]|(?:is|are|was|has|can't|isn't|doesn't|and|or|stands|to|on|in|of|from|with|set|as"
    r"|takes|needs|gets|wants|unless|when|holds|leaves|comes|gone|no|not|only|for|without|belongs|must)\b(?!['=])"
)
_ENDED = regexp(r"\s|$|[,;:)}\]>|&]+(?:\s|$|[\"'`])")
_REFERENCE = regexp(r"\$\w+|\$\{\w+(:?-[-0-9.]*)?\}")
_MASKED = regexp(re.escape(MASK) + r"(?![\w*])")
_BLOCK = regexp(r"[|>][-+0-9]*\s*\n")
_BACKSLASHES = regexp(r"\\++")
_QUOTED = {q: regexp(rf"(?:[^\\{q}]|\\.)*+", re.DOTALL) for q in "\"'`"}  # up to its end
_BRACKET = regexp(r"[\\()\[\]{}\"']")
_BARE = regexp(r"[^\s\"'`\\$(\[{]++")
_BRACKETS = regexp(r"[\[\](){}\s]*|\[+[\w.-]+\]+")  # the end of a list, a TOML table
_MORE = regexp(r"[ \t]*\+?[ \t]*(?=[\"'])")


def scrubbed(text: str) -> str:
    """A piece of source as a report may show it: what a name or its form says is secret, masked.

    Made for shell, Python, YAML, TOML, JSON and dotenv alike, so it rather masks too much.
    """
    return without(text, secret_spans(text))


def secret_spans(text: str) -> list[tuple[int, int]]:
    """From where to where secrets stand in a piece of source, in order and apart."""
    found, at = [], 0
    while match := _NAMED.search(text, at):
        span = _secret_after(text, match)
        at = max(match.end(), span[1])
        if span[0] < span[1]:
            found.append(span)
    found += form_spans(text, loose=True)
    apart: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if apart and start <= apart[-1][1]:
            before = apart.pop()
            start, end = before[0], max(end, before[1])
        apart.append((start, end))
    return apart


def _secret_after(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Where the value of a name stands, empty where the name is no secret's or has none."""
    none, end = (match.end(), match.end()), match.end()
    name = match["braced"] or match["name"]
    if not _secret(name) or (_FILE.fullmatch(name) and _PLACE.match(text, end)):
        return none
    if match["braced"]:
        operator = _OPERATOR.match(text, end)
        if operator is None:
            return none
        start, stop = operator.end(), balanced_end(text, match.start() + 1) - 1
        stop = stop if text[stop : stop + 1] == "}" else len(text)
        return (start, stop) if _secret(name, text[start:stop]) else none
    closed = _CLOSED.match(text, end)
    separator = _SEPARATOR.match(text, closed.end() if closed else end)
    if closed is None or separator is None:
        return none
    kind, start = separator.lastgroup, separator.end()
    if _MASKED.match(text, start):
        return none
    quote = text[match.start() - 1 : match.start()]
    if kind == "comma" and not closed["quote"]:
        return none
    if kind == "space":
        command = _COMMAND.search(text[max(0, match.start() - 80) : match.start()])
        if not name.startswith("-") and not command:
            return none
        if command:  # a Dockerfile's ENV NAME VALUE
            return start, _line_end(text, start)
    if kind in ("space", "comma") and _NO_VALUE.match(text, start):
        return none
    if quote in ("'", '"') and not closed["quote"] and kind != "comma":
        stop = quoted_end(text, start, quote) - 1
        stop = stop if text[stop : stop + 1] == quote else len(text)
    elif kind in ("assign", "value") and _open(text, start, separator[0]):
        block = _BLOCK.match(text, start)
        stop = len(text) if block else _line_end(text, start)
    else:
        stop = _words(text, start, joined=kind in ("assign", "value", "default"))
    value = text[start:stop].strip()
    inner = value[1:-1] if value[:1] in ("'", '"') and value[-1:] == value[:1] else value
    inner = inner.partition(" #")[0].rstrip(", ;")
    if is_reference(inner):
        return none
    plural = not _secret(name, "1")
    if _BRACKETS.fullmatch(inner) or (
        plural and (not _secret(name, inner) or _REFERENCE.fullmatch(inner))
    ):
        return none
    return start, stop


def _secret(name: str, value: str = "?") -> bool:
    return secret_name(name, value) or name.casefold() == "authorization"


def _open(text: str, at: int, separator: str) -> bool:
    """Whether a value without quotes may go on to the end of its line: YAML's, a dotenv file's."""
    loose = separator[-1:].isspace() or separator.endswith(":")
    return loose and text[at : at + 1] not in ("'", '"', "(", "[", "{", "\\", "`")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def quoted_end(text: str, at: int, quote: str) -> int:
    """Behind the quote that ends what begins at *at*, or the end of the text."""
    match = _QUOTED[quote].match(text, at)
    return min(match.end() + 1, len(text)) if match else at


def balanced_end(text: str, at: int) -> int:
    """Behind the bracket that closes the one at *at*, or the end of the text."""
    depth = 0
    while match := _BRACKET.search(text, at):
        char, at = match[0], match.end()
        if char in "\"'":
            at = quoted_end(text, at, char)
        elif char == "\\":
            at += 1
        else:
            depth += 1 if char in "([{" else -1
            if depth <= 0:
                return at
    return len(text)


def _words(text: str, at: int, *, joined: bool) -> int:
    """The end of one word of quoted and bare pieces; *joined* with strings behind it."""
    start = at
    while at < len(text) and not text[at].isspace():
        if text[at] in "\"'`":
            at = quoted_end(text, at + 1, text[at])
            if not _ENDED.match(text, at):
                continue
            more = _MORE.match(text, at)
            if not (joined and more):
                break
            at = more.end()
        elif slashes := _BACKSLASHES.match(text, at):
            after = slashes.end()
            if text[after : after + 1] in ("'", '"'):
                end = text.find(slashes[0] + text[after], after + 1)
                at = len(text) if end < 0 else end + len(slashes[0]) + 1
                if _ENDED.match(text, at):
                    break
            else:
                at = after + len(slashes[0]) % 2  # an odd one escapes what follows
        elif text.startswith(("$(", "${"), at):
            at = balanced_end(text, at + 1)
        elif at == start and text[at] in "([{":
            at = balanced_end(text, at)
        else:
            bare = _BARE.match(text, at)
            at = bare.end() if bare else at + 1
    return min(at, len(text))
