"""Edits of a text until its launch is the profile's: proposed, tried, and read again.

Nothing is trusted but the reader: an edit is a proposal, the edited text is read again, and only
what changes the one setting that it is for, and nothing else, is kept.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice, product
from typing import Any, TypeAlias

from dsv4_env.compare.differences import Difference, Kind
from dsv4_env.compare.normalise import POSITIONAL
from dsv4_env.model import (
    LaunchConfig,
    Location,
    Outside,
    Unknown,
    Value,
    own_default,
    text_of,
    unexported,
)
from dsv4_env.model.condition import Condition
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.secrets import masked, scrubbed, secret_name

Differ: TypeAlias = Callable[[LaunchConfig], list[Difference]]
"""The differences from the profile to a launch, as far as they are compared."""

SETTLED = frozenset({Kind.EQUIVALENT, Kind.REORDERED})
MAX_COMBINED = 8
_MAX_TRIES = 40  # edits of one setting that are tried


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters from *start* to *end* become *text*."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A setting that isn't written, why, and where it stands.

    *expected* says what could be written, where there is more to say than that all of it can't;
    the reason is then a verb with what follows it.
    """

    name: str
    reason: str
    location: Location | None = None
    expected: str | None = None

    @property
    def told(self) -> str:
        """The name and the reason; what stands behind a secret's name and a colon is masked."""
        if self.expected is not None:
            return f"{self.name} {self.reason}"
        verb = " can't be written" if secret_name(self.name) else ""
        return f"{self.name}{verb}: {self.reason}"

    def __str__(self) -> str:
        told = self.told
        return f"{self.location}: {told}" if self.location else told


Proposal: TypeAlias = "tuple[Edit, ...] | Refused"


@dataclass(frozen=True, slots=True)
class WantedSetting:
    """What one setting is to become.

    *name* is what the profile calls it, *theirs* what the file does; *old* are the occurrences
    that the file has (a variable has one, of one word; a flag's are the words after it), *new*
    those that it is to have. *before* are the profile's settings before it, nearest first. *open*:
    the new value is what a variable has where the environment of the launch has none.
    """

    section: str
    name: str
    theirs: str
    old: tuple[tuple[str, ...], ...]
    new: tuple[tuple[str, ...], ...]
    location: Location | None = None
    before: tuple[str, ...] = ()
    shared: bool = False
    open: bool = False


Propose: TypeAlias = Callable[[str, LaunchConfig, WantedSetting], Iterator[Proposal]]
"""The edits of a text that may bring about what is wanted, the likeliest first."""


@dataclass(slots=True)
class Outcome:
    """The text after all edits that hold; what was refused; extra settings that were left."""

    text: str
    launch: LaunchConfig
    done: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EditJob:
    """One launch (*index*, from 0) of a file that is brought to a profile.

    *read* gives every launch of a text of this file. With *prune* extra settings go; with
    *shared* a value may be changed that other launches of the file use as well.
    """

    profile: LaunchConfig
    index: int
    read: Callable[[str], list[LaunchConfig]]
    differ: Differ
    propose: Propose
    prune: bool = False
    shared: bool = False


def edit_text(job: EditJob, text: str) -> Outcome:
    """Edit a text until its launch is the profile's. Raises ReadError where it can't be read."""
    job = replace(job, read=lru_cache(maxsize=4)(job.read))
    launches = job.read(text)
    outcome = Outcome(text, launches[job.index])
    tried: set[tuple[str, str]] = set()
    while True:
        found = [d for d in job.differ(outcome.launch) if d.kind not in SETTLED]
        fresh = [d for d in found if (d.section, d.name) not in tried]
        if not fresh:
            return outcome
        d = fresh[0]
        tried.add((d.section, d.name))
        if d.kind is Kind.ADDED and (not job.prune or d.name == POSITIONAL):
            words = f"`{' '.join(_shown(w) for w in d.right or ())}`"
            outcome.extra.append(words if d.name == POSITIONAL else d.name)
            continue
        mine = [x for x in found if (x.section, x.name) == (d.section, d.name)]
        refused = hopeless(mine, outcome.launch)
        if refused is None:
            refused = _settle(job, outcome, launches, d)
            launches = job.read(outcome.text) if refused is None else launches
        if refused is not None:
            place = _before_edits(refused.location, outcome.text, text, launches[job.index])
            outcome.refused.append(replace(refused, location=place))


def hopeless(
    found: Sequence[Difference], launch: LaunchConfig, *, elsewhere: bool = False
) -> Refused | None:
    """Why a setting can't be written, where that is plain before anything is tried.

    *elsewhere*: it may stand in another file than the launch.
    """
    d = found[0]
    name, where = d.right_name or d.name, d.right_location or launch.location
    if d.name == POSITIONAL:
        return Refused(name, "words that belong to no flag", where)
    for one in found:
        if one.condition is not None:
            condition = scrubbed(str(one.condition))
            reason = f"it depends on a condition ({condition})"
            if unexported(name, one.condition):
                reason = f"it isn't exported, so that it is only given when {condition}: export it"
            return Refused(name, reason, one.right_location or where)
    if d.kind is Kind.UNKNOWN:
        return Refused(name, _why(name, (*(d.right or ()), *(d.left or ()))), where)
    here = launch.location.path if launch.location else ""
    if not elsewhere and any(isinstance(w, Outside) for w in d.left or ()):
        reason = "the profile takes it from the environment, so its value has to be taken out"
        return Refused(name, reason, where)
    profile = next((n.profile for n in launch.notes if n.profile), None)
    if not elsewhere and where is not None and where.path.endswith(".toml") and profile:
        reason = f"it is taken from {profile}: `dsv4-env unadopt {here}` writes it into the test"
        return Refused(name, reason, where)
    if not elsewhere and where is not None and where.path != here:
        return Refused(name, f"it is set in another file than {here}", where)
    return None


def _why(name: str, words: Iterable[Value]) -> str:
    for word in words:
        if isinstance(word, Unknown) and word.default is None:
            return f"`{masked(name, word.text)}` can't be known: {scrubbed(word.reason)}"
    return "its value can't be known"


def _settle(
    job: EditJob, outcome: Outcome, launches: list[LaunchConfig], d: Difference
) -> Refused | None:
    """Try the edits for one difference; the first that holds is kept."""
    want = wanted(d, job.profile, outcome.launch, shared=job.shared)
    reasons: list[Refused] = []
    failed: list[Refused] = []
    before = _keys(job.differ(outcome.launch))
    for tries, proposal in enumerate(job.propose(outcome.text, outcome.launch, want)):
        if isinstance(proposal, Refused):
            reasons.append(proposal)
            continue
        if tries > _MAX_TRIES:
            break
        text = applied(outcome.text, proposal)
        if text == outcome.text:
            continue
        reason = _wrong(job, launches, text, want, before)
        if reason is None:
            outcome.text = text
            outcome.launch = job.read(text)[job.index]
            outcome.done.append(want.name)
            return None
        failed.append(Refused(want.theirs, reason, want.location or outcome.launch.location))
    where = want.location or outcome.launch.location
    verb = "added" if not want.old else "edited" if want.new else "removed"
    nothing = Refused(want.theirs, f"it is spelled out nowhere, so it can't be {verb}", where)
    return next(iter([*reasons, *failed]), nothing)


def _before_edits(
    location: Location | None, now: str, before: str, launch: LaunchConfig
) -> Location | None:
    """A place in the edited text as the one that it was in the file."""
    path = launch.location.path if launch.location else None
    if location is None or location.line is None or location.path != path or now == before:
        return location
    a, b = before.split("\n"), now.split("\n")
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if k <= location.line - 1 < m:
            line = min(i + location.line - 1 - k, max(i, j - 1)) + 1
            same = tag == "equal"
            return replace(location, line=line, column=location.column if same else None)
    return location


def _shown(word: Value) -> str:
    return word if isinstance(word, str) else word.text


def _keys(found: Iterable[Difference]) -> set[tuple[str, str, Condition | None]]:
    return {(d.section, d.name, d.condition) for d in found if d.kind not in SETTLED}


def _wrong(
    job: EditJob,
    launches: list[LaunchConfig],
    text: str,
    want: WantedSetting,
    before: set[tuple[str, str, Condition | None]],
) -> str | None:
    """Why an edited text isn't what was wanted; None where it is."""
    after = read_again(text, job.read, len(launches))
    if isinstance(after, str):
        return after
    left = _keys(job.differ(after[job.index]))
    if any((s, n) == (want.section, want.name) for s, n, _ in left) or not left <= before:
        return "no edit at the place where it stands or belongs makes it what is wanted"
    names = {want.name, want.theirs}
    for number, (old, new) in enumerate(zip(launches, after, strict=True)):
        if number == job.index:
            other = first_change(old, new, names)
            if other:
                return f"the edit would change {other} as well"
        elif not job.shared and (other := first_change(old, new, set())):
            line = old.location.line if old.location else None
            return f"the edit would change launch #{number + 1} (line {line}) as well: --shared"
    return None


def read_again(
    text: str, read: Callable[[str], list[LaunchConfig]], number: int
) -> list[LaunchConfig] | str:
    """The launches of an edited text; why it can't stay where it isn't read as so many."""
    try:
        after = read(text)
    except Dsv4Error as exc:
        return f"the file couldn't be read after the edit ({exc.found})"
    if len(after) != number:
        return "the edit would change how many launches there are"
    return after


def first_change(old: LaunchConfig, new: LaunchConfig, names: set[str]) -> str | None:
    """The first thing that two readings of a launch differ in, but for *names*, places aside."""
    for one, two in zip(_rows(old, names), _rows(new, names), strict=False):
        if one != two:
            return str(one[0])
    a, b = _rows(old, names), _rows(new, names)
    if len(a) != len(b):
        return str((a if len(a) > len(b) else b)[min(len(a), len(b))][0])
    return None


def _rows(config: LaunchConfig, names: set[str]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        (e.name, _plain(e.value), e.superseded, e.condition)
        for e in config.env
        if e.name not in names
    ]
    rows += [
        (a.flag or POSITIONAL, *map(_plain, a.values), a.joined, a.condition)
        for a in config.args or ()
        if a.flag not in names
    ]
    return [
        *rows,
        ("its command", *map(_plain, config.command), config.condition, config.partial),
        ("its inputs", *(r.name for r in config.required)),
    ]


def _plain(value: Value) -> Any:
    if isinstance(value, str):
        return value
    return (value.text, value.names, value.default, value.splits)


def combined(pairs: Sequence[list[Any]], more: tuple[Edit, ...]) -> Iterator[Proposal]:
    """The ways to put together an edit of each value, after those that all need."""
    for chosen in islice(product(*pairs), MAX_COMBINED):
        refused = next((c for c in chosen if isinstance(c, Refused)), None)
        yield refused if refused else (*more, *(edit for edits in chosen for edit in edits))


@dataclass(slots=True)
class EditedText:
    """A text whose values are edited, and where each of its lines starts."""

    text: str
    starts: list[int]

    def line(self, pos: int) -> tuple[int, int]:
        """From where to where (behind its newline) the line of a position goes."""
        at = bisect_right(self.starts, pos)
        return self.starts[at - 1], self.starts[at] if at < len(self.starts) else len(self.text)

    def indent(self, pos: int) -> str:
        """The blanks that the line of a position begins with."""
        match = re.compile(r"[ \t]*").match(self.text, self.line(pos)[0])
        return match[0] if match else ""

    def offset(self, line: int | None, column: int | None) -> int:
        """The position of a line and column."""
        return self.starts[min(line or 1, len(self.starts)) - 1] + (column or 1) - 1


def text_starts(text: str, newline: str) -> list[int]:
    """Where the lines of a text start; *newline* is the pattern of what ends one."""
    return [0, *(m.end() for m in re.finditer(newline, text))]


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made."""
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def occurrences(config: LaunchConfig, section: str, name: str) -> tuple[tuple[str, ...], ...]:
    """The values of a setting as it counts: one for a variable, all times that a flag is given."""
    if section == "env":
        setting = config.effective_env.get(name)
        text = None if setting is None else text_of(setting.value)
        return () if text is None else ((text,),)
    return tuple(
        tuple(t for v in a.values if (t := text_of(v)) is not None)
        for a in config.args or ()
        if a.flag == name
    )


def wanted(
    d: Difference, source: LaunchConfig, target: LaunchConfig, *, shared: bool
) -> WantedSetting:
    """What has to become of a setting of *target* so that it is that of *source*."""
    theirs = d.right_name or d.name
    names = [e.name for e in source.env] if d.section == "env" else []
    if d.section == "args":
        names = [a.flag for a in source.args or () if a.flag is not None]
    before = names[: names.index(d.name)] if d.name in names else names
    return WantedSetting(
        d.section,
        d.name,
        theirs,
        occurrences(target, d.section, theirs) if d.right is not None else (),
        occurrences(source, d.section, d.name) if d.left is not None else (),
        d.right_location if d.right is not None else None,
        tuple(reversed(before)),
        shared,
        d.section == "env" and d.left is not None and own_default(d.name, d.left[0]) is not None,
    )
