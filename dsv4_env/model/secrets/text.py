"""Secrets in a piece of source: found by the names that they are given to, or by their form."""

from __future__ import annotations

import re

from dsv4_env.model.secrets.forms import MASK, is_reference
from dsv4_env.model.secrets.names import may_be_secret, secret_name

_NAMED = re.compile(r"\$\{[!#]?(?P<braced>\w+)|(?P<name>(?<![\w-])-{0,2}[^\W\d][\w.-]*)")
_CLOSED = re.compile(r"(?P<quote>\\*+[\"'])?[)\]]*+")
_SEPARATOR = re.compile(
    r"(?P<value>[,\s]+\\*[\"']?value\\*[\"']?\s*[:=]\s*)"  # {name: X, value: Y}
    r"|(?P<assign>\s*(?:[:+?!=~]*=[=~>]?[ \t]*|:\s*))"
    r"|(?P<comma>\s*,\s*)"
    r"|(?P<default>\s+or\s+)"
    r"|(?P<space>(?:\\?\s)+(?:-\s+)?)",
    re.IGNORECASE,
)
# A file's name, and the place in it, with which a message begins: secret.sh:3:1: …
_FILE = re.compile(r".*\.(?:sh|bash|py|toml|ya?ml|json|env|md|txt|service)")
_PLACE = re.compile(r":(?:\d+(?::\d+)?)?(?:[:\s]|$)")
_OPERATOR = re.compile(r":?[-=+?]")
_COMMAND = re.compile(r"(?:^|\n)\s*(?:ENV|ARG|(?:setenv|set)(?:\s+-\w+)*)\s+$", re.IGNORECASE)
_NO_VALUE = re.compile(  # another flag, or what a sentence about a flag goes on with
    r"[\"']?--[a-z]|(?:is|are|was|has|can't|isn't|doesn't|and|or|stands|to|on|in|of|from|with|set|as"
    r"|takes|needs|gets|wants|unless|when|holds|leaves|comes|gone|no|not|only|for|without|belongs|must)\b(?!['=])"
)
_ENDED = re.compile(r"\s|$|[,;:)}\]>|&]+(?:\s|$|[\"'`])")
_REFERENCE = re.compile(r"\$\w+|\$\{\w+(:?-[-0-9.]*)?\}")
_MASKED = re.compile(re.escape(MASK) + r"(?![\w*])")
_BLOCK = re.compile(r"[|>][-+0-9]*\s*\n")
_KEY = re.compile(r"\s*+:")
_FLOW_END = re.compile(r"[^,}\]\n]*+")
_SHOUTED = re.compile(r"[A-Z][A-Z0-9_]+")
_COMMENT = re.compile(r"(?:^|\n)[ \t]*#[# \t]*(?:export\s+)?$")
_LINE = re.compile(r"(?P<word>\S{6,}+)(?P<rest>[^\n]*)")
_SWITCH = re.compile(  # of commands whose short flags take passwords
    r"(?<![\w-])(?P<flag>-[upU]|--(?:proxy-)?user)(?P<space>=|(?:\\?\s)*+)(?=[^\s-])"
)
_USERS = ("-u", "-U", "--user", "--proxy-user")
# Commands whose -p takes a password: as a word of its own, and in one word with it.
_APART = ("docker login", "podman login", "registry login", "oras login", "oc login", "sshpass")
_ATTACHED = (_APART, (*_APART, "mysql", "mariadb"))
_VAULT = re.compile(r"\bvault\s+login\s+(?:-\S+\s+){0,5}(?P<value>[^\s=-][^\s=]*+)(?![^\s])")
_CASE = re.compile(r"\bcase\s++[\"']?\$\{?(?P<name>\w++)[^\s\"']{0,80}[\"']?\s++in\s++")
_PATTERN = re.compile(r"\(?(?P<value>[^()\n]{1,300})\)")
_BRANCH = re.compile(r";;&?\s*+")
_BEFORE = 300  # characters of a command before its flag
_BACKSLASHES = re.compile(r"\\++")
_QUOTED = {q: re.compile(rf"(?:[^\\{q}]|\\.)*+", re.DOTALL) for q in "\"'`"}  # up to its end
_BRACKET = re.compile(r"[\\()\[\]{}\"']")
_BARE = re.compile(r"[^\s\"'`\\$(\[{]++")
_BRACKETS = re.compile(r"[\[\](){}\s]*|\[+[\w.-]+\]+")  # the end of a list, a TOML table
_MORE = re.compile(r"[ \t]*+(?:\+[ \t]*+)?(?=[\"'])")


def named_spans(text: str) -> list[tuple[int, int]]:
    """Where values of secret names stand, and those that commands are given as secrets."""
    found, at = [], 0
    while match := _NAMED.search(text, at):
        span = _secret_after(text, match)
        at = max(match.end(), span[1])
        if span[0] < span[1]:
            found.append(span)
    return found + _command_spans(text) + _case_spans(text)


def joined_spans(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch as one."""
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
    if not may_be_secret(name) or (_FILE.fullmatch(name) and _PLACE.match(text, end)):
        return none
    if match["braced"]:
        operator = _OPERATOR.match(text, end)
        if operator is None:
            return none
        start, stop = operator.end(), balanced_end(text, match.start() + 1) - 1
        stop = stop if text[stop : stop + 1] == "}" else len(text)
        return (start, stop) if secret_name(name, text[start:stop]) else none
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
        before = text[max(0, match.start() - 80) : match.start()]
        command = _COMMAND.search(before)
        if not name.startswith("-") and not command:
            return _in_comment(text, match, before, start) or none
        if command:  # a Dockerfile's ENV NAME VALUE
            return start, line_end(text, start)
    if kind in ("space", "comma") and _NO_VALUE.match(text, start):
        return none
    if name.lower() == "pass" and (":" in separator[0] or kind == "comma"):
        return none  # what a log says of a test
    if kind == "assign" and "\n" in separator[0] and _is_next_key(text, match.start(), start):
        return none
    if quote in ("'", '"') and not closed["quote"] and kind != "comma":
        stop = quoted_end(text, start, quote) - 1
        stop = stop if text[stop : stop + 1] == quote else len(text)
    elif kind == "assign" and _in_braces(text, match.start(), start, separator[0]):
        stop = _matched_end(_FLOW_END, text, start)
    elif kind in ("assign", "value") and _open(text, start, separator[0]):
        block = _BLOCK.match(text, start)
        stop = len(text) if block else line_end(text, start)
    else:
        stop = _words(text, start, joined=kind in ("assign", "value", "default"))
    if kind == "comma" and _KEY.match(text, stop):
        return none  # the next key of an object
    inner = unquoted_text(text[start:stop]).partition(" #")[0].rstrip(", ;")
    if is_reference(inner) or _BRACKETS.fullmatch(inner) or not secret_name(name, inner):
        return none
    if name.lower().endswith(("s", "auth")) and _REFERENCE.fullmatch(inner):
        return none
    return start, stop


def _is_next_key(text: str, at: int, start: int) -> bool:
    """Whether what follows a YAML key without a value is no deeper than that: the next key."""
    line = text.rfind("\n", max(0, at - 500), at) + 1
    own = len(text[line:at]) - len(text[line:at].lstrip(" "))
    return start - text.rfind("\n", 0, start) - 1 <= own and text[start : start + 1].isalnum()


def unquoted_text(value: str) -> str:
    """A piece of source without the quotes around it."""
    value = value.strip()
    return value[1:-1] if value[:1] in ("'", '"') and value[-1:] == value[:1] else value


def _in_comment(text: str, match: re.Match[str], before: str, start: int) -> tuple[int, int] | None:
    """Where a value stands behind a name in a comment: # HF_TOKEN abc123."""
    if not _SHOUTED.fullmatch(match["name"]) or not _COMMENT.search(before):
        return None
    line = _LINE.match(text, start)
    if line is None or _NO_VALUE.match(text, start) or not secret_name(match["name"], line["word"]):
        return None
    alone = not line["rest"].strip()
    return line.span("word") if alone or any(map(str.isdigit, line["word"])) else None


def _in_braces(text: str, at: int, start: int, separator: str) -> bool:
    """Whether a name stands in the braces of JSON or of YAML, its value without quotes."""
    if ":" not in separator or text[start : start + 1] in ("'", '"', "(", "[", "{", "\\", "`"):
        return False
    before = text[max(0, at - 200) : at].rpartition("\n")[2]
    return before.count("{") - before.count("${") > before.count("}")


def _matched_end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _command_spans(text: str) -> list[tuple[int, int]]:
    """Where commands are given passwords by short flags: curl -u me:S, docker login -p S."""
    found = []
    for match in _SWITCH.finditer(text):
        start, begin = match.end(), _command_start(text, match.start())
        user = match["flag"] in _USERS
        if user:
            given = text.find("curl", begin, start) >= 0
        else:
            given = any(
                text.find(word, begin, start) >= 0 for word in _ATTACHED[not match["space"]]
            )
        if not given:
            continue
        stop = _words(text, start, joined=False)
        if user:
            colon = text.find(":", start, stop)
            stop -= text[start] in "\"'" and text[stop - 1] == text[start]
            if colon < 0 or colon + 1 >= stop:
                continue
            start = colon + 1
        if not is_reference(unquoted_text(text[start:stop])):
            found.append((start, stop))
    if "vault" in text:
        found += [m.span("value") for m in _VAULT.finditer(text) if not is_reference(m["value"])]
    return found


def _command_start(text: str, at: int) -> int:
    """Where the command begins in which something stands, not farther back than is looked at."""
    least = max(0, at - _BEFORE)
    begin = max(text.rfind(end, least, at) for end in ";|&")
    line = text.rfind("\n", least, at)
    while line > begin and text[line - 1] == "\\":
        line = text.rfind("\n", least, line)
    return max(begin, line, least - 1) + 1


def _case_spans(text: str) -> list[tuple[int, int]]:
    """Where a secret variable is held against patterns: case "$API_TOKEN" in S)."""
    found: list[tuple[int, int]] = []
    ends = 0
    for match in _CASE.finditer(text):
        name, at = match["name"], match.end()
        if at < ends or not may_be_secret(name):
            continue
        ends = text.find("esac", at)
        ends = len(text) if ends < 0 else ends
        while at < ends and (pattern := _PATTERN.match(text, at)):
            inner = unquoted_text(pattern["value"])
            if secret_name(name, inner) and inner.strip("*?") and not is_reference(inner):
                found.append(pattern.span("value"))
            branch = _BRANCH.search(text, pattern.end(), ends)
            at = branch.end() if branch else ends
    return found


def _open(text: str, at: int, separator: str) -> bool:
    """Whether a value without quotes may go on to the end of its line: YAML's, a dotenv file's."""
    loose = separator[-1:].isspace() or separator.endswith(":")
    return loose and text[at : at + 1] not in ("'", '"', "(", "[", "{", "\\", "`")


def line_end(text: str, at: int) -> int:
    """Where the line ends that a place is in."""
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
