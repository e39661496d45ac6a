"""The matrix: every setting, in every profile and in every launch that is held to one."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsv4_env.catalogue import SGLANG, history, owner
from dsv4_env.compare.equivalence import dest
from dsv4_env.compare.normalise import POSITIONAL, is_ignored, is_local, with_model
from dsv4_env.model import LaunchConfig, Origin, Value
from dsv4_env.model.condition import Condition
from dsv4_env.model.finding import Comparison, Finding, Report, Severity
from dsv4_env.profile import LOCAL, Profile
from dsv4_env.profile.target import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dsv4_env.catalogue import Catalogue
    from dsv4_env.drift import Held


class CellStatus(enum.StrEnum):
    """What a launch makes of a profile's setting, worst first; each has a mark of its own."""

    MISSING = "missing"
    CHANGED = "changed"
    EXTRA = "extra"
    UNKNOWN = "unknown"
    RENAMED = "renamed"
    REORDERED = "reordered"
    NO_EFFECT = "no effect"
    EQUIVALENT = "equivalent"
    SAME = "same"
    LEFT_OUT = "not compared"


STATUS_MARKS = {
    CellStatus.MISSING: "−",
    CellStatus.CHANGED: "≠",
    CellStatus.EXTRA: "+",
    CellStatus.UNKNOWN: "?",
    CellStatus.RENAMED: "↔",
    CellStatus.REORDERED: "↕",
    CellStatus.NO_EFFECT: "∅",
    CellStatus.EQUIVALENT: "≈",
    CellStatus.SAME: "✓",
    CellStatus.LEFT_OUT: "·",
}
_DRIFT = frozenset(
    {
        CellStatus.MISSING,
        CellStatus.CHANGED,
        CellStatus.EXTRA,
        CellStatus.UNKNOWN,
        CellStatus.RENAMED,
    }
)
_STATUS = {
    "DSV001": CellStatus.MISSING,
    "DSV002": CellStatus.EXTRA,
    "DSV003": CellStatus.CHANGED,
    "DSV004": CellStatus.REORDERED,
    "DSV005": CellStatus.UNKNOWN,
    "DSV008": CellStatus.RENAMED,
    "DSV009": CellStatus.EQUIVALENT,
    "DSV018": CellStatus.NO_EFFECT,
}
_ORDER = list(CellStatus)
_WORST = list(Severity)


@dataclass(frozen=True, slots=True)
class Made:
    """One time that a source makes a setting, under the name that it uses."""

    name: str
    words: tuple[Value, ...]
    origin: Origin
    condition: Condition | None = None
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A setting in a column. *status* is None in a profile's; *made* is empty where it is missing.

    *findings* are what the check says of it, waived ones included.
    """

    made: tuple[Made, ...]
    status: CellStatus | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def waived(self) -> bool:
        """Whether every finding that gave it its status is waived."""
        counting = [f for f in self.findings if f.rule.id in _STATUS]
        return bool(counting) and all(f.waiver for f in counting)

    @property
    def severity(self) -> Severity | None:
        """The worst of its findings that aren't waived."""
        found = [f.severity for f in self.findings if not f.waiver and f.rule.id in _STATUS]
        return min(found, key=_WORST.index, default=None)

    @property
    def drifts(self) -> bool:
        """Whether there is something to see to: not the same, and not waived."""
        return self.status in _DRIFT and not self.waived


@dataclass(frozen=True, slots=True)
class Column:
    """A profile, or a launch held to it (with the *comparison* of the two).

    *catalogue* is of the release as which it is read, where that is another one than the matrix's.
    """

    profile: Profile
    title: str
    config: LaunchConfig
    comparison: Comparison | None = None
    catalogue: Catalogue | None = None


def owner_of(name: str) -> str:
    """Who reads a variable or flag; ``unknown`` where its name doesn't tell."""
    section = section_of(name)
    return "" if section == "about" else SGLANG if section == "args" else owner(name) or "unknown"


def section_of(name: str) -> str:
    """``args`` for a flag, ``about`` for what is said beside the settings, else ``env``."""
    if "." in name and not name.startswith("-"):
        return "about"
    return "args" if name.startswith("-") or name == POSITIONAL else "env"


@dataclass(slots=True)
class MatrixRow:
    """One setting under all its names: *key* is SGLang's for it, *name* the profiles'."""

    section: str
    key: str
    name: str
    cells: list[Cell | None] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """Who reads it."""
        return owner_of(self.name)

    @property
    def severity(self) -> Severity | None:
        """The worst drift in it, None where there is none."""
        found = [c.severity for c in self.cells if c is not None and c.drifts and c.severity]
        return min(found, key=_WORST.index, default=None)

    @property
    def statuses(self) -> list[CellStatus]:
        """What its cells are, worst first."""
        return sorted({c.status for c in self.cells if c and c.status}, key=_ORDER.index)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows and columns, the report that they are of, and the layers of each profile.

    *layers* maps a profile to the settings of its layers: ``(table, name)`` to the chain of
    layers that set or unset it. *catalogue* is of the release whose reading counts; with *exact*
    the spelling does.
    """

    columns: tuple[Column, ...]
    rows: tuple[MatrixRow, ...]
    report: Report
    layers: Mapping[str, Mapping[tuple[str, str], Origin]]
    catalogue: Catalogue
    exact: bool = False

    @property
    def profiles(self) -> list[Profile]:
        """The profiles, in the order of their columns."""
        return list({c.profile.name: c.profile for c in self.columns}.values())

    def read_as(self, column: Column) -> Catalogue:
        """The catalogue of the release as which a column is read."""
        return column.catalogue or self.catalogue

    @property
    def names(self) -> RowNames:
        """What tells the row that a name belongs to."""
        return RowNames(None if self.exact else self.catalogue)

    def tally(self) -> dict[CellStatus, int]:
        """How many cells have each status."""
        found = [c.status for r in self.rows for c in r.cells if c is not None]
        return {s: found.count(s) for s in CellStatus if s in found}


def build_matrix(
    report: Report,
    held: Sequence[Held],
    catalogue: Catalogue,
    files: Mapping[str, Path],
    *,
    exact: bool = False,
    also: Iterable[Profile] = (),
) -> Matrix:
    """The matrix of a run: *held* are the sides of the report's comparisons, in their order.

    *files* are the layers by name; *also* are profiles that get a column even where nothing is
    held to them. With *exact*, settings with different names are different settings.
    """
    columns: list[Column] = []
    choices: list[Held | None] = []
    profiles = {p.name: p for p in (*(h.profile for h in held), *also)}
    for profile in profiles.values():
        mine = [
            (comparison, one)
            for comparison, one in zip(report.comparisons, held, strict=True)
            if one.profile.name == profile.name
        ]
        first = mine[0][1].catalogue if mine else None
        columns.append(Column(profile, profile.name, with_model(profile), catalogue=first))
        choices.append(None)
        for comparison, one in mine:
            columns.append(Column(profile, comparison.right, one.config, comparison, one.catalogue))
            choices.append(one)
    names = RowNames(None if exact else catalogue)
    made = [_made(c.config, names) for c in columns]
    keys = _in_order([*(m for m, c in zip(made, choices, strict=True) if c is None), *made])
    rows = [MatrixRow(section, key, "") for section, key in keys]
    for row in rows:
        makers = [m.get((row.section, row.key), ()) for m in made]
        row.name = next(m[-1].name for m in makers if m)
    reference: Mapping[tuple[str, str], tuple[Made, ...]] = {}
    for column, choice, settings in zip(columns, choices, made, strict=True):
        if choice is None or column.comparison is None:
            reference = settings
            for row in rows:
                here = settings.get((row.section, row.key))
                row.cells.append(Cell(here) if here else None)
            continue
        said: dict[tuple[str, str], list[Finding]] = {}
        for finding in column.comparison.findings:
            said.setdefault(names.key(finding.subject), []).append(finding)
        for row in rows:
            key = (row.section, row.key)
            here, there = settings.get(key, ()), reference.get(key, ())
            row.cells.append(_cell(here, there, said.get(key, []), choice))
    layers = {p.name: _chains(p, files) for p in profiles.values()}
    return Matrix(tuple(columns), tuple(rows), report, layers, catalogue, exact)


@dataclass(slots=True)
class RowNames:
    """What belongs into one row: a variable with its old names, the flags of one *dest*."""

    catalogue: Catalogue | None
    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def key(self, name: str) -> tuple[str, str]:
        """The section and the key of the row of a name."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> tuple[str, str]:
        section = section_of(name)
        if self.catalogue is None:
            return section, name
        if section == "args":
            return section, dest(self.catalogue, name)
        said = history.renamed(self.catalogue, name) if owner(name) == SGLANG else None
        return section, said.new if said else name


def _made(config: LaunchConfig, names: RowNames) -> dict[tuple[str, str], tuple[Made, ...]]:
    """What a launch sets, by row."""
    found: dict[tuple[str, str], tuple[Made, ...]] = {}
    for made in _each(config):
        key = names.key(made.name)
        found[key] = (*found.get(key, ()), made)
    return found


def _each(config: LaunchConfig) -> Iterator[Made]:
    for e in config.env:
        yield Made(e.name, (e.value,), e.origin, e.condition, e.superseded)
    for a in config.args or ():
        yield Made(a.flag or POSITIONAL, a.words, a.origin, a.condition, a.superseded)


def _in_order(
    sources: Iterable[Mapping[tuple[str, str], tuple[Made, ...]]],
) -> list[tuple[str, str]]:
    """The keys in the order in which they come first, variables before arguments."""
    keys = dict.fromkeys(key for source in sources for key in source)
    return sorted(keys, key=lambda key: key[0] == "args")


def _cell(
    here: tuple[Made, ...], there: tuple[Made, ...], said: list[Finding], held: Held
) -> Cell | None:
    if not here and not there:
        return None
    counting = (f for f in said if f.rule.id in _STATUS and not f.placed)
    status = min((_STATUS[f.rule.id] for f in counting), key=_ORDER.index, default=None)
    if status is None:
        every = {m.name for m in (*here, *there)}
        out = all(is_local(n, held.compare) or is_ignored(n, held.ignore) for n in every)
        # An environment holds no arguments, so that they are compared with nothing.
        status = CellStatus.SAME if here and there and not out else CellStatus.LEFT_OUT
    return Cell(here, status, tuple(said))


def _chains(profile: Profile, files: Mapping[str, Path]) -> dict[tuple[str, str], Origin]:
    """What each layer of a profile sets or unsets; read anew, as a lock has no unset settings."""
    from dsv4_env.profile import layers  # pydantic: only a page pays for it

    base = profile.name.partition("@")[0].partition("+")[0]
    if base not in profile.layers or not set(profile.layers) <= set(files):
        return {}
    spec = parse(profile.name)
    shared = [n for n in profile.layers if f"{LOCAL}." not in f"{n}."]
    own = {n: [files[m] for m in profile.layers if m.startswith(n + LOCAL)] for n in shared}
    every = layers.Layers({n: files[n] for n in shared}, {}, own)
    merged = every.merged(spec, profile.target, profile.sglang)
    return {key: m.origin for key, m in merged.items()}
