"""Edits of the server arguments in a bash script: in a command, an array or quoted text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from dsv4_env.lang.bash.syntax.nodes import Lit, Word
from dsv4_env.model import LaunchConfig
from dsv4_env.model.quoting import word
from dsv4_env.writeback import Edit, Proposal, Refused, Wanted
from dsv4_env.writeback.bash_text import GAP, PLAIN, Script, Words, styled

_MAX_COMBINED = 8
Values = Callable[[Script, Word, str, str, Wanted], Iterator[Proposal]]


@dataclass(frozen=True, slots=True)
class Site:
    """A flag in a list of words: it, and the words that are its values."""

    owner: Words
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


def propose(
    found: Script, launch: LaunchConfig, want: Wanted, values: Values
) -> Iterator[Proposal]:
    """The edits that may make the flag what is wanted, the likeliest first."""
    if not want.old:
        yield from _added(found, launch, want)
        return
    sites = _sites(found, launch, want.theirs, len(want.old[-1]))
    if not want.new:
        cuts = [_cut_site(found, s) for s in sites]
        yield from ((cut,) for cut in cuts)
        if len(cuts) > 1:
            yield tuple(cuts)
        yield from _within(found, want, None)
        return
    if len(want.old) == len(want.new) == 1 or len(sites) == 1:
        for site in sites:
            for flag in dict.fromkeys((want.theirs, want.name)):
                yield from _occurrence(found, site, flag, want, values)
    else:
        yield from _repeated(found, sites, want)
    yield from _within(found, want, want.new[-1])


def _sites(found: Script, launch: LaunchConfig, flag: str, size: int) -> list[Site]:
    """Where a flag stands, in the launch itself first."""
    command = found.launch(launch)
    sites: list[Site] = []
    for words in found.lists:
        for index, part in enumerate(words.words):
            if part.plain == flag:
                sites.append(Site(words, index, min(size, len(words.words) - index - 1)))
            elif re.match(rf"[\"']?{re.escape(flag)}=", found.raw(part)):
                sites.append(Site(words, index, 0, joined=True))
    return sorted(sites, key=lambda s: (s.owner is not command, -s.flag.pos))


def _occurrence(
    found: Script, site: Site, flag: str, want: Wanted, values: Values
) -> Iterator[Proposal]:
    """One occurrence made into the wanted ones, called *flag*."""
    old, new = want.old[-1], want.new[-1]
    renamed = () if flag == want.theirs else (Edit(site.flag.pos, site.flag.end, flag),)
    more = "".join(_spelled(found, site, flag, words) for words in want.new[:-1])
    if more:  # repeated: the others go before it
        renamed = (Edit(site.flag.pos, site.flag.pos, more.lstrip(" ") + " "), *renamed)
    if site.joined:
        yield from _joined(found, site, flag, want, values)
        return
    if len(old) == len(new) == site.size:
        pairs = [
            [()] if one == two else list(islice(values(found, part, one, two, want), _MAX_COMBINED))
            for part, one, two in zip(site.values, old, new, strict=True)
        ]
        yield from _combined(pairs, renamed)
        return
    text = "".join(f" {word(v)}" for v in new)
    yield (*renamed, Edit(site.flag.end, site.end, text))


def _combined(pairs: Sequence[list[Any]], more: tuple[Edit, ...]) -> Iterator[Proposal]:
    for chosen in islice(product(*pairs), _MAX_COMBINED):
        refused = next((c for c in chosen if isinstance(c, Refused)), None)
        yield refused if refused else (*more, *(edit for edits in chosen for edit in edits))


def _joined(
    found: Script, site: Site, flag: str, want: Wanted, values: Values
) -> Iterator[Proposal]:
    """``--flag=value``."""
    part, new = site.flag, want.new[-1]
    raw, at = found.raw(part), len(want.theirs) + 1
    if len(new) != 1:
        yield (Edit(part.pos, part.end, " ".join([flag, *map(word, new)])),)
        return
    apart = (Edit(part.pos, part.end, f"{flag} {word(new[0])}"),)  # every letter may count
    if raw[0] in "\"'":
        yield (Edit(part.pos, part.end, styled(raw, f"{flag}={new[0]}")),)
        yield apart
        return
    first, *rest = part.parts
    text = first.text[at:] if isinstance(first, Lit) else ""
    kept = [Lit(text, quoted=False), *rest] if text else rest
    plain = part.plain[at:] if part.plain is not None else None
    inner = Word([*kept], part.pos + at, part.end, plain)
    name = Edit(part.pos, part.pos + at - 1, flag)
    old = want.old[-1][0] if want.old[-1] else ""
    for proposal in values(found, inner, old, new[0], want):
        yield proposal if isinstance(proposal, Refused) else (name, *proposal)
    if part.plain is not None:
        yield apart


def _repeated(found: Script, sites: list[Site], want: Wanted) -> Iterator[Proposal]:
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
    edits += [_cut_site(found, s) for s in sites[len(want.new) :]]
    for words in want.new[len(sites) :]:
        edits.append(
            Edit(sites[-1].end, sites[-1].end, _spelled(found, sites[-1], want.theirs, words))
        )
    yield tuple(edits)


def _tail(found: Script, site: Site) -> str:
    return found.text[site.flag.end : site.end]


def _spelled(found: Script, site: Site, flag: str, words: Sequence[str]) -> str:
    return _gap(found, site) + " ".join([flag, *map(word, words)])


def _gap(found: Script, site: Site) -> str:
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


def _added(found: Script, launch: LaunchConfig, want: Wanted) -> Iterator[Proposal]:
    """Behind the flags that the profile has before it, else at the end of the command."""
    sizes = {a.flag: len(a.values) for a in launch.args or () if a.flag and a.condition is None}
    joined = {a.flag for a in launch.args or () if a.joined}
    names = [n for n in want.before if n in sizes][:5]
    last = [a.flag for a in reversed(launch.args or ()) if a.flag in sizes and a.flag][:5]
    for name in dict.fromkeys([*names, *last]):
        size = 0 if name in joined else sizes[name]
        for site in _sites(found, launch, name, size):
            yield _insertion(found, site, want)
        values = rf"(?:[ \t=]+[^\s\"'-][^\s\"']*){{{sizes[name]}}}"
        pattern = re.compile(rf"(?<![\w-]){re.escape(name)}{values}(?=[\s\"']|$)")
        if all(PLAIN.fullmatch(v) for words in want.new for v in words):
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


def _insertion(found: Script, site: Site, want: Wanted) -> tuple[Edit, ...]:
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


def _cut_site(found: Script, site: Site) -> Edit:
    return cut(found, site.flag.pos, site.end, array=site.owner.array)


def cut(found: Script, pos: int, stop: int, *, array: bool = False) -> Edit:
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
        match = GAP.match(text, stop)
        return Edit(pos, match.end() if match else stop, "")
    return Edit(begin, stop, "")


def _within(found: Script, want: Wanted, new: Sequence[str] | None) -> Iterator[Proposal]:
    """The same flag within quoted text, which a shell reads later."""
    if new is not None and not all(PLAIN.fullmatch(v) for v in new):
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
