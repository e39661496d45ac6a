"""A table of what differs: - only left, + only right, ~ another value, > another place."""

from __future__ import annotations

from dsv4_env.finding import Finding, Report
from dsv4_env.reporters.style import count, paint, plain

_SIGNS = {
    "DSV001": ("-", "red"),
    "DSV002": ("+", "green"),
    "DSV003": ("~", "yellow"),
    "DSV004": (">", "cyan"),
    "DSV005": ("?", "yellow"),
    "DSV008": ("↦", "yellow"),
    "DSV009": ("=", "dim"),
}


def report(report: Report) -> str:
    """Left and right named first, then a row for each difference, aligned."""
    lines: list[str] = []
    for comparison in report.comparisons:
        rows = [f for f in comparison.findings if f.rule.id in _SIGNS]
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
        lines += [paint(f"note: {plain(note)}", "dim", report.color) for note in comparison.notes]
        settings = count(comparison.compared, "setting")
        found = count(len(rows), "difference") if rows else "no differences"
        lines.append(f"{found} in {settings} compared, {comparison.unknown} unknown")
    return "".join(f"{line}\n" for line in lines)


def _values(finding: Finding) -> str:
    if finding.rule.id == "DSV004":
        return ""
    if finding.rule.id in ("DSV008", "DSV009"):
        return finding.message.removeprefix(f"{finding.subject} ")
    return " → ".join(v for v in (finding.left, finding.right) if v is not None)
