"""The page: a matrix and histories as one file of HTML that needs nothing else.

What the page says comes from here as plain data; ``page.html`` gives it its shape, and a
Content-Security-Policy lets only the style and the script of this package run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dsv4_env import __version__
from dsv4_env.compare.findings import show
from dsv4_env.matrix.cells import (
    STATUS_MARKS,
    Cell,
    CellStatus,
    Column,
    Made,
    Matrix,
    MatrixRow,
    owner_of,
    section_of,
)
from dsv4_env.matrix.details import details, kind, ours, place_details, said
from dsv4_env.matrix.effective import effective
from dsv4_env.matrix.timeline import timelines
from dsv4_env.model.finding import Report
from dsv4_env.model.secrets import masked, scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.content import (
    ReportEntry,
    compared,
    entries,
    own_notes,
    shared_notes,
    tally,
    verdict,
    worst_first,
)

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent
_QUOTED = re.compile(r'"((?:[^"\\\s]|(?<=[^"\s])[ ](?=[^"\s]))+)"( unless .*)?')
_TOLD = ("read as SGLang ", "not compared: ")  # the summary and the matrix say so anyway
_LINES = re.compile(r"[^\n\t]+")
_MARKUP = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(matrix: Matrix | None, histories: Sequence[Mapping[str, Any]] = (), made: str = "") -> str:
    """A page of a matrix, of histories (as ``history.render.describe`` gives them), or of both.

    *made* is the day that the page tells at its end.
    """
    style, script = ((_FOLDER / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    view = _matrix(matrix) if matrix is not None else None
    return _template().render(
        view=view,
        histories=[timelines(h) for h in histories],
        style=_safe(style),
        script=_safe(script),
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        data=_safe(embedded(details(matrix) if matrix is not None else {})),
        version=__version__,
        made=made,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # heavy, for a page alone

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    return environment.get_template("page.html")


def embedded(data: object) -> str:
    """JSON that may stand in a script element: nothing in it can end the element or begin one."""
    return json.dumps(_deep(data), separators=(",", ":")).translate(_MARKUP)


def _deep(data: Any) -> Any:
    if isinstance(data, str):
        return cleaned(data)
    if isinstance(data, Mapping):
        return {str(k): _deep(v) for k, v in data.items()}
    return [_deep(v) for v in data] if isinstance(data, (list, tuple)) else data


@lru_cache(maxsize=4096)
def cleaned(text: str) -> str:
    """Text without what can't be seen and without halves of characters; lines stay lines."""
    return _LINES.sub(lambda m: plain(m[0]), text)


def _finalized(value: Any) -> Any:
    return cleaned(value) if type(value) is str else value


def _safe(text: str) -> Any:
    from markupsafe import Markup  # as jinja2

    return Markup(text)  # noqa: S704  # the package's own files, and what embedded() escapes


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# What the template shows


def _matrix(matrix: Matrix) -> dict[str, Any]:
    report = matrix.report
    rows = [_row(r, number) for number, r in enumerate(matrix.rows)]
    order = {"error": 0, "warning": 1, "note": 2}
    look = sorted((r for r in rows if r["severity"]), key=lambda r: order[r["severity"]])
    groups = [
        ("drift", "Drift", look),
        ("env", "Environment", [r for r in rows if not r["severity"] and r["section"] == "env"]),
        (
            "args",
            "Server arguments",
            [r for r in rows if not r["severity"] and r["section"] != "env"],
        ),
    ]
    found = [e for e in entries(report) if e.finding.rule.id != "DSV009"]
    shared = [n for n in shared_notes(report) if not n.startswith(_TOLD)]
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    for entry in found:
        counts[entry.finding.severity.value] += 1
    cells = matrix.tally()
    return {
        "verdict": _verdict(report),
        "failed": report.failed,
        "counts": counts,
        "waived": report.waived,
        "looked_at": _looked_at(matrix),
        "comparisons": [_comparison(c, report, shared) for c in matrix.columns if c.comparison],
        "notes": [*map(scrubbed, (*report.notes, *shared))],
        "groups": [(id_, title, group) for id_, title, group in groups if group],
        "bands": [
            (p.name, sum(c.profile.name == p.name for c in matrix.columns)) for p in matrix.profiles
        ],
        "columns": [_head(c, report) for c in matrix.columns],
        "owners": sorted({r["owner"] for r in rows}),
        "statuses": [(s.value, STATUS_MARKS[s], cells[s]) for s in CellStatus if s in cells],
        "marks": {s.value: m for s, m in STATUS_MARKS.items()},
        "findings": [
            _finding(e, matrix)
            for e in worst_first([*found, *entries(report, waived=True)], report)
        ],
        "layers": [_layers(matrix, p.name) for p in matrix.profiles],
        "effective": effective(matrix),
        "release": matrix.catalogue.name,
    }


def _verdict(report: Report) -> str:
    if report.failed:
        return (
            "Drift"
            if any(
                f.severity in report.failing
                for c in report.comparisons
                for f in c.findings
                if f.waiver is None
            )
            else "Problems"
        )
    return "No drift" if report.compared else "Nothing compared"


def _looked_at(matrix: Matrix) -> str:
    report = matrix.report
    profiles = count(len(matrix.profiles), "profile")
    read = f"{count(report.files, 'file')}, {count(report.launches, 'launch', 'launches')}"
    return f"{profiles} held against {read}: {compared(report)} compared, {report.unknown} unknown"


def _comparison(column: Column, report: Report, shared: list[str]) -> dict[str, Any]:
    assert column.comparison is not None
    said = verdict(column.comparison, report)
    found = [f for f in column.comparison.findings if f.rule.id != "DSV009"]
    return {
        "profile": column.profile.name,
        "launch": ours(report.path(column.title)),
        "kind": kind(column),
        "bad": said.bad,
        "compared": column.comparison.compared,
        "word": said.word,
        "tally": tally(found) or "nothing found",
        "notes": [n for n in own_notes(column.comparison, shared) if not n.startswith(_TOLD)],
    }


def _head(column: Column, report: Report) -> dict[str, Any]:
    path = ours(report.path(column.title))
    file, _, symbol = path.partition("::")
    folder, name = str(PurePosixPath(file).parent), PurePosixPath(file).name
    return {
        "profile": column.comparison is None,
        "kind": kind(column),
        "name": "profile" if column.comparison is None else name or path,
        "symbol": symbol,
        "folder": "" if folder == "." else folder,
        "title": path,
    }


def _row(row: MatrixRow, number: int) -> dict[str, Any]:
    cells = [_shown(c, row) for c in row.cells]
    statuses = [s.value for s in row.statuses]
    if any(c and c.waived for c in row.cells):
        statuses.append("waived")
    worst = row.severity
    return {
        "number": number,
        "name": row.name,
        "also": sorted({m.name for c in row.cells if c for m in c.made} - {row.name}),
        "owner": row.owner,
        "section": row.section,
        "severity": worst.value if worst else None,
        "statuses": statuses,
        "cells": cells,
    }


def _shown(cell: Cell | None, row: MatrixRow) -> tuple[str, str, str, str] | None:
    """(class, status, mark, text) of a cell; None where neither side has the setting."""
    if cell is None:
        return None
    texts = [_value(m) for m in cell.made if not m.superseded]
    text = " · ".join(dict.fromkeys(texts))
    if cell.status is None:
        return "own", "", "", text
    names = {m.name for m in cell.made} - {row.name}
    if names and cell.status is CellStatus.RENAMED:
        text = f"{', '.join(sorted(names))} {text}"
    severity = cell.severity
    kind = "waived" if cell.waived else severity.value if cell.drifts and severity else ""
    plain_ = {CellStatus.SAME: "same", CellStatus.LEFT_OUT: "out"}.get(cell.status, "quiet")
    return kind or plain_, cell.status.value, STATUS_MARKS[cell.status], text


def _value(made: Made) -> str:
    """A value as a cell has room for it: quotes only where they matter."""
    text = scrubbed(show(made.name, made.words))
    if match := _QUOTED.fullmatch(text):
        text = match[1] + (match[2] or "")
    return text + (f" when {scrubbed(str(made.condition))}" if made.condition else "")


def _finding(entry: ReportEntry, matrix: Matrix) -> dict[str, Any]:
    finding = entry.finding
    name, place = entry.other(matrix.report)
    return {
        **said(finding, matrix.report),
        "where": ours(entry.where(matrix.report)),
        "subject": finding.subject,
        "section": section_of(finding.subject),
        "owner": owner_of(finding.subject),
        "other": ours(f"{name}: {place}") if place else "",
        "against": ours(verdict(entry.comparison, matrix.report).title) if entry.comparison else "",
    }


def _layers(matrix: Matrix, name: str) -> dict[str, Any]:
    profile = next(p for p in matrix.profiles if p.name == name)
    rows: list[dict[str, Any]] = []
    for (table, key), origin in matrix.layers[name].items():
        chain = {o.name: o for o in origin.chain()}
        shown = key if table in ("env", "args") else f"{table}.{key}"
        cells: list[tuple[str, bool, bool, str] | None] = []
        for layer in profile.layers:
            o = chain.get(layer)
            if o is None:
                cells.append(None)
                continue
            text = "unset" if o.value is None else scrubbed(masked(key, o.value))
            cells.append(
                (
                    text or ("set" if table == "args" else '""'),
                    o is origin,
                    o.value is None,
                    place_details(matrix.report, o.location),
                )
            )
        whose = owner_of(key) if table in ("env", "args") else ""
        rows.append({"name": shown, "section": table, "owner": whose, "cells": cells})
    rows.sort(key=lambda r: {"env": 0, "args": 1}.get(r["section"], 2))
    return {
        "name": name,
        "description": profile.description,
        "columns": profile.layers,
        "rows": rows,
    }
