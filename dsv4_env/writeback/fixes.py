"""The edit that would settle each finding alone, for reports that can show one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from dsv4_env.compare.differences import Difference
from dsv4_env.compare.findings import compared
from dsv4_env.compare.normalise import with_model
from dsv4_env.drift import Held
from dsv4_env.guard.files import read_bytes
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Comparison, Finding, Fix, Report
from dsv4_env.model.style import count, plain
from dsv4_env.readers import read
from dsv4_env.writeback import facts
from dsv4_env.writeback.editors import EDITORS, Editor
from dsv4_env.writeback.edits import EditJob, Outcome, edit_text

MOST_FIXES = 50  # findings that an edit is sought for: each takes some readings of its file
_MOST_LINES = 12  # that one edit may span: what a reader of a suggestion takes in
_SETTINGS = ("DSV001", "DSV002", "DSV003", "DSV008")
_FACTS = tuple(f"DSV{number:03}" for number in range(20, 28))


def with_fixes(report: Report, held: Sequence[Held]) -> Report:
    """The report whose findings have the edit that `sync --prune` would make for each alone.

    *held* are the two sides of each comparison, in their order. Where none is known, none is given.
    """
    left = MOST_FIXES
    sought = 0
    found: list[Comparison] = []
    for comparison, sides in zip(report.comparisons, held, strict=True):
        wanted = [f for f in comparison.findings if _may_have(f, sides)]
        fixes = _fixes(wanted[:left], sides)
        sought += len(wanted)
        left -= len(wanted[:left])
        of = {id(finding): fix for finding, fix in zip(wanted, fixes, strict=False)}
        findings = tuple(replace(f, fix=of.get(id(f))) for f in comparison.findings)
        found.append(replace(comparison, findings=findings))
    notes = report.notes
    if sought > MOST_FIXES:
        more = count(sought - MOST_FIXES, "finding")
        notes = (*notes, f"edits were worked out for {MOST_FIXES} findings, not for {more} more")
    return replace(report, comparisons=tuple(found), notes=notes)


def _may_have(finding: Finding, sides: Held) -> bool:
    return (
        finding.waiver is None
        and finding.rule.id in (*_SETTINGS, *_FACTS)
        and sides.config.reader in EDITORS
        and sides.config.served is None
    )


@dataclass(frozen=True, slots=True)
class _Edited:
    """The file of a launch that is held to a profile, as its editor reads it."""

    sides: Held
    profile: LaunchConfig
    text: str
    index: int
    launches: Callable[[str], list[LaunchConfig]]
    editor: Editor

    def job(self, name: str | None) -> EditJob:
        """What brings the launch to the profile: one setting of it, or all."""

        def differ(launch: LaunchConfig) -> list[Difference]:
            sides = self.sides
            found = compared(
                self.profile,
                launch,
                ignore=sides.ignore,
                compare=sides.compare,
                catalogue=sides.catalogue,
            )
            return [d for d in found if name in (None, d.name)]

        return EditJob(
            self.profile, self.index, self.launches, differ, self.editor.propose, prune=True
        )


def _edited(sides: Held, given: str | None = None) -> _Edited | None:
    """The file of a launch, or another text of it; None where it's none that is edited so."""
    at = sides.config.location
    if at is None or sides.config.reader not in EDITORS or sides.config.served is not None:
        return None
    path = Path(at.path)
    editor = EDITORS[sides.config.reader]
    reading = replace(sides.reading, reader=sides.config.reader)
    try:
        text, encoding = editor.decode(read_bytes(path), path)

        @lru_cache(maxsize=4)
        def launches(text: str) -> list[LaunchConfig]:
            return read(editor.encode(text, encoding), path, reading)

        index = next(i for i, c in enumerate(launches(text)) if c.location == at)
    except (Dsv4Error, StopIteration, ValueError, SyntaxError):
        return None  # standard input, or a part of a file of another kind
    text = text if given is None else given
    return _Edited(sides, with_model(sides.profile), text, index, launches, editor)


def settled(sides: Held, text: str) -> str:
    """A text of the launch's file with all that `sync --prune` would make of it.

    It has as many launches as the file. Raises ReadError where it can't be read.
    """
    file = _edited(sides, text)
    if file is None:
        return text
    outcome = edit_text(file.job(None), text)
    facts.edit_facts(file.profile, outcome, file.launches, file.index, ignore=sides.ignore)
    return outcome.text


def settled_alone(finding: Finding, sides: Held) -> tuple[str, str] | None:
    """The text of a launch's file, and that with the edit that settles one finding alone.

    None where none is known.
    """
    file = _edited(sides) if _may_have(finding, sides) else None
    new = _alone(finding, file) if file is not None else None
    return (file.text, new) if file is not None and new is not None else None


def _alone(finding: Finding, file: _Edited) -> str | None:
    try:
        if finding.rule.id in _FACTS:
            outcome = Outcome(file.text, file.launches(file.text)[file.index])
            name = finding.subject
            facts.edit_facts(file.profile, outcome, file.launches, file.index, only=name)
        else:
            outcome = edit_text(file.job(finding.subject), file.text)
    except Dsv4Error:
        return None
    return None if outcome.refused else outcome.text


def _fixes(wanted: Sequence[Finding], sides: Held) -> list[Fix | None]:
    """The edit for each finding of one launch, None where none is known."""
    file, at = _edited(sides) if wanted else None, sides.config.location
    if file is None or at is None:
        return [None] * len(wanted)
    texts = [_alone(finding, file) for finding in wanted]
    return [None if new is None else as_fix(at.path, file.text, new) for new in texts]


def as_fix(path: str, old: str, new: str) -> Fix | None:
    """What an edit changes, as lines that become others.

    None where it changes nothing, spans more than a suggestion may, or holds what can't be shown.
    """
    a, b = old.split("\n"), new.split("\n")
    if a == b:
        return None
    shorter = min(len(a), len(b))
    start = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    end = next((i for i in range(shorter - start) if a[-1 - i] != b[-1 - i]), shorter - start)
    lines, others = a[start : len(a) - end], b[start : len(b) - end]
    if not lines or not others:  # lines come or go: the one before them stands for the place
        if start == 0:
            lines, others = [*lines, a[len(a) - end]], [*others, b[len(b) - end]]
        else:
            start -= 1
            lines, others = [a[start], *lines], [b[start], *others]
    if max(len(lines), len(others)) > _MOST_LINES:
        return None
    fix = Fix(path, start + 1, start + len(lines), "\n".join(lines), "\n".join(others))
    if any(plain(line) != line for line in (*lines, *others)):
        return None
    return fix
