"""A table of what differs: - only left, + only right, ~ another value, > another place."""

from __future__ import annotations

from dataclasses import replace

from dsv4_env.model.finding import Finding, Report
from dsv4_env.model.secrets import MASK
from dsv4_env.model.style import count, opening, paint, plain
from dsv4_env.reporters.content import ReportEntry, compared, entries, own_notes

_SIGNS = {
    "DSV001": ("-", "red"),
    "DSV002": ("+", "green"),
    "DSV003": ("~", "yellow"),
    "DSV004": (">", "cyan"),
    "DSV005": ("?", "yellow"),
    "DSV008": ("↦", "yellow"),
    "DSV009": ("=", "dim"),
    **{f"DSV{number:03}": ("~", "yellow") for number in range(20, 28)},  # beside the settings
}


def report(report: Report) -> str:
    """Left and right named first, then a row for each difference, aligned."""
    lines: list[str] = []
    for comparison in report.comparisons:
        found = [f for f in comparison.findings if f.waiver is None]
        rows = [f for f in found if f.rule.id in _SIGNS]
        if rows:
            lines.append(paint(f"--- {plain(report.path(comparison.left))}", "bold", report.color))
            lines.append(paint(f"+++ {plain(report.path(comparison.right))}", "bold", report.color))
        width = max((len(f.subject) for f in rows), default=0)
        values = [_values(f) for f in rows]
        value_width = min(max(map(len, values), default=0), 48)
        for finding, value in zip(rows, values, strict=True):
            sign, style = _SIGNS[finding.rule.id]
            places = [report.place(finding.related)]
            if finding.rule.id != "DSV001":
                places.append(report.place(finding.location))
            where = " → ".join(p for p in places if p)
            row = f"{sign} {plain(finding.subject):{width}}  {plain(value):{value_width}}"
            where = paint(f"  {plain(where)}" if where else "", "dim", report.color)
            lines.append(paint(row.rstrip() if not where else row, style, report.color) + where)
        notes = own_notes(comparison, ())
        lines += [paint(f"note: {plain(note)}", "dim", report.color) for note in notes]
        settings = compared(comparison)
        sides = f"{report.path(comparison.left)} against {report.path(comparison.right)}"
        named = f"{opening(sides)}: " if not rows and len(report.comparisons) > 1 else ""
        differ = count(len(rows), "difference") if rows else "no differences"
        waived = len(comparison.findings) - len(found)
        ending = f", {waived} waived" if waived else ""
        lines.append(
            f"{named}{differ} in {settings} compared, {comparison.unknown} unknown{ending}"
        )
    lines += [_problem(e, report) for e in entries(report) if e.comparison is None]
    lines += [paint(f"note: {plain(n)}", "dim", report.color) for n in report.notes]
    return "".join(f"{line}\n" for line in lines)


def _problem(entry: ReportEntry, report: Report) -> str:
    where = opening(entry.where(report))
    return f"{where + ': ' if where else ''}{entry.finding.severity.value}: {plain(entry.message)}"


def _values(finding: Finding) -> str:
    if finding.rule.id == "DSV004":
        return ""
    if finding.rule.id in ("DSV008", "DSV009"):
        return replace(finding, action="").text.removeprefix(f"{finding.subject} ")
    left, right = finding.left or "", finding.right or ""
    if MASK in left and right.startswith(left):  # two secrets that aren't the same
        return f"differs (hidden){right.removeprefix(left)}"
    return " → ".join(v for v in (finding.left, finding.right) if v is not None)
