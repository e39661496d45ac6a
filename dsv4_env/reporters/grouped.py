"""A line for each thing that is found, however often, with how often and where: for many files."""

from __future__ import annotations

from dsv4_env.model.finding import NOT_KNOWN, Report
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

    Where the line would grow too long it has the first place alone, and what is to be done in fewer
    words; what it lacks stands below, as what SGLang makes of it does.
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
        first = _first(found, report)
        forms = [(sentence, places), (sentence, first), *((b, first) for b in found[0].briefly)]
        lengths = [f"{head} {text} ({at})" for text, at in forms]
        chosen = next((n for n, line in enumerate(lengths) if fits(line)), len(forms) - 1)
        lines.append(lengths[chosen])
        if forms[chosen][0] != sentence:
            more.insert(0, sentence)
        if forms[chosen][1] == places:
            places = ""
        lines += [inert(line) for text in (*more, places) for line in wrapped(text)]
    lines += [f"note: {plain(n)}" for n in (*report.notes, *report.read_as)]
    lines += _not_known(report)
    files = reported_files(report)
    if groups and files > 1:
        kinds = count(len(groups), "finding is", "findings are")
        lines.append(f"note: {kinds} told, each once")
    return "".join(f"{line}\n" for line in (*lines, summary(report)))


def _not_known(report: Report) -> list[str]:
    """The notes on what can't be known, each once, with a launch that it is of."""
    found: dict[str, list[str]] = {}
    for comparison in report.comparisons:
        for note in comparison.notes:
            if note.startswith(NOT_KNOWN):
                found.setdefault(note, []).append(report.path(comparison.right))
    return [
        plain(
            f"note: {note} ({where[0]}" + (f" and {len(where) - 1:,} more)" if where[1:] else ")")
        )
        for note, where in found.items()
    ]


def _first(found: list[ReportEntry], report: Report) -> str:
    """The first place, and how many more there are."""
    places = list(dict.fromkeys(e.where(report) for e in found))
    more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
    return f"{opening(places[0])}{more}"


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
