"""What the grammar is shown of a script: a text of the same length that it can read.

Its tree is only asked where statements begin and end; what they say is read from the script.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dsv4_env.model.budget import Budget

if TYPE_CHECKING:
    import tree_sitter as ts


# What may be told in one way only is never tried in another (``++``): a hostile text would make
# that take for ever.
_INNER = r"""(?:[^}'"`$\\\n]++|\$\w++|\$(?=['"\\])|\\.|'[^'{}\n]*'|"[^"{}`\n]*")"""
_EXPANSION = re.compile(
    rf"\$\{{(?:{_INNER}|\$\{{{_INNER}*+\}})++\}}|\$'(?:[^'\\\n]++|\\.)*+'", re.ASCII
)
_SUM = r"[^'\"`$\n()]++|\$\w++"
_ARITHMETIC = re.compile(
    rf"\$\(\((?:{_SUM}|\((?:{_SUM}|\((?:{_SUM}|\((?:{_SUM})*+\))*+\))*+\))++\)\)", re.ASCII
)
_HEREDOC = re.compile(r"(?<![<\d(])<<-?[ \t]*[\\'\"]?(\w+)[^\n]*\n", re.ASCII)
_BODY = re.compile(r"[^\n\t]")
_ASSIGNED = re.compile(r"(?m)^[ \t]*\w+=[^\s;|&()<>'\"`$]*[ \t]+\d*[<>]")
_ONE = r"\w++\+?=(?:[^\s'\"`$;|&()<>\\]++|'[^'\n]*'|\"[^\"`\\\n]*\"|\$\w++)*+"
_ASSIGNMENTS = re.compile(rf"(?m)^[ \t]*(?:{_ONE}[ \t]+)+{_ONE}[ \t]*\n")
# To the grammar, the quote behind an escaped backslash is escaped: $'…' goes on to it.
_LATE_END = re.compile(r"\$'(?:[^'\\\n]|\\.)*?\\\\'")
_WIDE = re.compile(r"[^\x00-\x7f]")
_OPENERS = re.compile(r"\$[{('(]|\(\(")
_LONG = 2_000  # characters of a line: the rewriting of longer ones is bounded
_MOST = 2_000_000  # characters that are looked at for one line
_CHUNK, _AGAIN = 1024, 256  # bytes that it is given at once, and where it goes back
_MANY_LINES = 20_000
_REMARKS = re.compile(r"(?m)(?:^[ \t]*#[^'\"`$(){}\[\]\\<>;&|\n]*+\n){2,}+")
MAX_PIPES = 3_000  # of one pipeline: what the grammar takes for it grows with their square
_PIPELINE = re.compile(r"(?:[^|\n]++|\|[ \t]*\n|\|)++")
_READ, _CALLED = 4, 8  # steps of what the grammar reads once, and of a hundred operations of it
_ASTRAY = 20  # steps of those behind an error, where it follows several readings at once


@cache
def parser() -> ts.Parser:
    """The parser of this process."""
    import tree_sitter  # heavy: only what reads a script needs it

    return tree_sitter.Parser(tree_sitter.Language(_binding().language()))


def _binding() -> Any:
    """What is compiled of tree_sitter_bash: the rest of it imports what unpacks archives."""
    package = PathFinder.find_spec("tree_sitter_bash")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("tree_sitter_bash._binding", places) if places else None
    if spec is None or spec.loader is None:  # not installed as files
        import tree_sitter_bash  # heavy, too

        return tree_sitter_bash
    binding = module_from_spec(spec)
    spec.loader.exec_module(binding)
    return binding


def shown_text(text: str, breaks: frozenset[int]) -> str:
    """The text as the grammar gets it: one byte a character, so that its bytes are positions.

    *breaks* are ends of lines that it would miss: there it sees a semicolon.
    """
    seen = text if text.isascii() else _WIDE.sub(".", text)
    if seen.endswith("\\"):
        seen = seen[:-1] + "x"
    if "\\\\'" in seen:
        seen = _LATE_END.sub(_masked, seen)
    seen = joined_remarks(seen)
    if breaks:
        parts, done = list[str](), 0
        for pos in sorted(breaks):
            parts += [seen[done:pos], ";"]
            done = pos + 1
        seen = "".join([*parts, seen[done:]])
    return seen


def joined_remarks(text: str) -> str:
    """A long text with comments in a row made one: no nodes are made of a hundred thousand.

    Only those that say nothing to a shell: within quotes and here-documents they do no harm.
    """
    if text.count("\n") < _MANY_LINES:
        return text
    return _REMARKS.sub(lambda m: m[0][:-1].replace("\n", "x") + "\n", text)


class TooMuchError(Exception):
    """The grammar takes too long over a text; it has come as far as this position."""

    def __init__(self, pos: int) -> None:
        self.pos = pos


def _parsed(seen: str, budget: Budget) -> ts.Node:
    """The root of the tree, with the grammar's work counted.

    It works in the order of a text's size, but on a long line, or where it has found an error, it
    may go over the same text again and again: it's given little at a time, so that this is seen.
    """
    if (at := _piped(seen)) >= 0:
        raise TooMuchError(at)
    data = seen.encode()
    share = budget.steps // 5
    left = max(min(share, 2 * share - budget.spent_steps), share // 10)
    spent = reached = furthest = 0
    given: dict[int, bytes] = {}

    def read(offset: int, _point: Any) -> bytes:
        nonlocal spent, furthest
        if spent >= left:
            return b""
        spent += _READ
        if offset >= furthest:
            furthest = offset + _CHUNK
            return data[offset:furthest]
        # tree_sitter (0.26) never lets go of what it is given: the same is given again.
        piece = given.get(offset)
        if piece is None:
            piece = given[offset] = data[offset : offset - offset % _AGAIN + _AGAIN]
        return piece

    def called(offset: int, error: bool) -> bool:
        nonlocal spent, reached
        spent += _ASTRAY if error else _CALLED
        reached = max(reached, offset)
        return spent >= left

    try:
        tree = parser().parse(read, progress_callback=called)
    except ValueError:  # it was stopped
        parser().reset()
        tree = None
    budget.step(count=min(spent, left))
    if tree is None or spent >= left:
        raise TooMuchError(reached)
    return tree.root_node


def _piped(seen: str) -> int:
    """Where more commands are joined by pipes than the grammar bears, -1 where none are."""
    if seen.count("|") > MAX_PIPES:
        for m in _PIPELINE.finditer(seen):
            if m[0].count("|") > MAX_PIPES:
                return m.start()
    return -1


def rooted(seen: str, stage: int, budget: Budget) -> tuple[ts.Node, bool]:
    """The root of the first form's tree that is without an error, and whether it's the last.

    *stage* forms are left out, unless all others have errors.
    """
    for number, form in enumerate((*FORMS[stage:], *FORMS[:stage]), stage):
        budget.step(count=1 + (len(seen) >> 8))
        root = _parsed(form(seen), budget)
        if not root.has_error:
            return root, number >= len(FORMS) - 1
    return root, True


def _simpler(seen: str) -> str:
    """The same for the grammar where it has found an error: what it lacks looks like a word.

    That is some forms of ``${…}``, bodies of here-documents, lines of several assignments, and
    assignments with a redirection and no command. What they say is read from the text itself;
    the grammar is only asked where they end.
    """
    return _lines(_reduced, _without_bodies(seen))


def _plainest(seen: str) -> str:
    """The same without all that is quoted, and arithmetic."""
    quoted, without_operand, computed = _last_resort()
    seen = quoted.sub(_blank_quoted, _without_bodies(seen))
    seen = without_operand.sub(lambda m: "%" * len(m[0]), seen)
    seen = _lines(lambda lines: computed.sub(_blank_sum, lines), seen)
    return _lines(_reduced, seen)


def _lines(change: Callable[[str], str], seen: str) -> str:
    """The text with its lines changed, but for those over which that would take too long."""
    lines = seen.split("\n")
    if len(seen) <= _LONG or all(map(_bearable, lines)):
        return change(seen)
    parts: list[str] = []
    for bearable, group in groupby(lines, _bearable):
        part = "\n".join(group) + "\n"
        parts.append(change(part) if bearable else part)
    return "".join(parts)[:-1]


def _bearable(line: str) -> bool:
    return len(line) <= _LONG or len(line) * len(_OPENERS.findall(line)) <= _MOST


def _without_bodies(seen: str) -> str:
    """The text with the bodies of here-documents blanked."""
    if "<<" not in seen:
        return seen
    ends: dict[str, list[int]] = {}
    begin = 0
    for line in seen.split("\n"):
        ends.setdefault(line.lstrip("\t"), []).append(begin)
        begin += len(line) + 1
    parts: list[str] = []
    done = pos = 0
    while (m := _HEREDOC.search(seen, pos)) is not None:
        found = ends.get(m[1], ())
        at = bisect_left(found, m.end())
        pos = m.end() if m.end() - m.start() > _LONG else m.start() + 2
        if at < len(found):
            pos = found[at]
            parts += [seen[done : m.end()], _BODY.sub("x", seen[m.end() : pos])]
            done = pos
    return "".join([*parts, seen[done:]])


FORMS: tuple[Callable[[str], str], ...] = (str, _simpler, _plainest)
"""The text as the grammar may be shown it, one form after the other."""


def _reduced(seen: str) -> str:
    seen = _ARITHMETIC.sub(lambda m: f"$(({'x' * (len(m[0]) - 5)}))", seen)
    seen = _EXPANSION.sub(_masked, seen)
    seen = _ASSIGNMENTS.sub(lambda m: m[0][:-1] + ";", seen)
    return _ASSIGNED.sub(lambda m: m[0].replace("=", "_"), seen)


@cache
def _last_resort() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What is quoted, ``==`` without an operand, and arithmetic commands.

    Behind a string with more in it than this, all stays as it is.
    """
    ticks = r"`(?:[^`\\]++|\\.)*+`"
    simple = rf"\"[^\"\\`]*+\"|'[^']*+'|\\.|{ticks}"
    plain = r"[^{}\"'`\\]"
    braced = rf"\$\{{(?:{plain}|{simple}|\$\{{(?:{plain}|{simple})*+\}})*+\}}"
    parentheses = "(?!)"
    for _ in range(5):
        parentheses = rf"\((?:[^()\"'`\\]++|{simple}|{parentheses})*+\)"
    string = rf"[^\"\\`$]++|\\.|{ticks}|{braced}|\${parentheses}|\$(?![{{(])"
    quoted = (
        rf"<<-?[ \t]*(?:'\w+'|\"\w+\"|\\\w+)|\$'(?:[^'\\]++|\\.)*+'|'[^']*+'|{ticks}|\\[^\n]|"
        rf"(?<![^\s;|&()])\#[^\n]*|\$?\"(?:{string})*+\"|\".*"
    )
    without = r"(?<=[ \t])(?:==?|!=|=~)(?=[ \t]*(?:[;|&)>\]]|$))"
    computed = rf"(?<![$(])\(\((?:{parentheses}|[^()\"'`;\n])+\)\)"
    return re.compile(quoted, re.DOTALL), re.compile(without, re.MULTILINE), re.compile(computed)


def _blank_quoted(match: re.Match[str]) -> str:
    text = match[0]
    if text[0] == "\\":
        return "%%"
    if text[0] in "#<" or len(text) < 2 or text[-1] != text[text[0] == "$"]:
        return text
    return "%" * len(text)  # no letters: with them, a"b"=c would be an assignment


def _blank_sum(match: re.Match[str]) -> str:
    return f"(({'x' * (len(match[0]) - 4)}))"


def _masked(match: re.Match[str]) -> str:
    return match[0][:2] + "x" * (len(match[0]) - 3) + match[0][-1]


def opened(nodes: list[ts.Node]) -> list[ts.Node]:
    """The nodes, with what an ERROR holds in its place: much of it may be sound."""
    found: list[ts.Node] = []
    for node in nodes:
        holds = node.type == "ERROR" and any(c.is_named for c in node.children)
        found += opened(node.children) if holds else [node]
    return found


def sound(node: ts.Node) -> bool:
    """Whether nothing below a node is wrong, apart from what bash takes and the grammar doesn't:

    ``for x in; do`` and a here-document that ends with the file.
    """
    if not node.has_error and not node.is_missing and node.type != "ERROR":
        return True
    if node.is_missing:
        return node.type == "heredoc_end"
    if node.type == "ERROR":
        parent = node.parent
        inside = [c.type for c in node.children]
        return parent is not None and parent.type == "for_statement" and inside == ["in"]
    return all(sound(c) for c in node.children)
