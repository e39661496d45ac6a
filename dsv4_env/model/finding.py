"""What a check has to say: findings with stable ids, and how much was compared."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from dsv4_env.model.launch import Location, is_installed, shown_path


class Severity(enum.StrEnum):
    """How bad a finding is; errors and warnings fail a check, notes don't."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding: a stable id, a short name, one line on what it means.

    *help* is Markdown for those who meet it for the first time.
    """

    id: str
    name: str
    severity: Severity
    summary: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Leave to differ: a name pattern, why, and until which day (included); where it is written.

    *files* (globs) and *profiles* (patterns) say where it holds; empty ones: everywhere.
    """

    pattern: str
    reason: str
    until: date | None = None
    location: Location | None = None
    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that settles one finding: lines *start* to *end* (both included) become others.

    *old* and *new* are those lines, without the newline of the last one; there is always one at
    least, so that what adds a line holds its neighbour, too.
    """

    path: str
    start: int
    end: int
    old: str
    new: str


NOT_KNOWN = "not known: "  # how the note on what can't be known begins


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. *left* and *right* are the two sides' values, ready to be shown.

    *location* is the place to mend, *related* the other side's; *waiver* is what excuses it, *fix*
    the edit that would settle it, as far as it was asked for and is known. *action* says what to
    do, as the end of a sentence that the message begins; *effect* what SGLang makes of it, and what
    else there is to say, each a sentence of its own. *placed*: only where it stands is another.
    """

    rule: Rule
    severity: Severity
    subject: str
    message: str
    location: Location | None = None
    related: Location | None = None
    left: str | None = None
    right: str | None = None
    waiver: Waiver | None = None
    fix: Fix | None = None
    effect: tuple[str, ...] = ()
    action: str = ""
    placed: bool = False

    @property
    def sentence(self) -> str:
        """What is found, and what to do."""
        if not self.action:
            return self.message
        return f"{self.message}{'; ' if ': ' in self.message else ': '}{self.action}"

    @property
    def text(self) -> str:
        """All that is said of it, in one line."""
        return f"{self.sentence} ({'; '.join(self.effect)})" if self.effect else self.sentence

    def with_effect(self, *said: str) -> Finding:
        """The finding with more to say of what SGLang makes of it."""
        return replace(self, effect=(*self.effect, *filter(None, said)))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An edit of one place that settles all of its *findings*."""

    fix: Fix
    findings: tuple[Finding, ...]


def read_as(*releases: str) -> str:
    """The note on the releases of SGLang whose reading counted."""
    return f"read as SGLang {', '.join(releases)} reads it"


def read_as_tree(label: str) -> str:
    """The note on a checkout's own SGLang, whose reading counted."""
    return f"read as {label}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two launches held against each other; *compared* counts settings, *notes* what was left out.

    *left_at* and *right_at* are the places of the launches as a whole. *lint* says that the left
    side is a release of SGLang rather than a launch; *release* is the one whose reading counted,
    empty where the spelling did, and *tree* how a checkout's own SGLang is called where that did.
    *facts* counts what both say beside settings. *repeated* are findings that hold here, too, and
    that a launch before it in the same file was told.
    """

    left: str
    right: str
    findings: tuple[Finding, ...] = ()
    compared: int = 0
    unknown: int = 0
    notes: tuple[str, ...] = ()
    left_at: Location | None = None
    right_at: Location | None = None
    lint: bool = False
    release: str = ""
    tree: str = ""
    facts: int = 0
    repeated: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run found.

    *problems* are findings of no comparison (a file that can't be read, an unused waiver),
    *lines* the source lines of findings by path and number, for excerpts, *root* the folder that
    paths are shown relative to, *project* the one of the settings, *repository* the one that
    programs get paths relative to (one that is empty is as the one before it). *hidden* says
    where secrets stand in *lines*. *files* and *launches* count what was read, *notes* are what
    is to be said of the run as a whole. *suggestions* are edits of lines that a change touches,
    as far as they were asked for.
    """

    comparisons: tuple[Comparison, ...] = ()
    problems: tuple[Finding, ...] = ()
    lines: Mapping[tuple[str, int], str] = field(default_factory=dict)
    hidden: Mapping[tuple[str, int], Sequence[tuple[int, int]]] = field(default_factory=dict)
    files: int = 0
    launches: int = 0
    root: str = ""
    project: str = ""
    repository: str = ""
    color: bool = False
    failing: frozenset[Severity] = field(default=frozenset({Severity.ERROR, Severity.WARNING}))
    notes: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def compared(self) -> int:
        """How many settings were compared, in all comparisons."""
        return sum(c.compared for c in self.comparisons)

    @property
    def facts(self) -> int:
        """How much that isn't a setting was compared, in all comparisons."""
        return sum(c.facts for c in self.comparisons)

    @property
    def read_as(self) -> tuple[str, ...]:
        """Notes on the releases of SGLang whose reading counted; none where the spelling did."""
        releases = dict.fromkeys(c.release for c in self.comparisons if c.release and not c.tree)
        trees = dict.fromkeys(c.tree for c in self.comparisons if c.tree)
        return (*([read_as(*releases)] if releases else []), *map(read_as_tree, trees))

    @property
    def unknown(self) -> int:
        """How many of them couldn't be known."""
        return sum(c.unknown for c in self.comparisons)

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings there are of each severity, without the waived ones."""
        found = [f.severity for f in self.findings if f.waiver is None]
        return {s: found.count(s) for s in Severity}

    @property
    def waived(self) -> int:
        """How many findings are excused."""
        return sum(f.waiver is not None for f in self.findings)

    def line(self, location: Location | None) -> str | None:
        """The source line at a location, where it is known."""
        if location is None or location.line is None:
            return None
        return self.lines.get((location.path, location.line))

    @property
    def findings(self) -> list[Finding]:
        """All findings, waived ones included."""
        return [*(f for c in self.comparisons for f in c.findings), *self.problems]

    @property
    def failed(self) -> bool:
        """Whether a finding is bad enough for exit code 1."""
        return any(f.severity in self.failing and f.waiver is None for f in self.findings)

    def path(self, path: str) -> str:
        """A path as shown: relative to the root where it lies below it."""
        return shown_path(path, self.root)

    def uri(self, path: str) -> str | None:
        """A path relative to the repository, with slashes; None where it lies outside of it."""
        return self._below(path, self.repository or self.project or self.root)

    def own(self, path: str) -> str | None:
        """A path relative to the project, with slashes; None where it lies outside of it."""
        return self._below(path, self.project or self.root)

    def _below(self, path: str, base: str) -> str | None:
        if path.startswith(("http://", "https://")):  # what a server says of itself
            return None
        whole = os.path.normpath(os.path.join(self.root, path))  # noqa: PTH118  # pure text
        if is_installed(whole):  # no part of a project, even where its environment lies there
            return None
        if not base or not whole.startswith(base.rstrip(os.sep) + os.sep):
            return None if base else path
        return os.path.relpath(whole, base).replace(os.sep, "/")

    def place(self, location: Location | None) -> str:
        """A location as shown, or an empty string."""
        if location is None:
            return ""
        return str(Location(self.path(location.path), location.line, location.column))


def fingerprint(finding: Finding, comparison: Comparison | None, report: Report) -> str:
    """What a finding is, whatever line it stands at: 32 hexadecimal digits.

    It stays the same when lines move, and changes with the file, the profile, the rule, the
    setting or one of the two values.
    """
    import hashlib  # 3 ms, and most commands show no fingerprint

    place = finding.location or (comparison.right_at if comparison else None)
    parts = (
        finding.rule.id,
        comparison.left if comparison else "",
        (place and report.own(place.path)) or (report.path(comparison.right) if comparison else ""),
        finding.subject,
        finding.left or "",
        finding.right or "",
        "" if finding.left or finding.right else finding.message,
    )
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
