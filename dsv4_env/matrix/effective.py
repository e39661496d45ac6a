"""What SGLang makes of each column's settings, on each target that the page offers.

All of it is what ``plan`` says; the page shows where that is something else than what is spelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.effects import in_image, platform_of
from dsv4_env.matrix.cells import Column, Matrix, owner_of, section_of
from dsv4_env.matrix.details import ours
from dsv4_env.model import Unknown
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import count
from dsv4_env.plan.evaluate import shown_at
from dsv4_env.plan.formats import SIGNS, is_told
from dsv4_env.plan.planning import Effect, Plan, PlannedSetting, plan
from dsv4_env.plan.platforms import PLATFORMS, Platform

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

MAX_TARGETS = 16
"""Targets on one page: each is one more plan of every column."""

_NAMED = 1  # columns whose names are told
_MADE: tuple[Effect, ...] = ("overwritten", "no-effect", "set", "unknown")  # in this order


@dataclass(frozen=True, slots=True)
class PageTarget:
    """A release and hardware that the page offers; None: that of each column itself."""

    catalogue: Catalogue | None = None
    platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class MadeSetting:
    """What SGLang makes of one setting: *shown* is that in short, *effective* None if not known."""

    name: str
    given: str | None
    effective: str | None
    effect: Effect
    at: str
    why: str

    @property
    def shown(self) -> str:
        """It as a cell has room for it."""
        if self.effect == "no-effect":
            return "no effect"
        if self.effective is None:
            return "when it starts"
        return self.effective or '""'


@dataclass(slots=True)
class TargetEffects:
    """A target's *title*, and per column what is made of its settings, by the row's key.

    *refused* maps what SGLang stops with to the columns it is of, *silent* why nothing is known of
    a column to those columns.
    """

    title: str
    made: list[dict[tuple[str, str], MadeSetting]] = field(default_factory=list)
    refused: dict[str, list[int]] = field(default_factory=dict)
    silent: dict[str, list[int]] = field(default_factory=dict)

    def stops(self) -> dict[int, str]:
        """What SGLang stops with, by the column that it is of."""
        return {n: text for text, where in reversed(self.refused.items()) for n in where}

    def said(self) -> str:
        """How many columns don't start on the target, as a sentence; empty where all do."""
        stopped, every = len(self.stops()), len(self.made)
        if not stopped:
            return ""
        verb = "doesn't" if stopped == 1 else "don't"
        return f"{stopped:,} of {count(every, 'column')} {verb} start ({self.title})."

    def rows(self) -> list[tuple[MadeSetting, list[int]]]:
        """Each thing that is made of a setting, with the columns in which it is."""
        found: dict[MadeSetting, list[int]] = {}
        for number, column in enumerate(self.made):
            for setting in column.values():
                found.setdefault(setting, []).append(number)
        order = sorted(
            found, key=lambda s: (_MADE.index(s.effect), section_of(s.name) == "args", s.name)
        )
        return [(s, found[s]) for s in order]


def project_targets(matrix: Matrix) -> list[PageTarget]:
    """The targets that a matrix is of: each column's own, then, where they differ, each of them.

    None where it isn't known what SGLang makes of any of its launches.
    """
    found = dict.fromkeys(
        (_key(matrix.read_as(c)), on.name)
        for c in matrix.columns
        if (on := platform_of(c.profile.hardware)) and steps_of(matrix.read_as(c)) is not None
    )
    catalogues = {_key(matrix.read_as(c)): matrix.read_as(c) for c in matrix.columns}
    each = [PageTarget(catalogues[release], PLATFORMS[on]) for release, on in found]
    own = [PageTarget()] if len(each) > 1 else []
    return [*own, *each]


def without_target(matrix: Matrix, offered: Sequence[PageTarget]) -> list[str]:
    """What is to be said of targets that a page doesn't offer."""
    if not offered and matrix.columns:
        catalogues = [matrix.read_as(c) for c in matrix.columns]
        lost = dict.fromkeys(c.name for c in catalogues if steps_of(c) is None)
        if lost:
            return [f"what {' and '.join(lost)} makes of launches isn't known, and isn't shown"]
        return [
            "what SGLang makes of the launches isn't shown: no profile names its hardware "
            "(--target RELEASE@HARDWARE)"
        ]
    if (more := len(offered) - MAX_TARGETS) > 0:
        return [f"{count(more, 'target')} of the profiles can't be switched to (--target chooses)"]
    return []


def effects(matrix: Matrix, targets: Sequence[PageTarget]) -> list[TargetEffects]:
    """What SGLang makes of each column on each target."""
    known: dict[tuple[int, str, str], Plan] = {}
    return [_effects(matrix, target, known) for target in targets]


def _effects(
    matrix: Matrix, target: PageTarget, known: dict[tuple[int, str, str], Plan]
) -> TargetEffects:
    found = TargetEffects(_title(matrix, target))
    for number, column in enumerate(matrix.columns):
        catalogue = target.catalogue or matrix.read_as(column)
        on = target.platform or platform_of(column.profile.hardware)
        why = _silent(column, catalogue, on)
        found.made.append({})
        if why or on is None:
            found.silent.setdefault(why, []).append(number)
            continue
        key = (number, _key(catalogue), on.name)
        if key not in known:  # a column's own target is often one of the others, too
            launch = in_image(column.config, column.profile.config)
            model = column.profile.default_model_path
            known[key] = plan(launch, catalogue, on, model=model, redundant=False)
        for refusal in known[key].refused:
            text = f"{scrubbed(refusal.message)} ({shown_at(refusal.at)})"
            found.refused.setdefault(text, []).append(number)
        found.made[-1].update(_made(known[key], number, matrix))
    return found


def _silent(column: Column, catalogue: Catalogue, on: Platform | None) -> str:
    """Why nothing is known of a column; empty where something is."""
    if column.config.args is None:
        return "an environment alone: only with a server's arguments can it be told"
    if column.config.served is not None:
        return "a server's own word: what became of its arguments, not which were given"
    if steps_of(catalogue) is None:
        return f"what {catalogue.name} makes of a launch isn't known"
    return "" if on else f"{column.profile.name} names no hardware: choose one with --target"


def _made(planned: Plan, number: int, matrix: Matrix) -> dict[tuple[str, str], MadeSetting]:
    """What is made of the settings of a column: of what isn't known itself, nothing is said."""
    names = matrix.names
    unknown = {
        (row.section, row.key)
        for row in matrix.rows
        if (cell := row.cells[number])
        and any(m.condition or any(isinstance(w, Unknown) for w in m.words) for m in cell.made)
    }
    found = {names.key(s.name): s for s in planned.settings if s.effect in _MADE and is_told(s)}
    return {
        key: _setting(s) for key, s in found.items() if s.effect != "unknown" or key not in unknown
    }


def _setting(setting: PlannedSetting) -> MadeSetting:
    given, after = setting.given, setting.effective
    return MadeSetting(
        setting.name,
        None if given is None else scrubbed(setting.shown_given(mark="")) or "set",
        None if after is None else scrubbed(after),
        setting.effect,
        setting.at or "",
        scrubbed(setting.why),
    )


def _title(matrix: Matrix, target: PageTarget) -> str:
    names = {target.catalogue.name} if target.catalogue else set()
    names = names or {matrix.read_as(c).name for c in matrix.columns}
    on = target.platform.name if target.platform else ""
    if len(names) > 1:
        return f"each its own SGLang, on {on}" if on else "each its own SGLang and hardware"
    return f"{names.pop()} on {on}" if on else f"{names.pop()}, each on its own hardware"


def _key(catalogue: Catalogue) -> str:
    return f"{catalogue.release} {catalogue.root}"


# As the page shows it


def further(matrix: Matrix, found: Iterable[TargetEffects]) -> list[tuple[tuple[str, str], str]]:
    """The rows of settings that nobody gives and SGLang sets, as (key, name)."""
    there = {(r.section, r.key) for r in matrix.rows}
    names: dict[tuple[str, str], str] = {}
    for target in found:
        for column in target.made:
            for key, setting in column.items():
                if key not in there:
                    names.setdefault(key, setting.name)
    return sorted(names.items(), key=lambda item: (item[0][0] == "args", item[1]))


def table(target: TargetEffects, matrix: Matrix, keys: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A target as a table of its own: what is made of what, why, and in which columns.

    *keys* are those of the matrix's rows, to which its own lead.
    """
    numbers = {key: number for number, key in enumerate(keys)}
    names = matrix.names
    return {
        "title": target.title,
        "refused": [(text, _columns(where, matrix)) for text, where in target.refused.items()],
        "silent": [(text, _columns(where, matrix)) for text, where in target.silent.items()],
        "rows": [
            {
                "name": setting.name,
                "number": numbers[names.key(setting.name)],
                "section": section_of(setting.name),
                "owner": owner_of(setting.name),
                "sign": SIGNS[setting.effect].strip(),
                "effect": setting.effect,
                "given": setting.given,
                "shown": setting.shown,
                "why": setting.why,
                "at": setting.at,
                "columns": _columns(where, matrix),
            }
            for setting, where in target.rows()
        ],
    }


def _columns(where: Sequence[int], matrix: Matrix) -> str:
    """Columns by their names, where they are few."""
    if len(where) == len(matrix.columns) and len(where) > _NAMED:
        return "everywhere"
    names = dict.fromkeys(ours(matrix.report.path(matrix.columns[n].title)) for n in where)
    return (
        ", ".join(names)
        if len(names) <= _NAMED
        else f"{len(where)} of {len(matrix.columns)} columns"
    )


def told(found: Sequence[TargetEffects], keys: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What the script needs to switch: per target a list of cells, and each text but once.

    A cell is ``[row, column, text]``, its text the place in *texts* of
    ``[shown, effect, effective value or None, why, at]``.
    """
    numbers = {key: number for number, key in enumerate(keys)}
    texts: dict[tuple[str, str, str | None, str, str], int] = {}
    targets = [
        {
            "title": t.title,
            "cells": [list(c) for c in _cells(t, numbers, texts)],
            "stops": t.stops(),
            "said": t.said(),
        }
        for t in found
    ]
    return {"targets": targets, "texts": [list(t) for t in texts]}


def _cells(
    target: TargetEffects,
    numbers: dict[tuple[str, str], int],
    texts: dict[tuple[str, str, str | None, str, str], int],
) -> Iterator[tuple[int, int, int]]:
    for number, column in enumerate(target.made):
        for key, s in column.items():
            text = (s.shown, s.effect, s.effective, s.why, s.at)
            yield numbers[key], number, texts.setdefault(text, len(texts))
