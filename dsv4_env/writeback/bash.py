"""Edits of a bash script: of the bytes of a value and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from dsv4_env.lang.bash.syntax.nodes import Assign, Lit, Param, Simple, Word
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.quoting import word
from dsv4_env.writeback import Edit, Proposal, Refused, Wanted, bash_flags
from dsv4_env.writeback.bash_text import DECLARERS, GAP, PLAIN, Given, Script, script, styled

_DEFAULTS = frozenset({":-", "-", ":=", "="})
_DEPTH = 3  # variables that hold a variable's value


def propose(text: str, launch: LaunchConfig, want: Wanted) -> Iterator[Proposal]:
    """The edits that may bring about what is wanted, the likeliest first."""
    found = script(text)
    if want.section == "args":
        yield from bash_flags.propose(found, launch, want, values)
    elif not want.new:
        yield from _removed(found, want)
    elif want.old:
        yield from _changed(found, want)
    else:
        yield from _added(found, launch, want)


# Values


def values(
    found: Script, part: Word, old: str, new: str, want: Wanted, depth: int = _DEPTH
) -> Iterator[Proposal]:
    """The edits that make a word that is *old* into *new*: of itself, or of what it stands for."""
    raw = found.raw(part)
    if part.plain is not None or all(isinstance(p, Lit) for p in part.parts):
        yield (Edit(part.pos, part.end, styled(raw, new)),)
        return
    where = place(found, part.pos, want)
    params = [p for p in part.parts if isinstance(p, Param)]
    rest = [p for p in part.parts if not isinstance(p, Param) and p.text]
    if len(params) != 1 or rest or params[0].kind or params[0].sub is not None:
        yield Refused(want.theirs, f"its value is put together (`{raw}`)", where)
        return
    param = params[0]
    if param.op in _DEFAULTS and param.arg is not None and param.arg.plain == old:
        inner = new if PLAIN.fullmatch(new) else re.sub(r'(["\\$`}])', r"\\\1", new)
        if param.quoted or PLAIN.fullmatch(new):
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
            want.theirs, reason, place(found, held[0].assign.pos, want) if held else where
        )
        return
    for one in reversed(held):
        assert isinstance(one.assign.value, Word)
        yield from values(found, one.assign.value, old, new, want, depth - 1)
    yield Refused(want.theirs, f"its value comes from ${param.name}", where)


def place(found: Script, pos: int, want: Wanted) -> Location | None:
    """A position as a location of the file."""
    if want.location is None:
        return None
    start = found.line(pos)[0]
    return Location(want.location.path, found.text.count("\n", 0, pos) + 1, pos - start + 1)


def _scalar(assign: Assign) -> bool:
    return isinstance(assign.value, Word) and assign.sub is None and not assign.append


def _first(found: Script, want: Wanted) -> int:
    """The position that the reader says the setting stands at."""
    where = want.location
    return -1 if where is None else found.offset(where.line, where.column)


# Variables


def _sites(found: Script, want: Wanted) -> list[Given]:
    """The assignments of the variable, that which counts first."""
    at = _first(found, want)
    named = [g for g in found.given if g.assign.name == want.theirs]
    return sorted(named, key=lambda g: (g.assign.pos != at, -g.assign.pos))


def _changed(found: Script, want: Wanted) -> Iterator[Proposal]:
    old, new = want.old[0][0], want.new[0][0]
    for site in _sites(found, want):
        assign = site.assign
        renamed: tuple[Edit, ...] = ()
        if want.name != want.theirs:
            renamed = (Edit(assign.pos, assign.pos + len(assign.name), want.name),)
            if found.uses(want.theirs):
                where = place(found, assign.pos, want)
                yield Refused(want.theirs, f"${want.theirs} is used in the script, too", where)
                continue
        if renamed and old == new:
            yield renamed
        elif _scalar(assign):
            assert isinstance(assign.value, Word)
            for proposal in values(found, assign.value, old, new, want):
                yield proposal if isinstance(proposal, Refused) else (*renamed, *proposal)
        else:
            where = place(found, assign.pos, want)
            yield Refused(want.theirs, f"its value is made by `{assign.text}`", where)
    for part in _words(found, want.theirs):
        yield from _word(found, part, old, new, want)
    for part in found.quoted:
        yield from _within(found, part, f"{want.theirs}={old}", f"{want.name}={new}")


def _words(found: Script, name: str) -> list[Word]:
    """Words that assign, as those of ``env A=1 …`` and ``docker run -e A=1`` do."""
    pattern = re.compile(rf"[\"']?{re.escape(name)}=")
    return [w for words in found.lists for w in words.words if pattern.match(found.raw(w))]


def _word(found: Script, part: Word, old: str, new: str, want: Wanted) -> Iterator[Proposal]:
    raw, start = found.raw(part), part.pos + len(want.theirs) + 1
    if raw[0] in "\"'":
        yield (Edit(part.pos, part.end, styled(raw, f"{want.name}={new}")),)
        return
    first, *rest = part.parts
    name = Edit(part.pos, start - 1, want.name)
    text = first.text[len(want.theirs) + 1 :] if isinstance(first, Lit) else ""
    kept = [Lit(text, quoted=False), *rest] if text else rest
    plain = part.plain[len(want.theirs) + 1 :] if part.plain is not None else None
    for proposal in values(found, Word([*kept], start, part.end, plain), old, new, want):
        yield proposal if isinstance(proposal, Refused) else (name, *proposal)


def _within(found: Script, part: Word, old: str, new: str) -> Iterator[Proposal]:
    """The same text within quoted text, which a shell reads later."""
    if not PLAIN.fullmatch(new.rpartition("=")[2]) or part.plain == old:
        return
    pattern = re.compile(rf"(?<![\w-]){re.escape(old)}(?=[\s;&\"']|$)")
    for match in pattern.finditer(found.raw(part)):
        yield (Edit(part.pos + match.start(), part.pos + match.end(), new),)


def _removed(found: Script, want: Wanted) -> Iterator[Proposal]:
    cuts = [_without(found, site) for site in _sites(found, want)]
    cuts += [bash_flags.cut(found, w.pos, w.end) for w in _words(found, want.theirs)]
    yield from ((cut,) for cut in cuts)
    if len(cuts) > 1:
        yield tuple(cuts)
    for part in found.quoted:
        pattern = re.compile(rf"\s*(?<![\w-]){re.escape(want.theirs)}=[^\s;&\"']*;?(?=[\s\"']|$)")
        for match in pattern.finditer(found.raw(part)):
            yield (Edit(part.pos + match.start(), part.pos + match.end(), ""),)


def _without(found: Script, site: Given) -> Edit:
    """An assignment taken out: with its line, where nothing else stands there."""
    node = site.command
    words = [w for w in node.words if not (isinstance(w, Word) and w.plain in DECLARERS)]
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
        match = GAP.match(found.text, stop)
        return Edit(pos, match.end() if match else stop, "")
    return bash_flags.cut(found, pos, stop)


# Variables that are missing


def _added(found: Script, launch: LaunchConfig, want: Wanted) -> Iterator[Proposal]:
    """Behind the settings that the profile has before it, else behind any, else at the launch."""
    value = want.new[0][0]
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
                    tried.append((_next(found, words.words, index, f"{want.name}={word(value)}"),))
    yield from (*tried, *prefixed)
    command = found.launch(launch)
    if command is None or command.command is None:
        return
    pos = command.command.pos
    start, _ = found.line(pos)
    if not found.text[start:pos].strip():
        line = f"{found.text[start:pos]}export {want.name}={word(value)}\n"
        yield (Edit(start, start, line),)
    yield (Edit(pos, pos, f"{want.name}={word(value)} "),)


def _behind(found: Script, site: Given, name: str, value: str) -> Edit:
    """A new assignment behind the block of another: a line of its own, or one more in the chain."""
    assign, node = site.assign, site.command
    chain = [a for a in (*node.assigns, *node.words) if isinstance(a, Assign)]
    if site.prefix or "\n" in found.text[chain[0].pos : chain[-1].end]:
        gaps = [found.text[a.end : b.pos] for a, b in pairwise(chain)]
        gap = gaps[-1] if gaps and not gaps[-1].strip(" \t\\\n") else " "
        new = f"{name}={styled(_value_of(found, chain[-1]), value)}"
        return Edit(chain[-1].end, chain[-1].end, f"{gap}{new}")
    last = _block(found, node, declared=site.declared)
    head = found.text[node.pos : assign.pos] if site.declared else "export "
    _, end = found.line(last.end)
    beside = [a for a in (*last.assigns, *last.words) if isinstance(a, Assign)]
    new = f"{name}={styled(_value_of(found, beside[-1]), value)}"
    newline = "" if found.text[end - 1 : end] == "\n" else "\n"
    line = f"{newline}{found.indent(node.pos)}{head}{new}" + ("" if newline else "\n")
    return Edit(end, end, line)


def _value_of(found: Script, assign: Assign) -> str:
    return found.raw(assign.value) if isinstance(assign.value, Word) else ""


def _block(found: Script, node: Simple, *, declared: bool) -> Simple:
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


def _next(found: Script, words: list[Word], index: int, new: str) -> Edit:
    """One more ``A=1`` of ``env`` or ``docker run -e A=1`` behind another."""
    part, before = words[index], words[index - 1]
    start = before.end
    if before.plain in ("-e", "--env") and index > 1:
        start = words[index - 2].end
    gap = found.text[start : part.pos]
    return Edit(part.end, part.end, gap + new)
