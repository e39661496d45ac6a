"""What there is to say of a file: lint of all that is read, and drift where it is of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from dsv4_env import drift
from dsv4_env.catalogue import Catalogue
from dsv4_env.compare.rules import RULES
from dsv4_env.drift import waivers
from dsv4_env.drift.lines import location_of
from dsv4_env.drift.linted import Chosen, lint_launches, lint_profile, release_of_pairs
from dsv4_env.guard.files import read_bytes
from dsv4_env.lsp.positions import Lines, Span
from dsv4_env.lsp.project import Project
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import Dsv4Error, ProfileError, ReadError, SettingsError
from dsv4_env.model.finding import Comparison, Finding, Report, Severity
from dsv4_env.model.style import plain
from dsv4_env.profile.project import find_pyproject
from dsv4_env.readers import HowRead, detect, read, titles
from dsv4_env.readers.launcher import TOLD
from dsv4_env.reporters import concealed
from dsv4_env.reporters.content import ReportEntry, entries
from dsv4_env.reporters.excerpt import extent

MOST = 500  # things that are shown of one file
STARTS = 500  # servers that a text names, from which on it isn't read: what a generator wrote
LAUNCHES, SETTINGS = 60, 1_500  # of a file that are looked at while somebody types
_PROFILES = 4  # that a shared layer is looked at in
_NAMES = frozenset({"DSV008", "DSV102", "DSV103", "DSV111"})  # an old name, which is struck through
_CUT = "DSV007"
_IDLE = frozenset({"DSV006", "DSV113"})  # what has no effect, which is shown faded


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is said of a file.

    *finding* is as it may be shown, *raw* as it was found; *held* are the two sides of the
    comparison that it is of, where it is drift.
    """

    finding: Finding
    raw: Finding
    comparison: Comparison | None = None
    held: drift.Held | None = None


@dataclass(slots=True, eq=False)
class Diagnosis:
    """What is said of a file: as which *kind* it was read, by which *reader*, with what found.

    *catalogue* is the release that counts, *how* how its launches are read, *asked* are the paths
    that the answer depends on, *listed* the folders whose names it does. *report* says how paths
    are shown.
    """

    kind: str = ""
    reader: str = ""
    told: list[Told] = field(default_factory=list)
    held: list[drift.Held] = field(default_factory=list)
    catalogue: Catalogue | None = None
    how: HowRead | None = None
    asked: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    report: Report = field(default_factory=Report)


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding at its place in the text; *tags* are ``deprecated`` and ``unnecessary``."""

    span: Span
    told: Told
    message: str
    tags: tuple[str, ...] = ()


def diagnose(project: Project, path: Path, data: bytes) -> Diagnosis:
    """Say what there is to say of a file, whose bytes are those that the editor holds.

    To be called within :meth:`Project.asked`. What can't be read is a finding.
    """
    found = Diagnosis()
    try:
        _looked_at(project, path, data, found)
    except Dsv4Error as exc:
        if not found.kind and not isinstance(exc, SettingsError | ProfileError):
            raise
        rule = RULES["DSV010"]
        where = location_of(exc.where, path) if exc.where else Location(str(path))
        elsewhere = exc.where is not None and not exc.where.startswith(str(path))
        message = str(exc) if elsewhere else exc.message
        finding = Finding(rule, rule.severity, path.name, message, where)
        found.told.append(Told(finding, finding))
    return found


def _looked_at(project: Project, path: Path, data: bytes, found: Diagnosis) -> None:
    if path.name == "pyproject.toml":
        if find_pyproject(path.parent) == path:
            found.kind = "settings"
            _of_settings(project, found)
        return
    layer = project.layer_at(path) if path.suffix == ".toml" else None
    if layer is not None:
        found.kind = "layer"
        _of_layer(project, path, layer, found)
        return
    pairs = project.pairs(path)
    reader = next((p.reader for p in pairs if p.reader), None) or detect(str(path), data)
    if reader is None or not (pairs or b"sglang" in data.lower()):
        return
    found.kind, found.reader = "launches", reader
    _of_launches(project, path, data, found)


def _of_settings(project: Project, found: Diagnosis) -> None:
    """The settings themselves: what is wrong, and pairs without a profile or a file."""
    run = project.run()
    run.changed = frozenset()  # no file is looked at
    _add(found, drift.check(run, run.settings.pairs), ())


def _of_layer(project: Project, path: Path, layer: str, found: Diagnosis) -> None:
    """A layer: what lint says of it in the profiles that it is a part of."""
    from dsv4_env.profile.layer import read_layer  # pydantic

    read_layer(path)
    known = project.profiles()
    using = [p for n, p in known.items() if n == layer]
    using += [p for n, p in known.items() if n != layer and layer in p.layers]
    if not using:  # an overlay, in the first profile that takes it
        with_it = (project.profile(f"{name}+{layer}") for name in known)
        using = list(islice((p for p in with_it if p is not None), 1))
    comparisons = []
    for profile in using[:_PROFILES]:
        catalogue = project.catalogue(None, [profile.sglang_range])
        found.catalogue = found.catalogue or catalogue
        made = lint_profile(profile, catalogue, Chosen(), None)
        here = (f for f in made.findings if f.location and f.location.path == str(path))
        comparisons.append(replace(made, findings=tuple(here), right_at=None))
    _add(found, Report(tuple(comparisons), root=str(project.root)), ())


def _of_launches(project: Project, path: Path, data: bytes, found: Diagnosis) -> None:
    run, pairs = project.run(), project.pairs(path)
    release, ranges = release_of_pairs(pairs, run.known)
    found.catalogue = usual = project.catalogue(release, ranges)
    text = data.decode("utf-8", "surrogateescape")
    if (starts := len(TOLD.findall(text))) > STARTS:
        _add(found, Report((), (_cut(path, f"{starts:,} servers are named: none is", "them"),)), ())
        return
    if pairs:
        found.how = replace(drift.how_read(run, pairs[0]), reader=found.reader)
    else:
        settings = run.settings
        found.how = HowRead(found.reader, profiles=settings.profiles, sglang=settings.sglang)
    said: list[Comparison] = []
    cut: tuple[Finding, ...] = ()
    try:
        launches = read(data, path, found.how)
    except ReadError as exc:
        drift.check_file(run, path, pairs)
        drift.unreadable(run, path, exc)
    else:
        few = _first(launches)
        if few == len(launches):
            drift.check_file(run, path, pairs)
        else:
            held = "; what differs from a profile isn't told" if pairs else ""
            first = f"the first {few} are" if few > 1 else "only the first one is"
            cut = (_cut(path, f"{len(launches):,} launches: {first}", f"all{held}"),)
        named = list(zip(titles(launches, str(path)), launches, strict=True))[:few]
        read_as = project.reader_of(usual, release)
        said = lint_launches(named, launches, text, found.reader, read_as, Chosen(), None)
        if len(launches) == 1:
            found.catalogue = read_as(launches[0])
    found.held = run.held
    report = drift.report(run, waivers=False)
    if (baseline := run.settings.baseline) is not None and baseline.is_file():
        text = read_bytes(baseline, expected="a baseline").decode("utf-8", "replace")
        known = waivers.read_baseline(text, str(baseline))
        report = waivers.with_baseline(report, known, str(baseline), whole=False)
    whole = replace(
        report, comparisons=(*report.comparisons, *said), problems=(*report.problems, *cut)
    )
    _add(found, whole, run.held)


def _first(launches: Sequence[LaunchConfig]) -> int:
    """How many launches are looked at, from the first on: at least one."""
    total = 0
    for number, config in enumerate(launches[:LAUNCHES]):
        total += len(config.env) + len(config.args or ())
        if number and total > SETTINGS:
            return number
    return min(len(launches), LAUNCHES)


def _cut(path: Path, what: str, rest: str) -> Finding:
    """Say at the top of a file that not all of it is looked at, and what does."""
    message = f"{what} looked at while you edit; `dsv4-env lint {path.name}` looks at {rest}"
    return Finding(RULES[_CUT], Severity.NOTE, path.name, message, Location(str(path), 1))


def _add(found: Diagnosis, report: Report, held: Sequence[drift.Held]) -> None:
    """Take over what a report says; *held* are the sides of its first comparisons."""
    found.report = shown = concealed(report)
    sides: dict[int, drift.Held] = {}
    for raw, side in zip(report.comparisons, held, strict=False):
        sides |= {id(f): side for f in raw.findings}
    for before, after in zip(entries(report), entries(shown), strict=True):
        one = Told(after.finding, before.finding, after.comparison, sides.get(id(before.finding)))
        found.told.append(one)


def shown(found: Diagnosis, path: Path, lines: Lines) -> list[Shown]:
    """The findings of a file at their places, worst first; what stands elsewhere is told here too.

    That is: at the launch that has it, else at the first line.
    """
    seen: set[tuple[str, str, Span]] = set()
    made: list[Shown] = []
    order = list(Severity)

    def rank(told: Told) -> int:
        note = told.finding.severity is Severity.NOTE
        if note and told.finding.rule.id == _CUT:  # isn't to be among those that aren't shown
            return -1
        return order.index(told.finding.severity)

    for told in sorted(found.told, key=rank):
        span = _span(told, path, lines)
        key = told.finding.rule.id, told.finding.text, span
        if key in seen:
            continue
        seen.add(key)
        rule = told.finding.rule.id
        tags = ("deprecated",) if rule in _NAMES else ("unnecessary",) if rule in _IDLE else ()
        said = "\n".join(ReportEntry(told.finding).said)
        made.append(Shown(span, told, said, tags))
    return made[:MOST]


def _span(told: Told, path: Path, lines: Lines) -> Span:
    entry = ReportEntry(told.finding, told.comparison)
    own = entry.location
    if own is None or own.path != str(path):
        own = told.comparison.right_at if told.comparison else None
    if own is None or own.path != str(path) or own.line is None:
        return lines.whole(0)
    if own.column is None:
        return lines.whole(own.line - 1)
    line = lines.line(own.line - 1)
    start = min(own.column - 1, len(line))
    end = extent(line, start)
    name = told.finding.subject
    if told.finding.rule.id in _NAMES and line.startswith(name, start):
        end = start + len(name)
    return lines.span(own.line - 1, start, max(end, start + 1))


def related(told: Told, report: Report) -> tuple[Location, str] | None:
    """The other place that has to do with a finding, and what is said of it; None without one."""
    entry = ReportEntry(told.finding, told.comparison)
    name, place = entry.other(report)
    if told.finding.related is None or told.finding.related.line is None:
        return None
    return told.finding.related, plain(f"{name}: {place}" if place else name)


def elsewhere(told: Told, path: Path) -> Location | None:
    """Where a finding stands that is of another file than the one it is told of."""
    at = told.finding.location
    return at if at is not None and at.path != str(path) and at.line is not None else None
