"""A file whose launches are brought to another release: what is safe is edited in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from dsv4_env.catalogue import Catalogue
from dsv4_env.lint import lint
from dsv4_env.lint.advice import Action, Advice, Values
from dsv4_env.lint.upgrade import GivenLaunch, advise_launch, with_stand_ins
from dsv4_env.model import EnvVar, LaunchConfig, Location, ServerArg
from dsv4_env.model.finding import Severity
from dsv4_env.plan.platforms import Platform, hinted
from dsv4_env.readers import label
from dsv4_env.writeback.edits import (
    Edit,
    EditedText,
    Propose,
    Refused,
    WantedSetting,
    applied,
    first_change,
    occurrences,
    read_again,
    text_starts,
)

_TRIES = 12  # edits of one setting that are looked at
_READ = 4  # of these, so many are tried: each is a reading of the file
_NOWHERE = "it is spelled out nowhere that can be edited"

Read = Callable[[str], list[LaunchConfig]]


@dataclass(slots=True)
class UpgradeRow:
    """One thing to do in a file: with which setting of which launches, where, and why.

    *done*: the edited text has it; else *left* says why it isn't edited.
    """

    path: str
    launches: list[str]
    advice: Advice
    locations: list[Location]
    section: str
    done: bool = False
    left: str = ""
    _of: list[int] = field(default_factory=list)
    _respelled: bool = True

    @property
    def safe(self) -> bool:
        """Whether it may be edited without a decision of the author's."""
        a = self.advice
        if a.action is Action.DROP:
            return a.idle
        return a.action in (Action.RENAME, Action.CHANGE) and not a.also


@dataclass(slots=True)
class UpgradedFile:
    """The text after all edits that hold, and what there is to do or was done."""

    text: str
    rows: list[UpgradeRow]


def upgrade_text(
    text: str,
    path: str,
    read: Read,
    propose: Propose | None,
    releases: Callable[[LaunchConfig], tuple[Catalogue, Catalogue]],
    only: str | None = None,
) -> UpgradedFile:
    """Bring all launches of a text to a release.

    *releases* says which one a launch runs on, and which it is to run on. Without *propose* files
    of such a kind aren't edited. *only* is the one setting that is looked at, where one is meant.
    Raises ReadError where the text can't be read.
    """
    launches = read(text)
    rows = _rows(launches, path, releases)
    rows = [r for r in rows if only in (None, r.advice.name)]
    wanted = [r for r in rows if r.safe]
    for row in rows:
        if not row.safe:
            row.left = _unsafe(row.advice)
    if propose is None:
        for row in wanted:
            row.left = "files of this kind aren't edited"
        return UpgradedFile(text, rows)
    for row in [r for r in wanted if any(launches[i].partial for i in r._of)]:
        row.left = "the file could be read in part only"
        wanted.remove(row)
    # All at once, as reading takes the longest; one by one where that doesn't hold.
    ready: list[tuple[UpgradeRow, tuple[Edit, ...]]] = []
    for row in wanted:
        first = next(_edits(text, launches, row, propose), None)
        if isinstance(first, tuple):
            ready.append((row, first))
        else:
            row.left = first or _NOWHERE
    wanted = [row for row, _ in ready]
    new = _applied(text, [edit for _, edits in ready for edit in edits])
    if new is not None and _wrong(launches, new, read, wanted) is None:
        for row in wanted:
            row.done = True
        return UpgradedFile(new, rows)
    for row in wanted:
        new = _settled(text, read, propose, row)
        if new is not None:
            text = new
    return UpgradedFile(text, rows)


def refused_rows(
    launches: Sequence[LaunchConfig], path: str, after: Catalogue, on: Platform | None
) -> tuple[list[UpgradeRow], int]:
    """What the release refuses of launches as they are, and how many it refuses on some hardware.

    *on* is the hardware that they are for, else what their image says. What its parser refuses is
    no part of it: such flags are told by themselves.
    """
    found: dict[Advice, UpgradeRow] = {}
    elsewhere = 0
    for config in launches:
        place = hinted({"image": config.image_name})
        where = on or (place[0] if place else None)
        said = lint(config, after, launches=tuple(launches), select=("DSV123",), on=where)
        elsewhere += any(f.severity is Severity.NOTE for f in said)
        for finding in (f for f in said if f.severity is not Severity.NOTE):
            reason = ": ".join((finding.message, *finding.effect))
            advice = Advice(Action.DECIDE, finding.subject, reason)
            row = found.setdefault(advice, UpgradeRow(path, [], advice, [], "launch"))
            row.left = _unsafe(advice)
            row.launches.append(label(config, path) or path)
            row.locations += [finding.location] if finding.location is not None else []
    return list(found.values()), elsewhere


def rename_text(
    text: str, path: str, read: Read, propose: Propose, old: str, new: str
) -> str | None:
    """The text with another name for a setting, wherever a launch has it; None where none holds.

    Raises ReadError where the text can't be read.
    """
    launches = read(text)
    section = "args" if old.startswith("-") else "env"
    of = [i for i, config in enumerate(launches) if any(_settings(config, section, old))]
    row = UpgradeRow(path, [], Advice(Action.RENAME, old, "", new), [], section, _of=of)
    return _settled(text, read, propose, row) if of else None


def _unsafe(advice: Advice) -> str:
    return "several flags take its place" if advice.also else "it is for the author to decide"


def _rows(
    launches: Sequence[LaunchConfig],
    path: str,
    releases: Callable[[LaunchConfig], tuple[Catalogue, Catalogue]],
) -> list[UpgradeRow]:
    """What there is to do, each thing once for all launches that have it."""
    found: dict[tuple[str, Advice], UpgradeRow] = {}
    for index, config in enumerate(launches):
        before, after = releases(config)
        given = with_stand_ins(config, before)
        for advice in advise_launch(given, before, after):
            section = "args" if advice.name.startswith("-") else "env"
            respelled = _is_respelled(advice, given)
            key = section, _alike(advice) if respelled else advice
            row = found.get(key)
            if row is None:
                row = found[key] = UpgradeRow(path, [], advice, [], section, _respelled=respelled)
            name = label(config, path) or path
            row._of.append(index)
            row.launches += [name] if name not in row.launches else []
            places = (s.location for s in _settings(config, section, advice.name))
            row.locations += [p for p in dict.fromkeys(places) if p and p not in row.locations]
    return list(found.values())


def _is_respelled(advice: Advice, given: GivenLaunch) -> bool:
    """Whether its name alone changes, or it goes."""
    return advice.action is Action.DROP or (
        advice.action is Action.RENAME and advice.values == given.values(advice.name)
    )


def _alike(advice: Advice) -> Advice:
    """The advice without the values of one launch, where they stay as they are."""
    return Advice(advice.action, advice.name, advice.reason, advice.new, None, (), advice.idle)


def _settings(config: LaunchConfig, section: str, name: str) -> Iterator[EnvVar | ServerArg]:
    if section == "env":
        yield from (e for e in config.env if e.name == name)
    else:
        yield from (a for a in config.args or () if a.flag == name)


def _edits(
    text: str, launches: Sequence[LaunchConfig], row: UpgradeRow, propose: Propose
) -> Iterator[tuple[Edit, ...] | str]:
    """The ways to do what a row says at all its places, or why there is none at one of them."""
    proposals: list[list[tuple[Edit, ...]]] = []
    file = EditedText(text, text_starts(text, "\n"))
    for place, config in _places(launches, row):
        found: list[tuple[Edit, ...]] = []
        why = _NOWHERE
        if place.path != row.path:
            yield f"it stands in {place.path}, which `upgrade` edits where it is named itself"
            return
        for proposal in islice(propose(text, config, _want(row, config, place)), _TRIES):
            if isinstance(proposal, Refused):
                why = proposal.reason
            elif any(text[e.start : e.end] != e.text for e in proposal):
                found.append(proposal)
        if not found:
            yield why
            return
        at = file.offset(place.line, place.column)
        proposals.append(sorted(found, key=lambda edits: not _is_at(edits, at)))
    for number in range(max(map(len, proposals), default=0)):
        yield tuple(
            dict.fromkeys(e for found in proposals for e in found[min(number, len(found) - 1)])
        )


def _is_at(edits: Iterable[Edit], at: int) -> bool:
    return any(e.start <= at <= max(e.end, e.start + 2) for e in edits)


def _places(
    launches: Sequence[LaunchConfig], row: UpgradeRow
) -> Iterator[tuple[Location, LaunchConfig]]:
    """Each place of a row's setting, with a launch that has it from there."""
    seen: set[Location] = set()
    for index in row._of:
        for setting in _settings(launches[index], row.section, row.advice.name):
            place = setting.location
            if place is not None and place not in seen:
                seen.add(place)
                yield place, launches[index]


def _want(row: UpgradeRow, config: LaunchConfig, place: Location) -> WantedSetting:
    a, old = row.advice, occurrences(config, row.section, row.advice.name)
    if row._respelled:  # each place by itself; a value that isn't known stays as it is
        old = old[-1:] or (("",),)
    new: Values = ()
    if a.action is not Action.DROP:
        new = old if row._respelled else (a.values or ())
    return WantedSetting(row.section, a.new or a.name, a.name, old, new, place, shared=True)


def _applied(text: str, edits: Iterable[Edit]) -> str | None:
    """The text with the edits made; None where two of them are of the same characters."""
    ordered = sorted(dict.fromkeys(edits), key=lambda e: (e.start, e.end))
    end = -1
    for edit in ordered:
        if edit.start < end:
            return None
        end = edit.end
    return applied(text, ordered)


def _settled(text: str, read: Read, propose: Propose, row: UpgradeRow) -> str | None:
    """The text with what one row says, where some edit holds."""
    launches = read(text)
    for edits in islice(_edits(text, launches, row, propose), _READ):
        if isinstance(edits, str):
            row.left = row.left or edits
            continue
        new = _applied(text, edits)
        if new is None or new == text:
            continue
        wrong = _wrong(launches, new, read, [row])
        if wrong is None:
            row.done, row.left = True, ""
            return new
        row.left = row.left or wrong
    row.left = row.left or _NOWHERE
    return None


def _wrong(
    launches: Sequence[LaunchConfig], text: str, read: Read, rows: Sequence[UpgradeRow]
) -> str | None:
    """Why an edited text isn't what was wanted; None where it is."""
    after = read_again(text, read, len(launches))
    if isinstance(after, str):
        return after
    for index, (old, new) in enumerate(zip(launches, after, strict=True)):
        mine = [r for r in rows if index in r._of]
        names = {n for r in mine for n in (r.advice.name, r.advice.new) if n}
        if (other := first_change(old, new, names)) is not None:
            return f"the edit would change {other} as well"
        for row in mine:
            if not _holds(row, old, new):
                return "no edit at its place makes it what is wanted"
    return None


def _holds(row: UpgradeRow, old: LaunchConfig, new: LaunchConfig) -> bool:
    """Whether an edited launch has what a row says in the place of what it had."""
    a = row.advice
    if a.action is Action.DROP:
        return not any(_settings(new, row.section, a.name))
    name = a.new or a.name
    if name != a.name and any(_settings(new, row.section, a.name)):
        return False
    if row._respelled:
        before = [_values(s) for s in _settings(old, row.section, a.name)]
        return before == [_values(s) for s in _settings(new, row.section, name)]
    return occurrences(new, row.section, name) == a.values


def _values(setting: EnvVar | ServerArg) -> list[object]:
    values = (setting.value,) if isinstance(setting, EnvVar) else setting.values
    return [v if isinstance(v, str) else (v.text, v.names, v.default) for v in values]
