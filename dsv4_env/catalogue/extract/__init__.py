"""Take the catalogue out of SGLang's own source, by syntax alone."""

from __future__ import annotations

import gc
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue.entries import LITERAL, Catalogue, OwnSetting, Variable, VariableReading
from dsv4_env.catalogue.extract.args import arguments
from dsv4_env.catalogue.extract.effects.resolve import resolution_steps
from dsv4_env.catalogue.extract.env import Declared, declared
from dsv4_env.catalogue.extract.evaluate import Evaluator
from dsv4_env.catalogue.extract.reads import Reads, reads
from dsv4_env.catalogue.extract.source import (
    CHECKOUT as CHECKOUT,
    PackageSource,
    newest_file,
    open_package,
)
from dsv4_env.catalogue.releases import closest, nearest
from dsv4_env.catalogue.resolution import encode_steps
from dsv4_env.catalogue.store import (
    RELEASED,
    RELEASES,
    SnapshotLines,
    encode_snapshot,
    shipped,
    to_lines,
)
from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path


def extract(where: str | Path | None = None) -> Catalogue:
    """The catalogue of SGLang at *where*: a wheel, a checkout, or None for what is installed.

    Reads Python with ``ast`` and never imports or runs it. Raises ReadError where it isn't
    SGLang.
    """
    try:
        return _extract(open_package(where))
    except ReadError as error:
        error.hint = error.hint or f"the shipped catalogue of {closest(str(where or ''))}"
        raise


def _extract(source: PackageSource) -> Catalogue:
    evaluator = Evaluator(source)
    collecting = gc.isenabled()
    gc.disable()  # syntax trees have no cycles, and looking for them doubles the time
    try:
        said = declared(source, evaluator)
        used = reads(source, evaluator)
        found = arguments(evaluator)
    finally:
        if collecting:
            gc.enable()
    variables = _merge(said, used)
    return Catalogue(
        source.release,
        {name: variables[name] for name in sorted(variables)},
        {a.flag: a for a in sorted(found.arguments, key=lambda a: a.flag)},
        tuple(sorted({*said.unresolved, *used.unresolved, *found.unresolved})),
        tuple(dict.fromkeys(said.prefixes)),
        source.label,
    )


def _order(fact: VariableReading | OwnSetting) -> list[tuple[bool, str]]:
    """A total order, so that a snapshot doesn't depend on the hash seed."""
    values = (getattr(fact, f.name) for f in fields(fact))
    return [(v is not None, str(v)) for v in values]


def _merge(said: Declared, used: Reads) -> dict[str, Variable]:
    variables = dict(said.variables)
    for name, ways in used.readings.items():
        if name in variables and all(r.via == LITERAL for r in ways):
            continue
        variable = variables.get(name) or Variable(name)
        readings = [replace(r, files=tuple(sorted(files))) for r, files in ways.items()]
        readings.sort(key=_order)
        variables[name] = replace(variable, readings=(*variable.readings, *readings))
    for name, settings in used.settings.items():
        variable = variables.get(name) or Variable(name)
        variables[name] = replace(variable, set_by=tuple(sorted(settings, key=_order)))
    for name, variable in variables.items():
        if variable.in_envs and name.startswith("SGL") and name not in used.mentioned:
            variables[name] = replace(variable, mentioned=False)
    return variables


def build_snapshot(
    where: str | Path | None = None, *, release: str | None = None
) -> tuple[str, str]:
    """(release, text): the snapshot of SGLang at *where*, as it ships under ``data/``.

    It states what differs from the shipped release before it. *release* is that of a checkout
    that doesn't say its own. Raises ReadError where it isn't SGLang or where its release stands
    before the shipped ones.
    """
    catalogue = extract(where)
    if catalogue.release == CHECKOUT and release is not None:
        catalogue = replace(catalogue, release=release)
    known = nearest(catalogue.release)[0]
    index = RELEASES.index(known) - (known == catalogue.release)
    before = shipped(RELEASES[index]) if index >= 0 else {}
    return catalogue.release, encode_snapshot(to_lines(catalogue), before)


def build_resolution(
    where: str | Path | None = None, *, release: str | None = None
) -> tuple[str, str]:
    """(release, text): the steps of SGLang's resolution of arguments, as they ship.

    *release* is that of a checkout that doesn't say its own. Raises ReadError where *where* isn't
    SGLang, or its resolution isn't laid out as it's known to be.
    """
    package = open_package(where)
    steps = resolution_steps(package)
    if not steps:
        raise ReadError(
            "its resolution of arguments isn't found",
            where=where,
            expected="run_resolution_pipeline, or ServerArgs.__post_init__",
        )
    found = release if package.release == CHECKOUT and release is not None else package.release
    return found, encode_steps(steps)


def build_snapshots(wheels: Mapping[str, Path]) -> tuple[dict[str, str], dict[str, date]]:
    """The snapshots of wheels by their releases, oldest first, and the days they came out.

    The first is whole, each further one states what differs from the one before it. A release
    that ships keeps its day; that of a new one is the day of the newest file in its wheel, which
    is that of the upload or the one before. Raises ReadError where a wheel isn't SGLang's of that
    release.
    """
    texts: dict[str, str] = {}
    dates: dict[str, date] = {}
    before: SnapshotLines = {}
    for release, wheel in wheels.items():
        catalogue = extract(wheel)
        if catalogue.release != release:
            raise ReadError(
                f"this is SGLang {catalogue.release}", where=wheel, expected=f"SGLang {release}"
            )
        lines = to_lines(catalogue)
        texts[release] = encode_snapshot(lines, before)
        dates[release] = RELEASED.get(release) or newest_file(wheel)
        before = lines
    return texts, dates
