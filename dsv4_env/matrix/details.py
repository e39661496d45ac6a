"""What the page's panel shows of a cell, a row or a column, as plain data."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from textwrap import dedent
from typing import Any

from dsv4_env.catalogue import describe, history, load as load_catalogue, releases
from dsv4_env.catalogue.images import families
from dsv4_env.compare.findings import show
from dsv4_env.matrix.cells import Cell, Column, Made, Matrix, MatrixRow
from dsv4_env.model import HANDED_ON, Location, Origin, Unknown
from dsv4_env.model.errors import shortened
from dsv4_env.model.finding import Finding, Report
from dsv4_env.model.secrets import masked, scrubbed
from dsv4_env.profile import shipped_dir
from dsv4_env.readers import KINDS
from dsv4_env.reporters.content import verdict
from dsv4_env.reporters.excerpt import excerpt

_STARTS = re.compile(r"(?<![^_-])[^_-]*[_-]+")
LONGEST = 2000
"""Characters of a value that the panel shows."""
_KINDS = {"process": "live process"} | {k.name: k.word for k in KINDS if k.word}


def details(matrix: Matrix, rows: Sequence[MatrixRow], cards: Mapping[int, int]) -> dict[str, Any]:
    """All that the panel may show of *rows*; the page's script parses it when it's first asked.

    *cards* are the places of findings, by their ``id``, among those that the page shows anyway.
    """
    report = matrix.report
    return {
        "columns": [_about(c, report) for c in matrix.columns],
        "rows": [
            {
                "name": row.name,
                "facts": _facts(row, matrix),
                "cells": [c and _cell(c, row, report, cards) for c in row.cells],
            }
            for row in rows
        ],
    }


def _about(column: Column, report: Report) -> dict[str, Any]:
    config = column.config
    facts = [("kind", kind(column))]
    if column.comparison is None:
        facts.append(("layers", " → ".join(column.profile.layers)))
        facts += [("about", column.profile.description)] if column.profile.description else []
        facts += [("SGLang", r)] if (r := column.profile.sglang_range) else []
    else:
        facts.append(("held to", column.profile.name))
        facts.append(("verdict", str(verdict(column.comparison, report).word)))
    facts.append(("place", place_details(report, config.location)))
    if config.command:
        facts.append(("command", scrubbed(" ".join(_word(w) for w in config.command))))
    if config.image is not None and (config.image.name or config.image.family):
        named = config.image.name or f"one of {config.image.family}"
        facts.append(("image", scrubbed(named)))
    if config.condition:
        facts.append(("when", scrubbed(str(config.condition))))
    facts += [("needs", r.name) for r in config.required]
    facts += [("note", scrubbed(n.message)) for n in config.notes]
    return {
        "title": ours(report.path(column.title)),
        "held": column.comparison is not None,
        "facts": [f for f in facts if f[1]],
    }


def _word(word: object) -> str:
    return word.text if isinstance(word, Unknown) else shlex.quote(str(word))


def _cell(cell: Cell, row: MatrixRow, report: Report, cards: Mapping[int, int]) -> dict[str, Any]:
    """A cell in short: what is usual is left out, as there may be thousands."""
    found: dict[str, Any] = {"m": [_made(m, row, report) for m in cell.made]}
    if cell.status:
        found["s"] = cell.status.value
    if cell.waived or cell.severity:
        found["k"] = "waived" if cell.waived else cell.severity
    if cell.findings:
        found["f"] = [cards[id(f)] if id(f) in cards else said(f, report) for f in cell.findings]
    return found


def _made(made: Made, row: MatrixRow, report: Report) -> dict[str, Any]:
    unknown = [w for w in made.words if isinstance(w, Unknown)]
    found: dict[str, Any] = {
        "v": shortened(scrubbed(show(made.name, made.words, made.condition)), LONGEST)
    }
    if made.name != row.name:
        found["n"] = made.name
    if made.condition and found["v"] != HANDED_ON:
        found["c"] = scrubbed(str(made.condition))
    if made.superseded:
        found["x"] = 1
    if unknown:
        found["u"] = scrubbed("; ".join(dict.fromkeys(w.reason for w in unknown)))
    found["o"] = [_origin(o, made, report) for o in made.origin.chain()]
    return found


def _origin(origin: Origin, made: Made, report: Report) -> list[str | None]:
    value = origin.value
    if value is not None:
        value = shortened(scrubbed(masked(made.name, value)), LONGEST)
    return [origin.name, place_details(report, origin.location), value]


def _facts(row: MatrixRow, matrix: Matrix) -> list[tuple[str, str]]:
    """What the catalogue says of a setting, with the releases that know it."""
    name = row.name
    facts = [("owner", row.owner)]
    known = [r for r in releases() if history.knows(load_catalogue(r), name)]
    found = describe.facts(matrix.catalogue, name)
    release = matrix.catalogue.name
    facts += [(k, f"{v} ({release})" if k == "default" else v) for k, v in found]
    facts += [
        ("set by images", f"{f.env[name]} ({f.name})") for f in families().values() if name in f.env
    ]
    if not found and known:
        facts.append((release, "doesn't know it"))
    if known:
        facts.append(("known to", "SGLang " + describe.span(known)))
    elif name.startswith("SGLANG_"):
        facts.append(("known to", "no release that is looked at"))
    return facts


def kind(column: Column) -> str:
    """What a column is of: a profile, a script, a test, …"""
    reader = column.config.reader
    return _KINDS.get(reader, reader)


def said(finding: Finding, report: Report) -> dict[str, Any]:
    """A finding as the page shows it."""
    waiver = finding.waiver
    source = excerpt(report, finding.location, finding.subject)
    return {
        "severity": "waived" if waiver else finding.severity.value,
        "id": finding.rule.id,
        "rule": finding.rule.name,
        "message": scrubbed(finding.sentence),
        "effect": [scrubbed(e) for e in finding.effect],
        "at": place_details(report, finding.location),
        "source": dedent("\n".join(source)) if source else "",
        "waiver": ""
        if waiver is None
        else f"waived: {scrubbed(waiver.reason)}"
        + (f", until {waiver.until}" if waiver.until else "")
        + (f" ({place_details(report, waiver.location)})" if waiver.location else ""),
    }


def common_start(names: Iterable[str]) -> str:
    """The longest start, of whole words, that four fifths of three or more names have in common."""
    starts: Counter[str] = Counter()
    every = set(names)
    for name in every:
        starts.update(s for s in accumulate(_STARTS.findall(name)) if s != name)
    common = [s for s, n in starts.items() if n >= 3 and n * 5 >= len(every) * 4]
    return max(common, key=len, default="")


def without_start(name: str, start: str) -> str:
    """A name that tells what the start was that it lacks."""
    return f"…{name.removeprefix(start)}" if start and name.startswith(start) else name


def place_details(report: Report, location: Location | None) -> str:
    """A location as the page shows it, or an empty string."""
    return ours(report.place(location))


def ours(text: str) -> str:
    """A place, without saying where on this machine the package is installed."""
    return text.replace(_shipped(), "dsv4_env/profiles/")


@lru_cache(maxsize=1)
def _shipped() -> str:
    return f"{shipped_dir()}/"
