"""Edits of a bash script: of the bytes of a value and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import islice, pairwise
from typing import Any

from dsv4_env.lang.bash.syntax.nodes import (
    Arith,
    Assign,
    Function,
    Item,
    Lit,
    Param,
    Redirect,
    Simple,
    Word,
)
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.quoting import word
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

_DECLARERS = frozenset({"export", "declare", "typeset", "local", "readonly"})
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE = re.compile(r"'[^']*'")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_GAP = re.compile(r"(?:[ \t]|\\\n)*")
_DEFAULTS = frozenset({":-", "-", ":=", "="})
_DEPTH = 3  # variables that hold a variable's value


def propose(text: str, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """The edits that may bring about what is wanted, the likeliest first."""
    found = _script(text)
    if want.section == "args":
        yield from _flag_proposals(found, launch, want)
    elif not want.new:
        yield from _removed(found, want)
    elif want.old:
        yield from _changed(found, want)
    else:
        yield from _added(found, launch, want)


# Where values stand


@dataclass(slots=True, eq=False)
class _Words:
    """Words one after the other: those of a command, or (*array*) the elements of an array."""

    words: list[Word]
    array: bool = False
    command: Simple | None = None


@dataclass(slots=True, eq=False)
class _Given:
    """An assignment, and the command that it is a part of."""

    assign: Assign
    command: Simple

    @property
    def declared(self) -> bool:
        """Whether it is made by ``export`` or the like."""
        return self.assign not in self.command.assigns

    @property
    def prefix(self) -> bool:
        """Whether it only holds for the command behind it."""
        return not self.declared and bool(self.command.words)


@dataclass(slots=True)
class _Script(EditedText):
    """The parts of a script that hold values, in the order of the text."""

    given: list[_Given] = field(default_factory=list)
    lists: list[_Words] = field(default_factory=list)
    quoted: list[Word] = field(default_factory=list)
    params: dict[str, int] = field(default_factory=dict)
    arithmetic: list[str] = field(default_factory=list)

    def uses(self, name: str) -> int:
        """How many times the value of a variable is used."""
        pattern = re.compile(rf"\b{re.escape(name)}\b")
        return self.params.get(name, 0) + sum(
            len(pattern.findall(text)) for text in self.arithmetic
        )

    def raw(self, part: Word | Assign) -> str:
        """A part as spelled."""
        return self.text[part.pos : part.end]

    def launch(self, config: LaunchConfig) -> _Words | None:
        """The words of the command that makes a launch."""
        where = config.location
        if where is None:
            return None
        pos = self.offset(where.line, where.column)
        fitting = [w for w in self.lists if w.command and w.command.pos <= pos < w.command.end]
        return min(fitting, key=lambda w: w.command.end - w.command.pos if w.command else 0,
                   default=None)  # fmt: skip


def _script(text: str) -> _Script:
    """The places of a script, as far as it can be parsed."""
    found = _Script(text, text_starts(text, "\n"))
    _walk(found, parse(text)[0])
    found.given.sort(key=lambda g: g.assign.pos)
    found.lists.sort(key=lambda w: w.words[0].pos)
    found.quoted.sort(key=lambda w: w.pos)
    return found


def _walk(found: _Script, node: Any) -> None:
    if isinstance(node, list | tuple):
        for one in node:
            _walk(found, one)
        return
    if not is_dataclass(node) or isinstance(node, type | Redirect):
        return  # a here-document has places of its own
    if isinstance(node, Simple):
        _simple(found, node)
    elif isinstance(node, Word):
        raw = found.raw(node)
        if (
            node.plain is not None and (_DOUBLE.fullmatch(raw) or _SINGLE.fullmatch(raw))
        ) or _DOUBLE.fullmatch(raw):
            found.quoted.append(node)
    elif isinstance(node, Param):
        found.params[node.name] = found.params.get(node.name, 0) + 1
    elif isinstance(node, Arith):
        found.arithmetic.append(node.text)
    elif isinstance(node, Function):
        _walk(found, node.body)
        return
    for part in fields(node):
        _walk(found, getattr(node, part.name))


def _simple(found: _Script, node: Simple) -> None:
    assigns = [*node.assigns, *(w for w in node.words if isinstance(w, Assign))]
    for assign in assigns:
        found.given.append(_Given(assign, node))
        if isinstance(assign.value, list):
            items = [w for item in assign.value if _element(item) for w in item.words]
            if items := _apart(items):
                found.lists.append(_Words(items, array=True))
    words = _apart([w for w in node.words if isinstance(w, Word)])
    if words:
        found.lists.append(_Words(words, command=node))


def _element(item: Item) -> bool:
    return item.sub is None


def _apart(words: list[Word]) -> list[Word]:
    """The words, of those that braces made out of one only one, which isn't plain."""
    found: list[Word] = []
    for one in words:
        if found and found[-1].pos == one.pos:
            found[-1] = Word(one.parts, one.pos, one.end)
        else:
            found.append(one)
    return found


class _Written(str):
    """A value as it is to stand in the script, quotes and all."""

    __slots__ = ()


def _quoted(value: str) -> str:
    return value if isinstance(value, _Written) else word(value)


def _styled(raw: str, value: str) -> str:
    """A value quoted as what it takes the place of, as far as that can hold it."""
    if isinstance(value, _Written):
        return value
    if _DOUBLE.fullmatch(raw):
        return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
    if _SINGLE.fullmatch(raw) and "'" not in value:
        return f"'{value}'"
    return word(value)


# Values


def _values(
    found: _Script, part: Word, old: str, new: str, want: WantedSetting, depth: int = _DEPTH
) -> Iterator[Proposal]:
    """The edits that make a word that is *old* into *new*: of itself, or of what it stands for."""
    raw = found.raw(part)
    if part.plain is not None or all(isinstance(p, Lit) for p in part.parts):
        yield (Edit(part.pos, part.end, _styled(raw, new)),)
        return
    where = _place(found, part.pos, want)
    params = [p for p in part.parts if isinstance(p, Param)]
    rest = [p for p in part.parts if not isinstance(p, Param) and p.text]
    if len(params) != 1 or rest or params[0].kind or params[0].sub is not None:
        yield Refused(want.theirs, f"its value is put together (`{raw}`)", where)
        return
    param = params[0]
    if param.op in _DEFAULTS and param.arg is not None and param.arg.plain == old:
        inner = new if _PLAIN.fullmatch(new) else re.sub(r'(["\\$`}])', r"\\\1", new)
        if param.quoted or _PLAIN.fullmatch(new):
            yield (Edit(param.arg.pos, param.arg.end, inner),)
        yield (Edit(param.arg.pos, param.arg.end, word(new)),)
        return
    if param.op or not depth:
        yield Refused(want.theirs, f"its value is made by `{raw}`", where)
        return
    held = [g for g in found.given if g.assign.name == param.name and _scalar(g.assign)]
    if found.uses(param.name) > 1 and not want.shared:
        reason = f"its value is held in ${param.name}, which is used elsewhere, too: --shared"
        yield Refused(
            want.theirs, reason, _place(found, held[0].assign.pos, want) if held else where
        )
        return
    for one in reversed(held):
        assert isinstance(one.assign.value, Word)
        yield from _values(found, one.assign.value, old, new, want, depth - 1)
    yield Refused(want.theirs, f"its value comes from ${param.name}", where)


def _place(found: _Script, pos: int, want: WantedSetting) -> Location | None:
    """A position as a location of the file."""
    if want.location is None:
        return None
    start = found.line(pos)[0]
    return Location(want.location.path, found.text.count("\n", 0, pos) + 1, pos - start + 1)


def _scalar(assign: Assign) -> bool:
    return isinstance(assign.value, Word) and assign.sub is None and not assign.append


def _first(found: _Script, want: WantedSetting) -> int:
    """The position that the reader says the setting stands at."""
    where = want.location
    return -1 if where is None else found.offset(where.line, where.column)


# Variables


def _sites(found: _Script, want: WantedSetting) -> list[_Given]:
    """The assignments of the variable, that which counts first."""
    at = _first(found, want)
    named = [g for g in found.given if g.assign.name == want.theirs]
    return sorted(named, key=lambda g: (g.assign.pos != at, -g.assign.pos))


def _changed(found: _Script, want: WantedSetting) -> Iterator[Proposal]:
    old, new = want.old[0][0], want.new[0][0]
    for site in _sites(found, want):
        assign = site.assign
        renamed: tuple[Edit, ...] = ()
        if want.name != want.theirs:
            renamed = (Edit(assign.pos, assign.pos + len(assign.name), want.name),)
            if found.uses(want.theirs):
                where = _place(found, assign.pos, want)
                yield Refused(want.theirs, f"${want.theirs} is used in the script, too", where)
                continue
        if renamed and old == new:
            yield renamed
        elif _scalar(assign):
            assert isinstance(assign.value, Word)
            for proposal in _values(found, assign.value, old, new, want):
                yield proposal if isinstance(proposal, Refused) else (*renamed, *proposal)
        else:
            where = _place(found, assign.pos, want)
            yield Refused(want.theirs, f"its value is made by `{assign.text}`", where)
    for part in _words(found, want.theirs):
        yield from _word(found, part, old, new, want)
    for part in found.quoted:
        yield from _within(found, part, f"{want.theirs}={old}", f"{want.name}={new}")


def _words(found: _Script, name: str) -> list[Word]:
    """Words that assign, as those of ``env A=1 …`` and ``docker run -e A=1`` do."""
    pattern = re.compile(rf"[\"']?{re.escape(name)}=")
    return [w for words in found.lists for w in words.words if pattern.match(found.raw(w))]


def _word(
    found: _Script, part: Word, old: str, new: str, want: WantedSetting
) -> Iterator[Proposal]:
    raw, start = found.raw(part), part.pos + len(want.theirs) + 1
    if raw[0] in "\"'":
        yield (Edit(part.pos, part.end, _styled(raw, f"{want.name}={new}")),)
        return
    first, *rest = part.parts
    name = Edit(part.pos, start - 1, want.name)
    text = first.text[len(want.theirs) + 1 :] if isinstance(first, Lit) else ""
    kept = [Lit(text, quoted=False), *rest] if text else rest
    plain = part.plain[len(want.theirs) + 1 :] if part.plain is not None else None
    for proposal in _values(found, Word([*kept], start, part.end, plain), old, new, want):
        yield proposal if isinstance(proposal, Refused) else (name, *proposal)


def _within(found: _Script, part: Word, old: str, new: str) -> Iterator[Proposal]:
    """The same text within quoted text, which a shell reads later."""
    if not _PLAIN.fullmatch(new.rpartition("=")[2]) or part.plain == old:
        return
    pattern = re.compile(rf"(?<![\w-]){re.escape(old)}(?=[\s;&\"']|$)")
    for match in pattern.finditer(found.raw(part)):
        yield (Edit(part.pos + match.start(), part.pos + match.end(), new),)


def _removed(found: _Script, want: WantedSetting) -> Iterator[Proposal]:
    cuts = [_without(found, site) for site in _sites(found, want)]
    cuts += [_cut(found, w.pos, w.end) for w in _words(found, want.theirs)]
    yield from ((cut,) for cut in cuts)
    if len(cuts) > 1:
        yield tuple(cuts)
    for part in found.quoted:
        pattern = re.compile(rf"\s*(?<![\w-]){re.escape(want.theirs)}=[^\s;&\"']*;?(?=[\s\"']|$)")
        for match in pattern.finditer(found.raw(part)):
            yield (Edit(part.pos + match.start(), part.pos + match.end(), ""),)


def _without(found: _Script, site: _Given) -> Edit:
    """An assignment taken out: with its line, where nothing else stands there."""
    node = site.command
    words = [w for w in node.words if not (isinstance(w, Word) and w.plain in _DECLARERS)]
    alone = [*node.assigns, *words] == [site.assign]
    if alone:
        start, _ = found.line(node.pos)
        _, end = found.line(node.end)
        rest = found.text[node.end : end]
        if not found.text[start : node.pos].strip() and re.fullmatch(r"[ \t;]*(#.*)?\n?", rest):
            return Edit(start, end, "")
        if ended := re.compile(r"[ \t]*;[ \t]*").match(found.text, node.end):
            return Edit(node.pos, ended.end(), "")
    pos, stop = (node.pos, node.end) if alone else (site.assign.pos, site.assign.end)
    if site.prefix or (not alone and pos == node.pos):
        match = _GAP.match(found.text, stop)
        return Edit(pos, match.end() if match else stop, "")
    return _cut(found, pos, stop)


# Variables that are missing


def _added(found: _Script, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """Behind the settings that the profile has before it, else behind any, else at the launch."""
    value = want.new[0][0]
    if want.open:
        text = re.sub(r'(["\\$`}])', r"\\\1", value)
        yield from _placed(found, launch, want, _Written(f'"${{{want.name}:-{text}}}"'))
    yield from _placed(found, launch, want, value)


def _placed(
    found: _Script, launch: LaunchConfig, want: WantedSetting, value: str
) -> Iterator[Proposal]:
    """The places for a new variable, the likeliest first."""
    here = launch.location.path if launch.location else ""
    own = [e for e in launch.env if e.condition is None and not e.superseded and e.location]
    own = [e for e in own if e.location and e.location.path == here]
    names = [n for n in want.before if any(e.name == n for e in own)]
    places = {e.name: e.location for e in own if e.location}
    last = sorted(own, key=lambda e: e.location or Location(""), reverse=True)
    tried: list[Proposal] = []
    prefixed: list[Proposal] = []
    for name in dict.fromkeys([*names[:5], *(e.name for e in last[:5])]):
        at = found.offset(places[name].line, places[name].column)
        sites = [g for g in found.given if g.assign.name == name and g.assign.pos == at]
        tried += [(_behind(found, s, want.name, value),) for s in sites if not s.prefix]
        prefixed += [(_behind(found, s, want.name, value),) for s in sites if s.prefix]
        for words in found.lists:
            for index, part in enumerate(words.words):
                if index and part in _words(found, name):
                    new = f"{want.name}={_quoted(value)}"
                    tried.append((_next(found, words.words, index, new),))
    yield from (*tried, *prefixed)
    command = found.launch(launch)
    if command is None or command.command is None:
        return
    pos = command.command.pos
    start, _ = found.line(pos)
    if not found.text[start:pos].strip():
        line = f"{found.text[start:pos]}export {want.name}={_quoted(value)}\n"
        yield (Edit(start, start, line),)
    yield (Edit(pos, pos, f"{want.name}={_quoted(value)} "),)


def _behind(found: _Script, site: _Given, name: str, value: str) -> Edit:
    """A new assignment behind the block of another: a line of its own, or one more in the chain."""
    assign, node = site.assign, site.command
    chain = [a for a in (*node.assigns, *node.words) if isinstance(a, Assign)]
    if site.prefix or "\n" in found.text[chain[0].pos : chain[-1].end]:
        gaps = [found.text[a.end : b.pos] for a, b in pairwise(chain)]
        gap = gaps[-1] if gaps and not gaps[-1].strip(" \t\\\n") else " "
        new = f"{name}={_styled(_value_of(found, chain[-1]), value)}"
        return Edit(chain[-1].end, chain[-1].end, f"{gap}{new}")
    last = _block(found, node, declared=site.declared)
    head = found.text[node.pos : assign.pos] if site.declared else "export "
    _, end = found.line(last.end)
    beside = [a for a in (*last.assigns, *last.words) if isinstance(a, Assign)]
    new = f"{name}={_styled(_value_of(found, beside[-1]), value)}"
    newline = "" if found.text[end - 1 : end] == "\n" else "\n"
    line = f"{newline}{found.indent(node.pos)}{head}{new}" + ("" if newline else "\n")
    return Edit(end, end, line)


def _value_of(found: _Script, assign: Assign) -> str:
    return found.raw(assign.value) if isinstance(assign.value, Word) else ""


def _block(found: _Script, node: Simple, *, declared: bool) -> Simple:
    """The last of the commands that assign, line by line, from this one on."""
    nodes = {
        found.line(g.command.pos)[0]: g.command
        for g in found.given
        if not g.prefix and g.declared is declared
    }
    while True:
        _, end = found.line(node.end)
        following = nodes.get(end)
        if following is None or found.indent(end) != found.indent(node.pos):
            return node
        node = following


def _next(found: _Script, words: list[Word], index: int, new: str) -> Edit:
    """One more ``A=1`` of ``env`` or ``docker run -e A=1`` behind another."""
    part, before = words[index], words[index - 1]
    start = before.end
    if before.plain in ("-e", "--env") and index > 1:
        start = words[index - 2].end
    gap = found.text[start : part.pos]
    return Edit(part.end, part.end, gap + new)


# Server arguments: in a command, an array or quoted text


@dataclass(frozen=True, slots=True)
class _Site:
    """A flag in a list of words: it, and the words that are its values."""

    owner: _Words
    index: int
    size: int
    joined: bool = False

    @property
    def flag(self) -> Word:
        """The word of the flag."""
        return self.owner.words[self.index]

    @property
    def values(self) -> list[Word]:
        """The words of its values."""
        return self.owner.words[self.index + 1 : self.index + 1 + self.size]

    @property
    def end(self) -> int:
        """Where its last word ends."""
        return self.owner.words[self.index + self.size].end


def _flag_proposals(
    found: _Script, launch: LaunchConfig, want: WantedSetting
) -> Iterator[Proposal]:
    """The edits that may make the flag what is wanted, the likeliest first."""
    if not want.old:
        yield from _flag_added(found, launch, want)
        return
    sites = _flag_sites(found, launch, want.theirs, len(want.old[-1]))
    if not want.new:
        cuts = [_cut_flag(found, s) for s in sites]
        yield from ((cut,) for cut in cuts)
        if len(cuts) > 1:
            yield tuple(cuts)
        yield from _flag_within(found, want, None)
        return
    if len(want.old) == len(want.new) == 1 or len(sites) == 1:
        for site in sites:
            for flag in dict.fromkeys((want.theirs, want.name)):
                yield from _occurrence(found, site, flag, want)
    else:
        yield from _repeated(found, sites, want)
    yield from _flag_within(found, want, want.new[-1])


def _flag_sites(found: _Script, launch: LaunchConfig, flag: str, size: int) -> list[_Site]:
    """Where a flag stands, in the launch itself first."""
    command = found.launch(launch)
    sites: list[_Site] = []
    for words in found.lists:
        for index, part in enumerate(words.words):
            if part.plain == flag:
                sites.append(_Site(words, index, min(size, len(words.words) - index - 1)))
            elif re.match(rf"[\"']?{re.escape(flag)}=", found.raw(part)):
                sites.append(_Site(words, index, 0, joined=True))
    return sorted(sites, key=lambda s: (s.owner is not command, -s.flag.pos))


def _occurrence(found: _Script, site: _Site, flag: str, want: WantedSetting) -> Iterator[Proposal]:
    """One occurrence made into the wanted ones, called *flag*."""
    old, new = want.old[-1], want.new[-1]
    renamed = () if flag == want.theirs else (Edit(site.flag.pos, site.flag.end, flag),)
    more = "".join(_spelled(found, site, flag, words) for words in want.new[:-1])
    if more:  # repeated: the others go before it
        renamed = (Edit(site.flag.pos, site.flag.pos, more.lstrip(" ") + " "), *renamed)
    if site.joined:
        yield from _joined(found, site, flag, want)
        return
    if len(old) == len(new) == site.size:
        pairs = [
            [()] if one == two else list(islice(_values(found, part, one, two, want), MAX_COMBINED))
            for part, one, two in zip(site.values, old, new, strict=True)
        ]
        yield from combined(pairs, renamed)
        return
    text = "".join(f" {word(v)}" for v in new)
    yield (*renamed, Edit(site.flag.end, site.end, text))


def _joined(found: _Script, site: _Site, flag: str, want: WantedSetting) -> Iterator[Proposal]:
    """``--flag=value``."""
    part, new = site.flag, want.new[-1]
    raw, at = found.raw(part), len(want.theirs) + 1
    if len(new) != 1:
        yield (Edit(part.pos, part.end, " ".join([flag, *map(word, new)])),)
        return
    apart = (Edit(part.pos, part.end, f"{flag} {word(new[0])}"),)  # every letter may count
    if raw[0] in "\"'":
        yield (Edit(part.pos, part.end, _styled(raw, f"{flag}={new[0]}")),)
        yield apart
        return
    first, *rest = part.parts
    text = first.text[at:] if isinstance(first, Lit) else ""
    kept = [Lit(text, quoted=False), *rest] if text else rest
    plain = part.plain[at:] if part.plain is not None else None
    inner = Word([*kept], part.pos + at, part.end, plain)
    name = Edit(part.pos, part.pos + at - 1, flag)
    old = want.old[-1][0] if want.old[-1] else ""
    for proposal in _values(found, inner, old, new[0], want):
        yield proposal if isinstance(proposal, Refused) else (name, *proposal)
    if part.plain is not None:
        yield apart


def _repeated(found: _Script, sites: list[_Site], want: WantedSetting) -> Iterator[Proposal]:
    """A flag that is given several times: one by one, then what is left over."""
    sites = sorted(sites, key=lambda s: s.flag.pos)
    if len(sites) != len(want.old):
        reason = f"it is given {len(want.old)} times, and stands in {len(sites)} places"
        yield Refused(want.theirs, reason, want.location)
        return
    edits: list[Edit] = []
    for site, words in zip(sites, want.new, strict=False):
        if tuple(w.plain for w in site.values) != words:
            text = "".join(f" {word(v)}" for v in words)
            edits.append(Edit(site.flag.end, site.flag.end + len(_tail(found, site)), text))
    edits += [_cut_flag(found, s) for s in sites[len(want.new) :]]
    for words in want.new[len(sites) :]:
        edits.append(
            Edit(sites[-1].end, sites[-1].end, _spelled(found, sites[-1], want.theirs, words))
        )
    yield tuple(edits)


def _tail(found: _Script, site: _Site) -> str:
    return found.text[site.flag.end : site.end]


def _spelled(found: _Script, site: _Site, flag: str, words: Sequence[str]) -> str:
    return _gap(found, site) + " ".join([flag, *map(word, words)])


def _gap(found: _Script, site: _Site) -> str:
    """What stands between a flag and what is before it, or behind it where it is the first."""
    words, index = site.owner.words, site.index
    if index:
        between = found.text[words[index - 1].end : words[index].pos]
    elif site.end < words[-1].end:
        between = found.text[site.end : words[site.size + 1].pos]
    else:
        between = " "
    if not between.strip(" \t\\\n"):
        return between
    return "\n" + found.indent(site.flag.pos) if site.owner.array else " "


# Flags that are missing


def _flag_added(found: _Script, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """Behind the flags that the profile has before it, else at the end of the command."""
    sizes = {a.flag: len(a.values) for a in launch.args or () if a.flag and a.condition is None}
    joined = {a.flag for a in launch.args or () if a.joined}
    names = [n for n in want.before if n in sizes][:5]
    last = [a.flag for a in reversed(launch.args or ()) if a.flag in sizes and a.flag][:5]
    for name in dict.fromkeys([*names, *last]):
        size = 0 if name in joined else sizes[name]
        for site in _flag_sites(found, launch, name, size):
            yield _insertion(found, site, want)
        values = rf"(?:[ \t=]+[^\s\"'-][^\s\"']*){{{sizes[name]}}}"
        pattern = re.compile(rf"(?<![\w-]){re.escape(name)}{values}(?=[\s\"']|$)")
        if all(_PLAIN.fullmatch(v) for words in want.new for v in words):
            text = "".join(" " + " ".join((want.name, *words)) for words in want.new)
            for part in found.quoted:
                for match in pattern.finditer(found.raw(part)):
                    at = part.pos + match.end()
                    yield (Edit(at, at, text),)
    command = found.launch(launch)
    if command is not None:
        text = "".join(" " + " ".join([want.name, *map(word, words)]) for words in want.new)
        end = command.words[-1].end
        yield (Edit(end, end, text),)


def _insertion(found: _Script, site: _Site, want: WantedSetting) -> tuple[Edit, ...]:
    gap = _gap(found, site)
    texts = [" ".join([want.name, *map(word, words)]) for words in want.new]
    rest = re.compile(r"[ \t]*#[^\n]*").match(found.text, site.end) if site.owner.array else None
    if rest:  # the comment stays with what it is about
        gap = "\n" + found.indent(site.flag.pos)
        if found.line(site.flag.pos)[0] == found.line(site.owner.words[0].pos)[0]:
            following = [w for w in site.owner.words if w.pos > rest.end()]
            gap = "\n" + (found.indent(following[0].pos) if following else gap[1:] + "  ")
        end = rest.end()
    else:
        end = site.end
    return (Edit(end, end, "".join(gap + text for text in texts)),)


# Flags that go


def _cut_flag(found: _Script, site: _Site) -> Edit:
    return _cut(found, site.flag.pos, site.end, array=site.owner.array)


def _cut(found: _Script, pos: int, stop: int, *, array: bool = False) -> Edit:
    """Words taken out: with their line where nothing else stands on it, else with the gap."""
    text = found.text
    start, _ = found.line(pos)
    _, end = found.line(stop)
    rest = text[stop:end]
    whole = r"[ \t]*(#[^\n]*)?\n" if array else r"[ \t]*\\\n"
    if not text[start:pos].strip() and re.fullmatch(whole, rest):
        return Edit(start, end, "")
    before = re.compile(r"(?:[ \t]|\\\n|\n)*\Z" if array else r"(?:[ \t]|\\\n)*\Z").search(
        text[:pos]
    )
    begin = before.start() if before else pos
    if text[begin - 1 : begin] in ("(", "") or begin == pos:
        match = _GAP.match(text, stop)
        return Edit(pos, match.end() if match else stop, "")
    return Edit(begin, stop, "")


def _flag_within(
    found: _Script, want: WantedSetting, new: Sequence[str] | None
) -> Iterator[Proposal]:
    """The same flag within quoted text, which a shell reads later."""
    if new is not None and not all(_PLAIN.fullmatch(v) for v in new):
        return
    old = want.old[-1]
    values = "".join(r"[ \t=]+" + re.escape(v) for v in old)
    pattern = re.compile(rf"(?<![\w-])({re.escape(want.theirs)})({values})(?=[\s;&\"']|$)")
    for part in found.quoted:
        raw = found.raw(part)
        for match in pattern.finditer(raw):
            at, end = part.pos + match.start(), part.pos + match.end()
            if new is None:
                blanks = len(raw[: match.start()]) - len(raw[: match.start()].rstrip(" \t"))
                follow = re.compile(r"[ \t]*").match(raw, match.end())
                extra = follow.end() - match.end() if follow and not blanks else 0
                yield (Edit(at - blanks, end + extra, ""),)
            elif len(new) == len(old) == 1:
                yield (Edit(part.pos + match.end() - len(old[0]), end, new[0]),)
            else:
                yield (Edit(at, end, " ".join((want.theirs, *new))),)
