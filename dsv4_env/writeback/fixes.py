"""The edit that would settle each finding alone, or all of a launch."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from dsv4_env.model.finding import Comparison, Finding, Fix, Report, Suggestion
from dsv4_env.model.style import count, plain
from dsv4_env.readers import read
from dsv4_env.writeback import facts
from dsv4_env.writeback.editors import EDITORS
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


def with_suggestions(
    report: Report, held: Sequence[Held], changed: Mapping[str, Sequence[tuple[int, int]]]
) -> Report:
    """The report with the edits that settle all findings of a place, on lines that *changed*.

    Two findings that are settled in one line have one edit together, so that both can be taken.
    """
    found: list[Suggestion] = []
    fixable = kept = 0
    for comparison, sides in zip(report.comparisons, held, strict=True):
        wanted = [f for f in comparison.findings if f.fix is not None]
        fixable += len(wanted)
        if not any(_within(f.fix, changed) for f in wanted if f.fix):
            continue
        for fix in _together(wanted, sides):
            mine = tuple(f for f in wanted if f.fix is not None and _meet(f.fix, fix))
            apart = not any(_meet(s.fix, fix) for s in found)  # another launch's, of the same lines
            if mine and apart and _within(fix, changed):
                found.append(Suggestion(fix, mine))
                kept += len(mine)
    notes = report.notes
    if fixable > kept:
        more = count(fixable - kept, "finding has an edit", "findings have edits")
        notes = (*notes, f"{more} on other lines: `dsv4-env sync PROFILE --to FILE` makes them")
    return replace(report, suggestions=tuple(found), notes=notes)


def _within(fix: Fix, changed: Mapping[str, Sequence[tuple[int, int]]]) -> bool:
    """Whether all lines of an edit stand in one hunk of the change."""
    return any(a <= fix.start and fix.end <= b for a, b in changed.get(fix.path, ()))


def _meet(one: Fix, two: Fix) -> bool:
    return one.path == two.path and one.start <= two.end and two.start <= one.end


def _together(wanted: Sequence[Finding], sides: Held) -> Iterator[Fix]:
    """What all edits of one launch come to, as one edit for each place."""
    work = _work(sides)
    if work is None:
        return
    text = work.settled([f for f in wanted if f.rule.id not in _FACTS])
    for finding in wanted:
        if finding.rule.id in _FACTS and text is not None:
            text = work.settled([finding], text)
    if text is None:
        return
    a, b = work.text.split("\n"), text.split("\n")
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            fix = as_fix(work.path, "\n".join(a), "\n".join([*a[:i], *b[k:m], *a[j:]]))
            if fix is not None:
                yield fix


def _may_have(finding: Finding, sides: Held) -> bool:
    return (
        finding.waiver is None
        and finding.rule.id in (*_SETTINGS, *_FACTS)
        and sides.config.reader in EDITORS
        and sides.config.served is None
    )


def _fixes(wanted: Sequence[Finding], sides: Held) -> list[Fix | None]:
    """The edit for each finding of one launch, None where none is known."""
    work = _work(sides) if wanted else None
    if work is None:
        return [None] * len(wanted)
    texts = (work.settled([finding]) for finding in wanted)
    return [None if text is None else as_fix(work.path, work.text, text) for text in texts]


@dataclass(slots=True, eq=False, repr=False)
class _Work:
    """One launch (*index*) of a file's text, and what it is held to."""

    sides: Held
    path: str
    text: str
    index: int
    launches: Callable[[str], list[LaunchConfig]]

    def settled(self, wanted: Sequence[Finding], text: str | None = None) -> str | None:
        """The text in which settings, or one fact, are the profile's; None where none can be."""
        text = self.text if text is None else text
        try:
            if wanted and wanted[0].rule.id in _FACTS:
                outcome = Outcome(text, self.launches(text)[self.index])
                self.edit_facts(outcome, wanted[0].subject)
            else:
                outcome = self.edited({finding.subject for finding in wanted}, text)
        except Dsv4Error:
            return None
        return None if outcome.refused and len(wanted) == 1 else outcome.text

    def edited(self, names: Collection[str] | None, text: str) -> Outcome:
        """A text in which settings are the profile's: all of them where none are named."""
        sides, profile = self.sides, with_model(self.sides.profile)

        def differ(launch: LaunchConfig) -> list[Difference]:
            found = compared(
                profile,
                launch,
                ignore=sides.ignore,
                compare=sides.compare,
                catalogue=sides.catalogue,
                given=sides.reading.inputs,
            )
            return [d for d in found if names is None or d.name in names]

        propose = EDITORS[sides.config.reader].propose
        job = EditJob(profile, self.index, self.launches, differ, propose, prune=True)
        return edit_text(job, text)

    def edit_facts(self, outcome: Outcome, only: str | None) -> None:
        """Make a fact, or each one, what the profile says."""
        profile, ignore = with_model(self.sides.profile), self.sides.ignore
        if only is None:
            facts.edit_facts(profile, outcome, self.launches, self.index, ignore=ignore)
        else:
            facts.edit_facts(profile, outcome, self.launches, self.index, only=only)


def settled(sides: Held, text: str) -> str:
    """A text of the launch's file with all that `sync --prune` would make of it.

    It has as many launches as the file. Raises ReadError where it can't be read.
    """
    work = _work(sides)
    if work is None:
        return text
    outcome = work.edited(None, text)
    work.edit_facts(outcome, None)
    return outcome.text


def settled_alone(finding: Finding, sides: Held) -> tuple[str, str] | None:
    """The text of a launch's file, and that with the edit that settles one finding alone.

    None where none is known.
    """
    work = _work(sides) if _may_have(finding, sides) else None
    new = None if work is None else work.settled([finding])
    return None if work is None or new is None else (work.text, new)


def _work(sides: Held) -> _Work | None:
    """The file of a launch as it can be edited; None where it can't."""
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
    return _Work(sides, at.path, text, index, launches)


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
