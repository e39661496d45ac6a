"""Edits of a file in which every setting stands where its reader says: words, keys and items.

This serves all kinds but scripts and tests: of YAML, Markdown, notebooks, units and the like. A
setting is its name and, behind it, its values as they are spelled; a new one is put beside another
in the same way. What holds is for the reader to say: see ``edits``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dsv4_env.model import EnvVar, LaunchConfig, Location, ServerArg, text_of
from dsv4_env.model.quoting import word
from dsv4_env.writeback.edits import Edit, EditedText, Proposal, Refused, WantedSetting, text_starts

_REACH = 600  # characters in which the values of a setting are looked for, behind its name
_BETWEEN = r"(?:[\s=:,\[\]\\\"'|>-]|value:|\\n|#[^\n]*\n)*?"
_KEY = re.compile(r"[\"']?[ \t]*:(?:[ \t]+|(?=\n))")
_NEAR = 5  # settings beside which a new one is tried
_PLAIN = re.compile(r"[A-Za-z0-9_./@%+=:,-]+")
_LIKE_ANOTHER = re.compile(r"[-+.0-9].*|(?:true|false|yes|no|on|off|null|~)\Z", re.IGNORECASE)
_TAIL = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
_REST = re.compile(r"[\"'\])]*+[ \t]*+\\?,?[ \t]*+(?:(?:#|//)[^\n]*+)?\n")
_ROUND = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class _Site:
    """A setting in the text: its name, its values, and where all of it ends.

    *key*: its name is the key of a mapping, so that its value is one node.
    """

    start: int
    name_end: int
    values: tuple[tuple[int, int], ...]
    end: int
    key: bool


def propose(text: str, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """The edits that may bring about what is wanted, the likeliest first."""
    file = EditedText(text, text_starts(text, "\n"))
    if not want.old:
        yield from _added(file, launch, want)
        return
    sites = _sites(file, launch, want)
    if not sites:
        yield Refused(want.theirs, "it is spelled out nowhere that can be edited", want.location)
        return
    if len(want.old) > 1 and len(want.new) != len(want.old) and want.new:
        yield Refused(want.theirs, f"it is given {len(want.old)} times", want.location)
        return
    if not want.new:
        every = [list(_cuts(file, site)) for site in sites[: len(want.old)]]
        for row in zip(*every, strict=False):
            yield tuple(edit for edits in row for edit in edits)
        return
    for site in sites:
        yield from _changed(file, site, want)


# Where a setting stands


def _sites(file: EditedText, launch: LaunchConfig, want: WantedSetting) -> list[_Site]:
    """The places of a setting in the text, that which counts first."""
    places = [want.location, *(s.location for s in _settings(launch, want.section, want.theirs))]
    found: dict[int, _Site] = {}
    here = launch.location.path if launch.location else None
    for place in dict.fromkeys(p for p in places if p is not None and p.path == here):
        site = _site(file, place, want.theirs, want.old[-1])
        if site is not None:
            found.setdefault(site.start, site)
    return list(found.values())


def _settings(config: LaunchConfig, section: str, name: str) -> Iterator[EnvVar | ServerArg]:
    if section == "env":
        yield from (e for e in reversed(config.env) if e.name == name)
    else:
        yield from (a for a in reversed(config.args or ()) if a.flag == name)


def _site(file: EditedText, place: Location, name: str, values: Sequence[str]) -> _Site | None:
    """A setting at a place: its name stands there, or soon behind it."""
    at = file.offset(place.line, place.column)
    spelled = _name(name)
    match = re.compile(spelled).match(file.text, at)
    if match is None:
        match = re.compile(rf"(?<![\w-]){spelled}").search(file.text, at, at + _REACH)
    if match is None:
        return None
    end = match.end()
    key = _KEY.match(file.text, end)
    if key is not None and not match[0].startswith("--"):
        return _Site(match.start(), end, *_node(file.text, key.end(), values), key=True)
    spans: list[tuple[int, int]] = []
    for value in values:
        found = _value(file.text, end if not spans else spans[-1][1], value)
        if found is None:
            return _Site(match.start(), match.end(), (), match.end(), key=False)
        spans.append(found)
    end = spans[-1][1] if spans else end
    return _Site(match.start(), match.end(), tuple(spans), end, key=False)


def _name(name: str) -> str:
    """The pattern of a name: a flag's may stand without its dashes, as a key."""
    if not name.startswith("-"):
        return rf"{re.escape(name)}(?![\w])"
    bare = re.escape(name.lstrip("-")).replace(r"\-", "[-_]")
    return rf"(?:--?)?{bare}(?![\w-])"


def _value(text: str, start: int, value: str) -> tuple[int, int] | None:
    """Where the next value stands, as it is spelled; quotes around it don't belong to it."""
    spellings = dict.fromkeys((value, json.dumps(value, ensure_ascii=False)[1:-1]))
    for one in spellings:
        ends = r"(?![\w./-])" if one[-1:].isalnum() else ""
        match = re.compile(rf"{_BETWEEN}({re.escape(one)}){ends}").match(text, start)
        if match is not None and (one or match.end() - start < 4):
            return match.start(1), match.end(1)
    return None


def _node(text: str, start: int, values: Sequence[str]) -> tuple[tuple[tuple[int, int], ...], int]:
    """The values of a key, and where its node ends."""
    first = text[start : start + 1]
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    if first in _ROUND:
        end = _closed(text, start)
        return ((start, end),), end
    if first and first in "\"'":
        quoted = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'', re.DOTALL)
        match = quoted.match(text, start)
        end = match.end() if match else line_end
        return ((start + 1, end - 1),), end
    if first in ("\n", "", "|", ">", "&", "*", "!"):  # it stands below, or elsewhere
        end = _below(text, start)
        found = [s for v in values if (s := _value(text, start, v))]
        return tuple(found[:1]) if len(values) == 1 else ((start, end),), end
    plain = re.compile(r"(?:(?![,}\]])[^\n#]|(?<=[^ \t])#)*").match(text, start)
    end = start + len(plain[0].rstrip()) if plain else line_end
    return ((start, end),), end


def _closed(text: str, start: int) -> int:
    depth = 0
    for mark in re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[{\]}]').finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return len(text)


def _below(text: str, start: int) -> int:
    """Where what is indented below the line of a position ends."""
    first = text.rfind("\n", 0, start) + 1
    indent = len(text[first:]) - len(text[first:].lstrip(" "))
    end = text.find("\n", start)
    while 0 <= end < len(text) - 1:
        following = text.find("\n", end + 1)
        line = text[end + 1 : following if following >= 0 else len(text)]
        body = line.lstrip(" ")
        deeper = len(line) - len(body) > indent
        if body and not deeper and not (body.startswith("- ") and len(line) - len(body) == indent):
            break
        end = following if following >= 0 else len(text)
    return len(text) if end < 0 else end


# What a value becomes


def _changed(file: EditedText, site: _Site, want: WantedSetting) -> Iterator[Proposal]:
    old, new = want.old[-1], want.new[-1]
    name = _renamed(file.text[site.start : site.name_end], want.name, key=site.key)
    renamed = (Edit(site.start, site.name_end, name),)
    if old == new:
        yield renamed
        return
    for name_too in ((), renamed) if want.name != want.theirs else ((),):
        yield from _valued(file, site, want, name_too)


def _valued(
    file: EditedText, site: _Site, want: WantedSetting, renamed: tuple[Edit, ...]
) -> Iterator[Proposal]:
    """The values of a setting made into others, and its name where that is to change."""
    old, new = want.old[-1], want.new[-1]
    if site.key:
        (start, end), *_ = site.values or ((site.end, site.end),)
        for spelled in _key_values(file.text, start, end, new, text=want.section == "env"):
            yield (*renamed, Edit(start, end, spelled))
        whole = _rendered(new, text=want.section == "env")
        begin = start - 1 if file.text[start - 1 : start] in ("'", '"') else start
        yield (*renamed, Edit(begin, max(site.end, begin), whole))
        return
    if len(old) == len(new) == len(site.values):
        pairs = [
            (span, value)
            for span, was, value in zip(site.values, old, new, strict=True)
            if was != value
        ]
        for spell in _spellings(file.text, site, new):
            yield (
                *renamed,
                *(Edit(a, b, spell(file.text[a - 1 : a], v)) for (a, b), v in pairs),
            )
        return
    if old and not site.values:
        yield Refused(want.theirs, "its values aren't spelled out behind it", want.location)
        return
    yield (*renamed, Edit(site.name_end, site.end, "".join(f" {word(v)}" for v in new)))
    quote = file.text[site.end : site.end + 1]
    if quote in ("'", '"'):
        items = "".join(f"{quote}, {quote}{v}" for v in new)
        yield (*renamed, Edit(site.name_end, site.end, items))


def _renamed(spelled: str, name: str, *, key: bool) -> str:
    """A name in the place of another, with dashes or underscores as that has them."""
    if not name.startswith("-") or spelled.startswith("--"):
        return name
    bare = name.lstrip("-")
    under = "_" in spelled and "-" not in spelled
    return bare.replace("-", "_") if under and key else bare


def _as_it_is(_before: str, value: str) -> str:
    return value


def _as_a_word(before: str, value: str) -> str:
    return value if before in ("'", '"') else word(value)


def _escaped(_before: str, value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _as_text(_before: str, value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


_SPELLINGS = (_as_a_word, _as_it_is, _escaped, _as_text)
_ITEM = re.compile(
    r",|\n[ \t]*-[ \t]|value:"
)  # before a value that YAML takes for what it looks like


def _spellings(text: str, site: _Site, new: Sequence[str]) -> Sequence[Callable[[str, str], str]]:
    """The ways to spell new values, quoted first where they would be numbers or switches."""
    between = text[site.name_end : site.values[0][0]] if site.values else ""
    odd = _ITEM.search(between) and not between.endswith(("'", '"'))
    return (_as_text, *_SPELLINGS) if odd and any(map(_LIKE_ANOTHER.match, new)) else _SPELLINGS


def _key_values(
    source: str, start: int, end: int, new: Sequence[str], *, text: bool
) -> Iterator[str]:
    """The spellings of a key's value in the place of another; *text*: it may be nothing else."""
    if len(new) != 1 or source[start:end][:1] in _ROUND:
        return
    (value,) = new
    before = source[start - 1 : start]
    if before == '"':
        yield json.dumps(value, ensure_ascii=False)[1:-1]
    elif before == "'":
        yield value.replace("'", "''")
    else:
        was = source[start:end]
        odd = _LIKE_ANOTHER.match(value) and (text or not _LIKE_ANOTHER.match(was))
        if _PLAIN.fullmatch(value) and not odd:
            yield value
        yield json.dumps(value, ensure_ascii=False)
        yield value


def _rendered(values: Sequence[str], *, text: bool) -> str:
    """The value of a key: of none a switch, of several a list."""
    shown = [
        v
        if _PLAIN.fullmatch(v) and not (text and _LIKE_ANOTHER.match(v))
        else json.dumps(v, ensure_ascii=False)
        for v in values
    ]
    return "true" if not shown else shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"


# What goes


def _cuts(file: EditedText, site: _Site) -> Iterator[tuple[Edit, ...]]:
    """The ways to take a setting out, each with as much around it as belongs to it."""
    text = file.text
    start, _ = file.line(site.start)
    _, end = file.line(max(site.start, site.end - 1))
    head, tail = text[start : site.start], text[site.end : end]
    item = re.fullmatch(r"([ \t]*)- *(?:name: *)?[\"']?", head)
    if item is not None and "name:" in head:  # - name: A / value: "1"
        yield (Edit(start, _item_end(text, start, len(item[1])), ""),)
    if re.fullmatch(r"[ \t]*(?:- *|export +|-e *|--env[ =]|Environment=)?[\"']?", head):
        # The last line of a command: the one before goes on no more.
        above = _goes_on(text, site.start)
        if above is not None and not tail.rstrip().endswith("\\"):
            yield (Edit(above, site.end, ""),)
        if re.fullmatch(r"[\"']?[ \t]*+\\?,?[ \t]*+(?:#[^\n]*+)?\r?\n?", tail):
            yield (Edit(start, end, ""),)
    for pattern, more in (
        (r"(?<![ \t])[ \t]*+,[ \t]*+[\"']?\Z", r"[\"']?"),
        (r"(?:(?:-e|--env)[ =])?[\"']?\Z", r"[\"']?[ \t]*,?[ \t]*"),
        (r"(?<![ \t])[ \t]++(?:(?:-e|--env)[ =])?[\"']?\Z", r"[\"']?"),
        (r"\Z", r"[ \t]*"),
    ):
        before = re.compile(pattern).search(text, text.rfind("\n", 0, site.start) + 1, site.start)
        after = re.compile(more).match(text, site.end)
        if before is not None and after is not None:
            yield (Edit(before.start(), after.end(), ""),)


def _goes_on(text: str, at: int) -> int | None:
    """Where the backslash that ends the line above begins, with its blanks; None without one."""
    above = text[:at].rstrip(" \t")
    if not above.endswith("\n"):
        return None
    above = above.removesuffix("\n").removesuffix("\r")
    return len(above[:-1].rstrip(" \t")) if above.endswith("\\") else None


def _item_end(text: str, start: int, indent: int) -> int:
    """Where an item of a list ends that begins at the line *start*."""
    pos = text.find("\n", start)
    while 0 <= pos < len(text) - 1:
        following = text.find("\n", pos + 1)
        line = text[pos + 1 : following if following >= 0 else len(text)]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
            break
        pos = following if following >= 0 else len(text)
    return len(text) if pos < 0 else pos + 1


# What is new


def _added(file: EditedText, launch: LaunchConfig, want: WantedSetting) -> Iterator[Proposal]:
    """Behind, or before, the settings that the profile has before it, as those are spelled."""
    own: list[EnvVar | ServerArg] = list(launch.args or ())
    if want.section == "env":
        own = [e for e in launch.env if not e.superseded]
    here = launch.location.path if launch.location else None
    known: dict[str, tuple[EnvVar | ServerArg, tuple[str, ...]]] = {}
    for setting in own:
        name = setting.name if isinstance(setting, EnvVar) else setting.flag
        values = (setting.value,) if isinstance(setting, EnvVar) else setting.values
        texts = [text_of(v) for v in values]
        place = setting.location
        if name and place and place.path == here and setting.condition is None:
            known[name] = setting, tuple(t for t in texts if t is not None)
    names = [n for n in want.before if n in known][:_NEAR]
    names += [n for n in reversed(known) if n not in names][:_NEAR]
    if len(want.new) != 1:
        yield Refused(want.name, f"it is given {len(want.new)} times", launch.location)
        return
    for name in names:
        setting, values = known[name]
        assert setting.location is not None
        known_ = len(values) == (1 if isinstance(setting, EnvVar) else len(setting.values))
        site = _site(file, setting.location, name, values if known_ else ())
        if site is not None and known_ and (site.values or not values):
            yield from _beside(file, site, want)
        elif site is not None:
            yield from _before(file, site, want)
    section = "variable" if want.section == "env" else "flag"
    yield Refused(want.name, f"no {section} stands there that it could be put beside",
                  launch.location)  # fmt: skip


def _before(file: EditedText, site: _Site, want: WantedSetting) -> Iterator[Proposal]:
    """A new flag or variable before one whose values stand elsewhere: its end isn't known."""
    (new,) = want.new
    if site.key:
        return
    start, _ = file.line(site.start)
    head = file.text[start : site.start]
    own = " ".join((want.name, *map(word, new)))
    if want.section == "env":
        own = f"{want.name}={word(new[0])}"
    if not head.strip():
        yield (Edit(start, start, f"{head}{own} \\\n"),)
    yield (Edit(site.start, site.start, f"{own} "),)


def _beside(file: EditedText, site: _Site, want: WantedSetting) -> Iterator[Proposal]:
    """A new setting on lines of its own, which are those of another with its words; or in line."""
    text, (new,) = file.text, want.new
    start, _ = file.line(site.start)
    _, end = file.line(max(site.start, site.end - 1))
    head, tail = text[start : site.start], text[site.end : end]
    spelled = text[site.start : site.name_end]
    called = _renamed(spelled, want.name, key=site.key)
    for own in _copies(text, site, called, want):
        if site.key and head.strip(" \t\"'"):
            yield (Edit(site.end, site.end, f", {own}"),)
        ended = tail if tail.endswith("\n") else f"{tail}\n"
        alone = _REST.fullmatch(ended) is not None
        if not alone and re.fullmatch(r"[ \t]*(?:Environment=|export +)[\"']?", head):
            closed = head[-1] if head[-1] in "\"'" else ""
            yield (Edit(end, end, f"{head}{own}{closed}\n"),)
        clean = re.sub(r"(?<![ \t])[ \t]*+#[^\n]*+", "", ended) if site.key else ended
        bare = re.sub(r"^[ \t]*-[ \t]+(?=[^ \t-])", lambda m: " " * len(m[0]), head)
        heads = [bare, head] if site.key else [head]
        if not text[start:].lstrip().startswith("- name:"):
            for one in heads if alone else ():
                yield (Edit(end, end, f"{one}{own}{clean}"),)
        else:
            indent = len(head) - len(head.lstrip(" "))
            stop = _item_end(text, start, indent)
            item = text[start:stop].replace(spelled, want.name, 1)
            if site.values:
                a, b = (at - start for at in site.values[0])
                quoted = text[start + a - 1] in ("'", '"')
                value = new[0] if quoted else _rendered(new, text=True)
                item = text[start : start + a] + value + text[start + b : stop]
                item = item.replace(spelled, want.name, 1)
            yield (Edit(stop, stop, item),)
        if not site.key:
            if not head.strip():  # before it, as the last line of a command goes on no more
                yield (Edit(start, start, f"{head}{own} \\\n"),)
            quote = text[site.end : site.end + 1]
            if quote in ("'", '"'):
                listed = f"{quote}, {quote}".join((want.name, *new))
                yield (Edit(site.end, site.end, f"{quote}, {quote}{listed}"),)
                yield (Edit(site.end, site.end, f"{quote}, {quote}{own}"),)
                yield (Edit(site.end + 1, site.end + 1, f" {quote}{own}{quote}"),)
            yield (Edit(site.end, site.end, f" {own}"),)
            items = "".join(f"{head}{json.dumps(w)}\n" for w in (want.name, *new))
            if alone:
                yield (Edit(end, end, items),)


def _copies(text: str, site: _Site, name: str, want: WantedSetting) -> Iterator[str]:
    """A setting as another is spelled, with a new name and value."""
    (new,) = want.new
    if site.key:
        gap = re.compile(r"[\"']?[ \t]*:[ \t]*").match(text, site.name_end)
        lead = gap[0].rstrip(" \t") + " " if gap else ": "
        value = _rendered(new, text=want.section == "env")
        start = site.values[0][0] if site.values else site.end
        if len(new) == 1 and text[start - 1 : start] in ("'", '"'):
            value = json.dumps(new[0], ensure_ascii=False)
        yield f"{name}{lead}{value}"
        if len(new) == 1:
            yield f"{name}{lead}{json.dumps(new[0], ensure_ascii=False)}"
        return
    if len(new) == len(site.values) == 1:
        between = text[site.name_end : site.values[0][0]]
        if "\n" not in between and between.strip(" \t"):
            for spell in _SPELLINGS:
                yield f"{name}{between}{spell(text[site.values[0][0] - 1], new[0])}"
        elif "\n" in between:
            plain = text[site.values[0][0] - 1] not in ("'", '"') and _LIKE_ANOTHER.match(new[0])
            yield f"{name}{between}{json.dumps(new[0]) if plain else new[0]}"
    if name.startswith("-"):
        yield " ".join((name, *map(word, new)))
        yield " ".join((name, *new))
        yield " ".join((name, *(json.dumps(v)[1:-1] for v in new)))
    else:
        yield f"{name}={word(new[0])}"
        yield f"{name}={new[0]}"
