"""What a check has to say: findings with stable ids, and how much was compared."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from dsv4_env.model import Location


class Severity(enum.StrEnum):
    """How bad a finding is; errors and warnings fail a check, notes don't."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding: a stable id, a short name, one line on what it means."""

    id: str
    name: str
    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """Leave to differ: a name pattern, why, and until which day (included); where it is written."""

    pattern: str
    reason: str
    until: date | None = None
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. *left* and *right* are the two sides' values, ready to be shown.

    *location* is the place to mend, *related* the other side's; *waiver* is what excuses it.
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two launches held against each other; *compared* counts settings, *notes* what was left out.

    *left_at* and *right_at* are the places of the launches as a whole. *lint* says that the left
    side is a release of SGLang rather than a launch.
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


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run found.

    *problems* are findings of no comparison (a file that can't be read, an unused waiver),
    *sources* the texts of files by path, for excerpts, *root* the folder that shown paths are
    relative to. *files* and *launches* count what was read.
    """

    comparisons: tuple[Comparison, ...] = ()
    problems: tuple[Finding, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    files: int = 0
    launches: int = 0
    root: str = ""
    color: bool = False
    failing: frozenset[Severity] = field(default=frozenset({Severity.ERROR, Severity.WARNING}))

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
        if self.root and path.startswith(self.root.rstrip(os.sep) + os.sep):
            return os.path.relpath(path, self.root)
        return path

    def place(self, location: Location | None) -> str:
        """A location as shown, or an empty string."""
        if location is None:
            return ""
        return str(Location(self.path(location.path), location.line, location.column))
