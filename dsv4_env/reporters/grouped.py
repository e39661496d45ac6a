"""A line for each thing that is found, however often, with how often and where: for many files."""

from __future__ import annotations

from dsv4_env.model.finding import Report
from dsv4_env.model.style import count, inert, opening, plain
from dsv4_env.reporters.content import (
    SEVERITIES,
    ReportEntry,
    entries,
    position,
    reported_files,
    summary,
)
from dsv4_env.reporters.layout import fits, wrapped

_FEW = 3  # places that are named


def report(report: Report) -> str:
    """``severity: id message (7 places in 2 files: path:line:col, … and 4 more)``, worst first.

    The places stand below where the line would grow too long, and so does what SGLang makes of it.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], list[ReportEntry]] = {}
    for entry in sorted(entries(report), key=lambda e: position(e, report)):
        finding = entry.finding
        key = finding.severity.value, finding.rule.id, tuple(entry.said)
        groups.setdefault(key, []).append(entry)
    order = [s.value for s in SEVERITIES]
    ranked = sorted(groups.items(), key=lambda g: (order.index(g[0][0]), -len(g[1]), g[0]))
    lines: list[str] = []
    for (severity, rule, (sentence, *more)), found in ranked:
        places = _places(found, report)
        head = f"{severity}: {rule}"
        if fits(whole := f"{head} {sentence} ({places})"):
            head, places = whole, ""
        elif fits(f"{head} {sentence}"):
            head = f"{head} {sentence}"
        else:
            more.insert(0, sentence)
        lines.append(head)
        lines += [inert(line) for text in (*more, places) for line in wrapped(text)]
    lines += [f"note: {plain(n)}" for n in (*report.notes, *report.read_as)]
    files = reported_files(report)
    if groups and files > 1:
        kinds = count(len(groups), "finding is", "findings are")
        lines.append(f"note: {kinds} told, each once")
    return "".join(f"{line}\n" for line in (*lines, summary(report)))


def _places(found: list[ReportEntry], report: Report) -> str:
    """How many places, in how many files, and the first of them."""
    places = list(dict.fromkeys(e.where(report) for e in found))
    shown = ", ".join(map(opening, places[:_FEW]))
    if len(places) == 1:
        return shown
    files = len({e.location.path for e in found if e.location is not None})
    told = count(len(places), "place")
    told += f" in {count(files, 'file')}" if files > 1 else ""
    more = f" and {len(places) - _FEW:,} more" if len(places) > _FEW else ""
    return f"{told}: {shown}{more}"
