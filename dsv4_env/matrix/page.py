"""The page: a matrix and histories as one file of HTML that needs nothing else.

What the page says comes from here as plain data; ``page.html`` gives it its shape, and a
Content-Security-Policy lets only the style and the script of this package run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dsv4_env import __version__
from dsv4_env.compare.findings import show, when as told_when
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
from dsv4_env.matrix.details import (
    common_start,
    details,
    kind,
    ours,
    place_details,
    said,
    without_start,
)
from dsv4_env.matrix.effective import (
    MAX_TARGETS,
    MadeSetting,
    PageTarget,
    TargetEffects,
    effects,
    further,
    project_targets,
    table,
    told,
    without_target,
)
from dsv4_env.matrix.timeline import timelines
from dsv4_env.model.errors import shortened
from dsv4_env.model.finding import Report, Severity
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
CellText = tuple[str, str, str, str, str]
_ENDS = re.compile(r"(?<=[_/:-])(?![_/:-])|(?<=[a-z])(?=[A-Z])")
_NO_DRIFT = "without drift"
_LONGEST = 80  # characters of a value in a cell
_FEW = 5  # lines of what was looked at that stand open
_WIDEST = 17  # characters of the profiles' columns
_TOLD = ("read as SGLang ", "not compared: ")  # the summary and the matrix say so anyway
_LINES = re.compile(r"[^\n\t]+")
_MARKUP = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(
    matrix: Matrix | None,
    histories: Sequence[Mapping[str, Any]] = (),
    made: str = "",
    *,
    targets: Sequence[PageTarget] = (),
    commits: Sequence[str] = (),
) -> str:
    """A page of a matrix, of histories (as ``history.render.describe`` gives them), or of both.

    *made* is the day and *commits* are what it was made of: its foot tells both. *targets* are what
    it can be switched to, the matrix's own where there are none.
    """
    style, script = ((_FOLDER / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    view, data = None, {}
    if matrix is not None:
        offered = targets or project_targets(matrix)
        made_of = effects(matrix, offered[:MAX_TARGETS])
        extra = [
            MatrixRow(*key, name, [None] * len(matrix.columns))
            for key, name in further(matrix, made_of)
        ]
        rows = [*matrix.rows, *extra]
        view = _matrix(matrix, rows, made_of, without_target(matrix, offered))
        keys = [(r.section, r.key) for r in rows]
        cards = {id(e.finding): n for n, e in enumerate(_listed(matrix.report))}
        data = {**details(matrix, rows, cards), **told(made_of, keys)}
        style += f":root{{--own:{view['width']}ch}}\n"
    return _template().render(
        view=view,
        histories=[timelines(h) for h in histories],
        style=_safe(style),
        script=_safe(script),
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        data=_safe(embedded(data)),
        version=__version__,
        made=made,
        commits=[scrubbed(c) for c in commits],
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
    environment.filters["pieces"] = pieces
    return environment.get_template("page.html")


def pieces(name: str) -> list[str]:
    """A name in pieces between which a line may end: at ``_``, ``-``, ``/``, ``::`` and humps."""
    return [piece for piece in _ENDS.split(name) if piece]


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


def _matrix(
    matrix: Matrix,
    all_rows: Sequence[MatrixRow],
    made: Sequence[TargetEffects],
    lacking: Sequence[str],
) -> dict[str, Any]:
    report = matrix.report
    first = made[0].made if made else [{} for _ in matrix.columns]
    shown = [_row(r, number, first) for number, r in enumerate(all_rows)]
    keys = [(r.section, r.key) for r in all_rows]
    rows, own = shown[: len(matrix.rows)], shown[len(matrix.rows) :]
    order = {"error": 0, "warning": 1, "note": 2}
    look = sorted((r for r in rows if r["severity"]), key=lambda r: order[r["severity"]])
    alike = [r for r in rows if not r["severity"]]
    groups = [
        ("drift", "Drift", "differs from the profile", look),
        ("env", "Environment", _NO_DRIFT, [r for r in alike if r["section"] == "env"]),
        ("args", "Server arguments", _NO_DRIFT, [r for r in alike if r["section"] != "env"]),
        ("made", "Set by SGLang itself", "nobody gives them", own),
    ]
    shared = [n for n in shared_notes(report) if not n.startswith(_TOLD)]
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    listed = _listed(report)
    for entry in listed:
        if entry.finding.waiver is None:
            counts[entry.finding.severity.value] += 1
    cells = matrix.tally()
    comparisons = [_comparison(c, report, shared) for c in matrix.columns if c.comparison]
    notes = [*map(scrubbed, (*report.notes, *shared, *lacking))]
    return {
        "verdict": _verdict(report),
        "failed": report.failed,
        "lead": _lead(matrix, comparisons),
        "stops": made[0].said() if made else "",
        "next": _next(matrix, comparisons),
        "counts": counts,
        "waived": report.waived,
        "looked_at": _looked_at(matrix),
        "comparisons": comparisons,
        "notes": notes,
        "open": sum(1 + len(c["notes"]) for c in comparisons) + len(notes) <= _FEW,
        "groups": [group for group in groups if group[-1]],
        "bands": [
            (p.name, sum(c.profile.name == p.name for c in matrix.columns)) for p in matrix.profiles
        ],
        "columns": _heads(matrix, comparisons, made[0].stops() if made else {}),
        "width": _width(matrix, rows),
        "owners": sorted({r["owner"] for r in rows}),
        "statuses": [(s.value, STATUS_MARKS[s], cells[s]) for s in CellStatus if s in cells],
        "marks": {s.value: m for s, m in STATUS_MARKS.items()},
        "findings": [_finding(e, matrix) for e in listed],
        "layers": [_layers(matrix, p.name) for p in matrix.profiles],
        "targets": [table(t, matrix, keys) for t in made],
        "read_as": _read_as(matrix),
    }


def _listed(report: Report) -> list[ReportEntry]:
    """The findings that the page lists, in their order."""
    found = [e for e in entries(report) if e.finding.rule.id != "DSV009"]
    return worst_first([*found, *entries(report, waived=True)], report)


def _read_as(matrix: Matrix) -> str:
    """As which release the launches are read, in words."""
    said = matrix.report.read_as or ("compared by their spelling alone",)
    return f"{'; '.join(said)}."


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


def _lead(matrix: Matrix, comparisons: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What differs from what: (the number that counts, the rest of the sentence)."""
    bad: dict[str, bool] = {}
    held: dict[str, bool] = {}
    for one in comparisons:
        bad[one["launch"]] = bad.get(one["launch"], False) or one["bad"]
        held[one["launch"]] = held.get(one["launch"], False) or bool(one["compared"])
    every, number, compared_ = len(bad), sum(bad.values()), sum(held.values())
    alone = len(matrix.profiles) == 1
    name = f"profile {matrix.profiles[0].name}" if alone else ""
    if number:
        theirs = name or "a profile that they are held to"
        launches = count(every, "launch", "launches")
        return f"{number:,} of {launches}", f"differ{'s' * (number == 1)} from {theirs}."
    if not every:
        return "No launch", "was held to a profile."
    if not compared_:
        return "Nothing", "of what was looked at could be compared."
    but = _but(matrix.report)
    if every == 1:
        return "The launch", f"is as {name or 'its profiles'} say{'s' * alone}{but}."
    launches = f"All {every:,}" if compared_ == every else f"{compared_:,} of {every:,}"
    rest = "" if compared_ == every else "; of the others nothing could be compared"
    said = f"{name} says" if alone else "their profiles say"
    verb = "is" if compared_ == 1 else "are"
    return f"{launches} launches", f"{verb} as {said}{but}{rest}."


def _but(report: Report) -> str:
    """What keeps launches from being wholly as their profiles say."""
    shown = [e.finding for e in _listed(report) if e.finding.waiver is None]
    notes = sum(f.severity is Severity.NOTE for f in shown)
    excused = [count(notes, "note")] if notes else []
    excused += [f"{report.waived} waived"] if report.waived else []
    said = f", but for {' and '.join(excused)}" if excused else ""
    return said + (", as far as it is known" if report.unknown else "")


def _next(matrix: Matrix, comparisons: Sequence[Mapping[str, Any]]) -> str:
    """The command that brings the first file that differs to its profile; empty for none."""
    held = [c for c in matrix.columns if c.comparison]
    for column, one in zip(held, comparisons, strict=True):
        if one["bad"] and column.config.served is None and column.config.reader != "process":
            words = ("dsv4-env", "sync", one["profile"], "--to", one["launch"])
            return " ".join(map(shlex.quote, words))
    return ""


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
        "failing": sum(
            f.waiver is None and f.severity in report.failing for f in column.comparison.findings
        ),
        "compared": column.comparison.compared,
        "word": said.word,
        "tally": tally(found) or "nothing found",
        "notes": [n for n in own_notes(column.comparison, shared) if not n.startswith(_TOLD)],
    }


def split_title(column: Column, report: Report) -> tuple[str, str]:
    """The file of a column and the part of it that launches; a file's name may hold ``::``."""
    path = ours(report.path(column.title))
    symbol = column.config.symbol
    if column.comparison is not None and symbol and path.endswith(f"::{symbol}"):
        return path.removesuffix(f"::{symbol}"), symbol
    return path, ""


def _heads(
    matrix: Matrix, comparisons: Sequence[Mapping[str, Any]], stops: Mapping[int, str]
) -> list[dict[str, Any]]:
    """What stands above each column: only what tells it from the others."""
    report = matrix.report
    parts = [split_title(c, report) for c in matrix.columns]
    held = [PurePosixPath(p[0]) for p, c in zip(parts, matrix.columns, strict=True) if c.comparison]
    start = common_start(p.name for p in held)
    base = _common_folder([p.parent for p in held])
    told_of = iter(comparisons)
    return [
        {
            **_head(c, file, symbol, report, start, base, next(told_of) if c.comparison else None),
            "stop": number in stops,
        }
        for number, (c, (file, symbol)) in enumerate(zip(matrix.columns, parts, strict=True))
    ]


def _head(
    column: Column,
    file: str,
    symbol: str,
    report: Report,
    start: str,
    base: PurePosixPath,
    said: Mapping[str, Any] | None,
) -> dict[str, Any]:
    path = PurePosixPath(file)
    folder = "" if path.parent == base or said is None else str(path.parent.relative_to(base))
    name = path.name or file
    return {
        "profile": said is None,
        "kind": kind(column),
        "name": "profile" if said is None else without_start(name, start),
        "symbol": symbol.replace(".setUpClass", ""),
        "folder": "" if folder == "." else folder,
        "title": ours(report.path(column.title)),
        "bad": said is not None and said["bad"],
        "failing": said["failing"] if said else 0,
        "word": said["word"] if said else "",
    }


def _common_folder(folders: Sequence[PurePosixPath]) -> PurePosixPath:
    """The folder that all of these are in, which needn't be said of each."""
    first, *others = [(f, *f.parents) for f in folders] or [()]
    return next((f for f in first if all(f in o for o in others)), PurePosixPath())


def _width(matrix: Matrix, rows: Sequence[Mapping[str, Any]]) -> int:
    """How many characters the profiles' columns take: they slide over one another."""
    own = [number for number, c in enumerate(matrix.columns) if c.comparison is None]
    texts = [str(cell[3]) for row in rows for n in own if (cell := row["cells"][n])]
    return min(max((len(t) for t in texts), default=0), _WIDEST) or len("profile")


def _row(
    row: MatrixRow,
    number: int,
    made: Sequence[Mapping[tuple[str, str], MadeSetting]],
) -> dict[str, Any]:
    statuses = [s.value for s in row.statuses]
    if any(c and c.waived for c in row.cells):
        statuses.append("waived")
    worst = row.severity
    shown = [m[row.section, row.key].shown if (row.section, row.key) in m else "" for m in made]
    return {
        "number": number,
        "name": row.name,
        "also": sorted({m.name for c in row.cells if c for m in c.made} - {row.name}),
        "owner": row.owner,
        "section": row.section,
        "severity": worst.value if worst else None,
        "statuses": statuses,
        "cells": _cells(row),
        "made": shown,
        "any": any(shown),
    }


def _cells(row: MatrixRow) -> list[CellText | None]:
    """The cells; of one that is as the profile's it needn't be said again when it holds."""
    found: list[CellText | None] = []
    own = ""
    for shown in (_shown(c, row) for c in row.cells):
        if shown and shown[0] == "own":
            own = shown[4]
        again = shown is not None and shown[0] == "same" and shown[4] == own
        found.append((*shown[:4], "") if shown and again else shown)
    return found


def _shown(cell: Cell | None, row: MatrixRow) -> CellText | None:
    """(class, status, mark, text, when) of a cell; None where neither side has the setting."""
    if cell is None:
        return None
    counting = [m for m in cell.made if not m.superseded]
    values = [_value(m) for m in counting]
    text = " · ".join(dict.fromkeys(value for value, _ in values))
    when = "; ".join(dict.fromkeys(when for _, when in values if when))
    if cell.status is None:
        return "own", "", "", text, when
    names = {m.name for m in cell.made} - {row.name}
    if names and cell.status is CellStatus.RENAMED:
        text = f"{', '.join(sorted(names))} {text}"
    severity = cell.severity
    kind = "waived" if cell.waived else severity.value if cell.drifts and severity else ""
    plain_ = {CellStatus.SAME: "same", CellStatus.LEFT_OUT: "out"}.get(cell.status, "quiet")
    return kind or plain_, cell.status.value, STATUS_MARKS[cell.status], text, when


def _value(made: Made) -> tuple[str, str]:
    """(value, when) as a cell has room for it: quotes only where they matter."""
    text, when = shortened(scrubbed(show(made.name, made.words, made.condition)), _LONGEST), []
    if match := _QUOTED.fullmatch(text):
        text = match[1]
        when += [match[2].strip()] if match[2] else []
    when += [scrubbed(told_when(made.name, made.words, made.condition))]
    return text, ", ".join(filter(None, when))


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
    for (section, key), origin in matrix.layers[name].items():
        chain = {o.name: o for o in origin.chain()}
        shown = key if section in ("env", "args") else f"{section}.{key}"
        cells: list[tuple[str, bool, bool, str] | None] = []
        for layer in profile.layers:
            o = chain.get(layer)
            if o is None:
                cells.append(None)
                continue
            text = "unset" if o.value is None else scrubbed(masked(key, o.value))
            cells.append(
                (
                    text or ("set" if section == "args" else '""'),
                    o is origin,
                    o.value is None,
                    place_details(matrix.report, o.location),
                )
            )
        whose = owner_of(key) if section in ("env", "args") else ""
        rows.append({"name": shown, "section": section, "owner": whose, "cells": cells})
    rows.sort(key=lambda r: {"env": 0, "args": 1}.get(r["section"], 2))
    return {
        "name": name,
        "description": profile.description,
        "columns": profile.layers,
        "rows": rows,
    }
