"""A line for each finding, as compilers write them, then what was compared."""

from __future__ import annotations

from dsv4_env.finding import Comparison, Finding, Report, Severity
from dsv4_env.reporters.style import SEVERITY_STYLE, count, paint, plain


def report(report: Report) -> str:
    """``path:line:col: severity: message [id]`` with the other side's place below it."""
    lines: list[str] = []
    for comparison in report.comparisons:
        for finding in sorted(comparison.findings, key=lambda f: _position(f, report)):
            where = report.place(finding.location) or comparison.right
            severity = paint(finding.severity.value, SEVERITY_STYLE[finding.severity], report.color)
            rule = paint(f"[{finding.rule.id}]", "dim", report.color)
            lines.append(
                f"{paint(plain(where), 'bold', report.color)}: {severity}: "
                f"{plain(finding.message)} {rule}"
            )
            if finding.related is not None:
                related = f"    {comparison.left}: {report.place(finding.related)}"
                if finding.rule.name in ("overridden", "set-twice"):
                    related = f"    wins: {report.place(finding.related)}"
                elif comparison.lint:
                    related = f"    and: {report.place(finding.related)}"
                lines.append(paint(plain(related), "dim", report.color))
        lines += [paint(f"note: {plain(note)}", "dim", report.color) for note in comparison.notes]
        lines.append(_summary(report, comparison))
    return "".join(f"{line}\n" for line in lines)


def _position(finding: Finding, report: Report) -> tuple[str, int, int]:
    at = finding.location
    return (report.path(at.path), at.line or 0, at.column or 0) if at else ("", 0, 0)


def _summary(report: Report, comparison: Comparison) -> str:
    per = {s: sum(f.severity is s for f in comparison.findings) for s in Severity}
    found = ", ".join(count(n, s.value) for s, n in per.items() if n)
    failing = any(per[s] for s in report.failing)
    bad, good = ("problems", "no problems") if comparison.lint else ("drift", "no drift")
    verdict = paint(bad, "red", report.color) if failing else paint(good, "green", report.color)
    shown = report.path(comparison.right)
    text = f"{comparison.left} against {plain(shown)}: {verdict}"
    if comparison.lint:
        text = f"{plain(shown)} on {comparison.left}: {verdict}"
    done = "read" if comparison.lint else "compared"
    text += f" ({count(comparison.compared, 'setting')} {done}"
    text += f", {comparison.unknown} unknown" + (f"; {found})" if found else ")")
    return text
