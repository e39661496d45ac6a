"""A line for each finding and no more, for editors and for grep."""

from __future__ import annotations

from dsv4_env.model.finding import Report
from dsv4_env.model.style import opening, plain
from dsv4_env.reporters.content import entries, position, summary


def report(report: Report) -> str:
    """``path:line:col: severity: id message``, sorted, then what is to be said of all."""
    found = sorted(entries(report), key=lambda e: position(e, report))
    lines = [
        f"{where}: {e.finding.severity.value}: {e.finding.rule.id} {plain(e.message)}"
        if (where := opening(e.where(report)))
        else f"{e.finding.severity.value}: {e.finding.rule.id} {plain(e.message)}"
        for e in found
    ]
    lines += [f"note: {plain(n)}" for n in (*report.notes, *report.read_as)]
    return "".join(f"{line}\n" for line in (*lines, summary(report)))
