"""Edits of a Python file: of string literals, and of elements that are added or taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from dsv4_env.model import LaunchConfig, Location, usable
from dsv4_env.writeback.edits import (
    MAX_COMBINED,
    Edit,
    EditedText,
    Proposal,
    Refused,
    WantedSetting,
    combined,
    text_starts,
)

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LITERALS = (cst.SimpleString, cst.ConcatenatedString, cst.Integer, cst.Float, cst.FormattedString)
_DEPTH = 3  # names that hold a name's value
_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./-]+")


def propose(text: str, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """The edits that may bring about what is wanted, the likeliest first."""
    found = _module(text)
    if want.section == "env":
        if want.old and want.new:
            yield from _changed(found, want)
        elif want.new:
            yield from _added(found, launch, want)
        else:
            yield from _removed(found, want)
    elif want.old and want.new:
        yield from _flag_changed(found, want)
    elif want.new:
        yield from _flag_added(found, launch, want)
    else:
        yield from _flag_removed(found, want)


# Where values stand


@dataclass(slots=True, eq=False)
class _NamedValue:
    """A name and its value: of a dict (*owner* is its display), or of a statement or call."""

    name: str
    key: cst.CSTNode
    value: cst.BaseExpression
    owner: cst.Dict | None = None
    element: cst.DictElement | None = None


@dataclass(slots=True)
class _Module(EditedText):
    """The parts of a file that hold values, in the order of the text."""

    spans: dict[cst.CSTNode, tuple[int, int]] = field(default_factory=dict)
    pairs: list[_NamedValue] = field(default_factory=list)
    lists: list[list[cst.BaseExpression]] = field(default_factory=list)
    constants: dict[str, list[cst.BaseExpression]] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    spreads: list[cst.Dict] = field(default_factory=list)
    literals: list[cst.SimpleString] = field(default_factory=list)
    statements: list[cst.SimpleStatementLine] = field(default_factory=list)

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """From where to where a node goes."""
        return self.spans[node]

    def raw(self, node: cst.CSTNode) -> str:
        """A node as spelled."""
        start, end = self.spans[node]
        return self.text[start:end]

    @property
    def newline(self) -> str:
        """How the file ends its lines."""
        match = _NEWLINE.search(self.text)
        return match[0] if match else "\n"

    def place(self, pos: int) -> tuple[int, int]:
        """The line and column of a position."""
        start = self.line(pos)[0]
        return self.starts.index(start) + 1, pos - start + 1


def _module(text: str) -> _Module:
    """The places of a file. Raises libcst.ParserSyntaxError where it is no Python."""
    starts = text_starts(text, _NEWLINE.pattern)
    found = _Module(text, starts)
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    for node, where in wrapper.resolve(PositionProvider).items():
        start = starts[where.start.line - 1] + where.start.column
        end = starts[min(where.end.line, len(starts)) - 1] + where.end.column
        found.spans[node] = (start, end)
    wrapper.module.visit(_Collector(found))
    return found


def _text_of(node: cst.CSTNode | None) -> str | None:
    """What a literal is as a word of a command line; None for what is no literal."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    if isinstance(node, cst.Integer | cst.Float):
        number = node.evaluated_value
        return str(number) if usable(number) else None
    if isinstance(node, cst.FormattedString) and all(
        isinstance(p, cst.FormattedStringText) for p in node.parts
    ):
        raw = "".join(p.value for p in node.parts if isinstance(p, cst.FormattedStringText))
        return raw if not re.search(r"[\\{}]", raw) else None
    return None


def _written(text: str, like: cst.CSTNode | str) -> str:
    """A text as a literal, quoted like another (or by a quote character)."""
    if isinstance(like, cst.Integer | cst.Float) and re.fullmatch(r"\d+(\.\d+)?", text):
        kind = int if isinstance(like, cst.Integer) else float
        if str(_number(kind, text)) == text:
            return text
    first = like
    while isinstance(first, cst.ConcatenatedString):
        first = first.left
    quote = first if isinstance(first, str) else getattr(first, "quote", '"')
    quote = quote[:1] or '"'
    if quote in text and ("'" if quote == '"' else '"') not in text:
        quote = "'" if quote == '"' else '"'
    out = []
    for char in text:
        if char in (quote, "\\"):
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        else:
            out.append(char.encode("unicode_escape").decode())
    return quote + "".join(out) + quote


def _number(kind: type[Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        return None


class _Collector(cst.CSTVisitor):
    def __init__(self, found: _Module) -> None:
        super().__init__()
        self.found = found

    def pair(
        self,
        key: cst.CSTNode,
        value: cst.BaseExpression,
        owner: cst.Dict | None = None,
        element: cst.DictElement | None = None,
    ) -> None:
        name = key.value if isinstance(key, cst.Name) else _text_of(key)
        if name is not None:
            self.found.pairs.append(_NamedValue(name, key, value, owner, element))

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:  # noqa: N802
        self.found.statements.append(node)

    def visit_Dict(self, node: cst.Dict) -> None:  # noqa: N802
        for element in node.elements:
            if isinstance(element, cst.StarredDictElement) and node not in self.found.spreads:
                self.found.spreads.append(node)
            if isinstance(element, cst.DictElement):
                self.pair(element.key, element.value, node, element)

    def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
        for target in node.targets:
            self.target(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802
        if node.value is not None:
            self.target(node.target, node.value)

    def target(self, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
        if isinstance(target, cst.Name):
            self.constant(target.value, value)
        elif isinstance(target, cst.Attribute):
            self.constant(target.attr.value, value)
        elif isinstance(target, cst.Subscript) and len(target.slice) == 1:
            index = target.slice[0].slice
            if isinstance(index, cst.Index):
                self.pair(index.value, value)

    def constant(self, name: str, value: cst.BaseExpression) -> None:
        self.found.constants.setdefault(name, []).append(value)
        self.found.names[name] = self.found.names.get(name, 0) - 1

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        plain = [a.value for a in node.args if a.keyword is None and not a.star]
        if len(plain) > 1:
            self.pair(plain[0], plain[1])
        for argument in node.args:
            if argument.keyword is not None:
                self.pair(argument.keyword, argument.value)
        if len(plain) > 2:  # create_subprocess_exec("python3", "-m", …)
            self.found.lists.append(plain)

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self.found.names[node.value] = self.found.names.get(node.value, 0) + 1

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        self.found.literals.append(node)

    def visit_List(self, node: cst.List) -> None:  # noqa: N802
        self.items(node.elements)

    def visit_Tuple(self, node: cst.Tuple) -> None:  # noqa: N802
        self.items(node.elements)
        values = [e.value for e in node.elements if isinstance(e, cst.Element)]
        if len(values) == len(node.elements) == 2:
            self.pair(values[0], values[1])

    def items(self, elements: Any) -> None:
        if elements:
            self.found.lists.append([e.value for e in elements])


# Values


def _values(
    found: _Module,
    node: cst.BaseExpression,
    old: str,
    new: str,
    want: WantedSetting,
    depth: int = _DEPTH,
) -> Iterator[Proposal]:
    """The edits that make an expression that is *old* into *new*."""
    if _text_of(node) is not None:
        yield (Edit(*found.span(node), _written(new, node)),)
        return
    inside = [n for n in _inside(node) if _text_of(n) == old]
    if len(inside) == 1:
        yield (Edit(*found.span(inside[0]), _written(new, inside[0])),)
        return
    where = _place(found, node, want)
    names = [n for n in _inside(node) if isinstance(n, cst.Name) and n.value in found.constants]
    if not depth or not names:
        yield Refused(want.theirs, f"its value is made by `{found.raw(node)}`", where)
        return
    for name in names:
        held = found.constants[name.value]
        if found.names.get(name.value, 0) > 1 and not want.shared:
            reason = f"its value is held in {name.value}, which is used elsewhere, too: --shared"
            yield Refused(want.theirs, reason, _place(found, held[0], want))
            continue
        for value in reversed(held):
            yield from _values(found, value, old, new, want, depth - 1)


def _inside(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Literals and names in an expression, the node itself included."""
    kinds = (*_LITERALS, cst.Name)
    if isinstance(node, kinds) and (_text_of(node) is not None or isinstance(node, cst.Name)):
        return [node]
    return [n for child in node.children for n in _inside(child)]


def _place(found: _Module, node: cst.CSTNode, want: WantedSetting) -> Location | None:
    if want.location is None:
        return None
    return Location(want.location.path, *found.place(found.span(node)[0]))


def _at(found: _Module, location: Location | None) -> int:
    return -1 if location is None else found.offset(location.line, location.column)


def _near(found: _Module, node: cst.CSTNode, at: int) -> tuple[bool, int]:
    """What sorts places: those at or around a position first, then the later ones."""
    start, end = found.span(node)
    return (not start <= at < end, -start)


# Variables


def _sites(found: _Module, name: str, at: int) -> list[_NamedValue]:
    named = [p for p in found.pairs if p.name == name]
    return sorted(named, key=lambda p: min(_near(found, p.key, at), _near(found, p.value, at)))


def _changed(found: _Module, want: WantedSetting) -> Iterator[Proposal]:
    old, new = want.old[0][0], want.new[0][0]
    for pair in _sites(found, want.theirs, _at(found, want.location)):
        renamed: tuple[Edit, ...] = ()
        if want.name != want.theirs:
            bare = isinstance(pair.key, cst.Name)
            key = want.name if bare else _written(want.name, pair.key)
            renamed = (Edit(*found.span(pair.key), key),)
        if renamed and old == new:
            yield renamed
            continue
        for proposal in _values(found, pair.value, old, new, want):
            yield proposal if isinstance(proposal, Refused) else (*renamed, *proposal)
    yield from _within(found, rf"{re.escape(want.theirs)}={re.escape(old)}", f"{want.name}={new}")


def _within(found: _Module, pattern: str, new: str) -> Iterator[Proposal]:
    """Text within a literal, as in ``"python3 -m … --tp 8".split()``."""
    if not all(_PLAIN.fullmatch(w) for w in re.split("[ =]", new) if w):
        return
    regex = re.compile(rf"(?<![\w-]){pattern}(?=[\s\"'\\]|$)")
    for node in found.literals:
        start, raw = found.span(node)[0], found.raw(node)
        for match in regex.finditer(raw):
            yield (Edit(start + match.start(), start + match.end(), new),)


def _removed(found: _Module, want: WantedSetting) -> Iterator[Proposal]:
    cuts: list[Edit] = []
    for pair in _sites(found, want.theirs, _at(found, want.location)):
        if pair.element is not None:
            start, end = found.span(pair.key)[0], found.span(pair.value)[1]
            cuts.append(_cut(found, start, end))
        elif (statement := _statement(found, pair)) is not None:
            cuts.append(_cut(found, *found.span(statement)))
    yield from ((cut,) for cut in cuts)
    if len(cuts) > 1:
        yield tuple(cuts)


def _statement(found: _Module, pair: _NamedValue) -> cst.SimpleStatementLine | None:
    """The statement that only sets one variable: ``env["A"] = "1"``, ``setenv("A", "1")``."""
    for statement in found.statements:
        start, end = found.span(statement)
        if start <= found.span(pair.key)[0] and found.span(pair.value)[1] <= end:
            inner = [p for p in found.pairs if start <= found.span(p.key)[0] < end]
            return statement if len(statement.body) == len(inner) == 1 else None
    return None


def _cut(found: _Module, start: int, end: int) -> Edit:
    """What stands here taken out: with its lines, where nothing else stands on them."""
    text = found.text
    comma = re.compile(r"[ \t]*,").match(text, end)
    stop = comma.end() if comma else end
    first, last = found.line(start)[0], found.line(stop)[1]
    rest = text[stop:last]
    if not text[first:start].strip() and re.fullmatch(r"[ \t]*(#[^\r\n]*)?(\r\n|\r|\n)", rest):
        return Edit(first, last, "")
    blanks = re.compile(r"[ \t]*").match(text, stop)
    if comma and blanks and rest.strip() and text[blanks.end() : blanks.end() + 1] not in "]})":
        return Edit(start, blanks.end(), "")
    before = text[:start].rstrip().removesuffix(",")
    return Edit(len(before), end, "")


def _added(found: _Module, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """Behind the last key of the dict that the profile's settings before it are in."""
    value = want.new[0][0]
    if want.open and _OS.search(found.text):  # which the outside may override
        yield from _placed(found, launch, want, value, open_=True)
    yield from _placed(found, launch, want, value)
    yield Refused(want.name, "there is no dict or statement that it could be added to",
                  launch.location)  # fmt: skip


def _placed(
    found: _Module, launch: LaunchConfig, want: WantedSetting, value: str, *, open_: bool = False
) -> Iterator[Proposal]:
    places = {e.name: e.location for e in launch.env if e.condition is None and not e.superseded}
    names = [n for n in want.before if n in places][:5]
    others = [n for n in reversed(places) if n not in names][:5]
    for name in (*names, *others):
        for pair in _sites(found, name, _at(found, places[name])):
            if pair.owner is not None:
                yield (_last_key(found, pair.owner, want.name, value, open_=open_),)
            elif (statement := _statement(found, pair)) is not None:
                yield (_like(found, statement, pair, want.name, value, open_=open_),)
    for owner in reversed(found.spreads):  # {**os.environ, **COMMON}
        yield (_last_key(found, owner, want.name, value, open_=open_),)


_OS = re.compile(r"^import[ \t]++(?:[^\n#]*,[ \t]*+)?os[ \t]*+(?=[,;#\r\n]|\Z)", re.MULTILINE)


def _default(name: str, value: str) -> str:
    """What takes a literal's place where the environment comes first."""
    return f"os.environ.get({name}, {value})"


def _last_key(found: _Module, owner: cst.Dict, name: str, value: str, *, open_: bool) -> Edit:
    elements = [e for e in owner.elements if isinstance(e, cst.DictElement)]
    like: list[cst.CSTNode] = [elements[-1].key, elements[-1].value] if elements else []
    key, shown = _written(name, _quoted(*like)), _written(value, _quoted(*reversed(like)))
    shown = _default(key, shown) if open_ else shown
    last = owner.elements[-1]
    model = last.key if isinstance(last, cst.DictElement) else last
    return _behind(found, found.span(last.value)[1], [f"{key}: {shown}"], found.span(model)[0])


def _quoted(*nodes: cst.CSTNode) -> cst.CSTNode | str:
    """The first of the nodes that has quotes."""
    strings = (cst.SimpleString, cst.ConcatenatedString)
    return next((n for n in nodes if isinstance(n, strings)), '"')


def _behind(found: _Module, end: int, items: Sequence[str], model: int) -> Edit:
    """New elements behind one that ends here; *model* is where one whose layout is kept begins."""
    text = found.text
    comma = re.compile(r"[ \t]*,").match(text, end)
    stop = comma.end() if comma else end
    rest = re.compile(r"[ \t]*(#[^\r\n]*)?(?=\r|\n)").match(text, stop)
    own_line = not text[found.line(model)[0] : model].strip()
    if rest and own_line:
        indent = found.newline + found.indent(model)
        added = "".join(f"{indent}{item}," for item in items)
        ended = text[end : rest.end()] if comma else "," + text[end : rest.end()]
        ahead = text[rest.end() :].lstrip()
        keep = comma or not ahead.startswith(("]", "}", ")"))
        return Edit(end, rest.end(), ended + (added if keep else added.removesuffix(",")))
    gap = f",{found.newline}{found.indent(model)}" if own_line else ", "
    return Edit(end, end, "".join(gap + item for item in items))


def _like(
    found: _Module,
    statement: cst.SimpleStatementLine,
    pair: _NamedValue,
    name: str,
    value: str,
    *,
    open_: bool,
) -> Edit:
    """The statement again behind itself, for another variable."""
    start, end = found.span(statement)
    key = name if isinstance(pair.key, cst.Name) else _written(name, pair.key)
    text = found.text
    spans = found.span(pair.key), found.span(pair.value)
    shown = _written(value, _quoted(pair.value, pair.key))
    shown = _default(_written(name, _quoted(pair.value, pair.key)), shown) if open_ else shown
    new = text[start : spans[0][0]] + key + text[spans[0][1] : spans[1][0]] + shown
    new += text[spans[1][1] : end]
    last = found.line(end)[1]
    newline = "" if text[:last].endswith(("\n", "\r")) else found.newline
    tail = "" if newline else found.newline
    return Edit(last, last, f"{newline}{found.indent(start)}{new}{tail}")


# Server arguments


def _flags(
    found: _Module, flag: str, location: Location | None
) -> list[tuple[list[cst.BaseExpression], int, bool]]:
    """Where a flag stands: the list, the index in it, and whether it is ``--flag=value``."""
    sites = []
    for items in found.lists:
        for index, item in enumerate(items):
            text = _beginning(item)
            if text is not None and (text == flag or text.startswith(f"{flag}=")):
                sites.append((items, index, text != flag))
    at = _at(found, location)
    return sorted(sites, key=lambda s: _near(found, s[0][s[1]], at))


def _beginning(item: cst.BaseExpression) -> str | None:
    """The text of a literal; of one with parts that are filled in, what is before those."""
    if isinstance(item, cst.FormattedString) and item.parts and _text_of(item) is None:
        first = item.parts[0]
        return first.value if isinstance(first, cst.FormattedStringText) else None
    return _text_of(item)


def _flag_changed(found: _Module, want: WantedSetting) -> Iterator[Proposal]:
    old, new = want.old[-1], want.new[-1]
    for items, index, joined in _flags(found, want.theirs, want.location):
        node = items[index]
        for flag in dict.fromkeys((want.theirs, want.name)):
            if joined and _text_of(node) is None and old and len(new) == 1:
                yield from _values(found, node, old[0], new[0], want)
                continue
            if joined and len(new) == 1:
                yield (Edit(*found.span(node), _written(f"{flag}={new[0]}", node)),)
                apart = ", ".join(_written(w, _quoted(node)) for w in (flag, new[0]))
                yield (Edit(*found.span(node), apart),)  # every letter may count
                continue
            renamed = (
                () if flag == want.theirs else (Edit(*found.span(node), _written(flag, node)),)
            )
            given = items[index + 1 : index + 1 + len(old)]
            if not joined and len(new) == len(old) == len(given):
                pairs: list[list[Any]] = [
                    [()] if a == b else list(islice(_values(found, n, a, b, want), MAX_COMBINED))
                    for n, a, b in zip(given, old, new, strict=True)
                ]
                yield from combined(pairs, renamed)
                continue
            end = found.span(given[-1] if given and not joined else node)[1]
            words = ", ".join(_written(w, _quoted(node)) for w in (flag, *new))
            yield (Edit(found.span(node)[0], end, words),)
    if len(old) == len(new):
        pattern = re.escape(want.theirs) + "".join(rf"[ =]{re.escape(v)}" for v in old)
        yield from _within(found, pattern, " ".join((want.theirs, *new)))


def _flag_added(found: _Module, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """Behind the flags that the profile has before it, else behind the last."""
    given = {a.flag: a for a in launch.args or () if a.flag and a.condition is None}
    names = [n for n in want.before if n in given][:5]
    for name in (*names, *[n for n in reversed(given) if n not in names][:5]):
        arg = given[name]
        for items, index, joined in _flags(found, name, arg.location):
            last = min(index + (0 if joined else len(arg.values)), len(items) - 1)
            yield (_flag_behind(found, items, index, last, want),)
    yield Refused(want.name, "there is no list of arguments that it could be added to",
                  launch.location)  # fmt: skip


def _flag_behind(
    found: _Module, items: list[cst.BaseExpression], index: int, last: int, want: WantedSetting
) -> Edit:
    node = items[index]
    like = _quoted(node)
    words = [[_written(w, like) for w in (want.name, *values)] for values in want.new]
    start, end = found.span(node)[0], found.span(items[last])[1]
    apart = [found.line(found.span(n)[0])[0] for n in items]
    one_each = len(set(apart)) == len(apart) and len(items) > 1
    pieces = [w for ws in words for w in ws] if one_each else [", ".join(ws) for ws in words]
    return _behind(found, end, pieces, start)


def _flag_removed(found: _Module, want: WantedSetting) -> Iterator[Proposal]:
    cuts: list[Edit] = []
    for items, index, joined in _flags(found, want.theirs, want.location):
        last = min(index + (0 if joined else len(want.old[-1])), len(items) - 1)
        start, end = found.span(items[index])[0], found.span(items[last])[1]
        cuts.append(_cut(found, start, end))
    yield from ((cut,) for cut in cuts)
    if len(cuts) > 1:
        yield tuple(cuts)
    pattern = re.escape(want.theirs) + "".join(rf"[ =]{re.escape(v)}" for v in want.old[-1])
    yield from _within(found, rf" *{pattern}", "")
