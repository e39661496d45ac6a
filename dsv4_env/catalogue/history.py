"""How what SGLang understands changed: since when, until when, what became of a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsv4_env.catalogue.entries import TREE, Variable
from dsv4_env.catalogue.releases import load, releases
from dsv4_env.catalogue.removed import is_other

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dsv4_env.catalogue.entries import Argument, Catalogue


@dataclass(frozen=True, slots=True)
class Renamed:
    """A variable's new name. *release* says so; *wins* and *transform* are as in Variable.

    *forwarded* says whether the catalogue asked about still takes the value over itself.
    """

    old: str
    new: str
    release: str
    wins: str | None = None
    transform: str | None = None
    forwarded: bool = True


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """One thing that changed between two releases.

    *section* is ``env`` or ``args``; *kind* is ``added``, ``removed``, ``renamed`` (*after* is
    the new name), ``default``, ``type``, ``choices`` or ``deprecated`` (*after*: what replaces
    it). *before* and *after* are spelled; None where there is none or it isn't known.
    """

    section: str
    kind: str
    name: str
    before: str | None = None
    after: str | None = None


def knows(catalogue: Catalogue, name: str) -> bool:
    """Whether the release does anything with the variable, or has the flag (its exact spelling)."""
    if name.startswith("-"):
        return name in catalogue.option_strings()
    variable = catalogue.variable(name)
    return variable is not None and variable.live


def first_release(name: str) -> str | None:
    """The oldest known release that knows the variable or flag."""
    return next((r for r in releases() if knows(load(r), name)), None)


def last_release(name: str) -> str | None:
    """The newest known release that knows the variable or flag."""
    return next((r for r in reversed(releases()) if knows(load(r), name)), None)


def older(release: str) -> tuple[str, ...]:
    """The known releases before *release*, which needn't be known itself."""
    if release in releases():
        return releases()[: releases().index(release)]
    from packaging.version import Version  # heavy, and only a release that isn't known needs it

    return tuple(r for r in releases() if Version(r) < Version(release))


def before(catalogue: Catalogue) -> tuple[str, ...]:
    """The known releases before a catalogue's; a tree stands behind the release nearest to it."""
    if catalogue.release == TREE:
        return releases()[: releases().index(catalogue.base) + 1]
    return older(catalogue.release)


def renamed(catalogue: Catalogue, old: str) -> Renamed | None:
    """The name that a variable has in this catalogue; None where it wasn't renamed.

    Where the catalogue says nothing itself, the newest known release that does counts
    (SGLang drops its own forwarding after a few releases), if the new name is known here.
    """
    here = catalogue.variable(old)
    if here is not None and here.live and here.renamed_to is None:
        return None
    sources = [catalogue, *(load(r) for r in reversed(releases()) if r != catalogue.release)]
    for source in sources:
        said = source.variable(old)
        if said is None or said.renamed_to is None:
            continue
        new = _today(catalogue, said.renamed_to, {old})
        if new is not None:
            forwarded, transform = source is catalogue, said.transform
            if not forwarded and transform is None and opposites(old, new):
                transform = "invert_bool"  # what the old name meant, whatever became of its value
            return Renamed(old, new, source.release, said.wins, transform, forwarded=forwarded)
    return None


def opposites(old: str, new: str) -> bool:
    """Whether one of two names turns off what the other turns on."""
    return ("_DISABLE_" in old) is not ("_DISABLE_" in new) and ("_ENABLE_" in old + new)


def _today(catalogue: Catalogue, name: str, seen: set[str]) -> str | None:
    """Follow a new name to the one that the catalogue reads."""
    variable = catalogue.variable(name)
    if variable is not None and variable.readings:
        return name
    if name in seen:
        return None
    further = renamed(catalogue, name) if variable is None or variable.renamed_to else None
    return further.new if further and further.new not in seen else None


def replaced_flag(catalogue: Catalogue, flag: str) -> str | None:
    """What SGLang says to use instead of a flag, by this release or the newest that says so."""
    for source in (catalogue, *(load(r) for r in reversed(releases()))):
        match = source.argument(flag)
        if match and match.argument and match.flag == flag and match.argument.replacement:
            return match.argument.replacement
    return None


def flag_in(catalogue: Catalogue, flag: str) -> str:
    """A flag as this release spells it, by what SGLang says replaces what.

    It is *flag* itself where the release knows it, and where no other spelling is known.
    """
    if knows(catalogue, flag):
        return flag
    new = replaced_flag(catalogue, flag)
    if new is not None and knows(catalogue, new) and not is_other(flag):
        return new
    for release in releases():
        for argument in load(release).arguments.values():
            if argument.replacement == flag and knows(catalogue, argument.flag):
                return flag if is_other(argument.flag) else argument.flag
    return flag


def default_of(catalogue: Catalogue, name: str) -> str:
    """The default of a variable or flag, for people: quoted, ``none``, or what computes it."""
    entry: Variable | Argument | None = catalogue.variable(name)
    if name.startswith("-"):
        match = catalogue.argument(name)
        entry = match.argument if match else None
    if entry is None or (isinstance(entry, Variable) and not entry.default_known):
        computed = entry.computed if entry is not None else None
        return f"computed ({computed})" if computed else "not the same everywhere"
    if entry.computed is not None:
        return f"computed ({entry.computed})"
    return "none" if entry.default is None else f'"{entry.default}"'


def changes(before: Catalogue, after: Catalogue) -> list[CatalogueChange]:
    """What changed from one release to another: variables by name, then arguments."""
    return [*_variables(before, after), *_arguments(before, after)]


def _variables(before: Catalogue, after: Catalogue) -> Iterator[CatalogueChange]:
    for name in sorted({*before.variables, *after.variables}):
        a, b = before.variables.get(name), after.variables.get(name)
        was, is_ = a is not None and a.live, b is not None and b.live
        if was and a is not None and a.renamed_to is None and (not is_ or (b and b.renamed_to)):
            new = renamed(after, name)
            if new is not None:
                yield CatalogueChange("env", "renamed", name, name, new.new)
                continue
        if was and not is_:
            new_name = a.renamed_to if a is not None else None
            yield CatalogueChange(
                "env", "removed", name, after=(b.replaced_by if b else None) or new_name
            )
        elif is_ and not was:
            yield CatalogueChange("env", "added", name)
        elif was and is_ and a is not None and b is not None:
            if a.kind != b.kind:
                yield CatalogueChange("env", "type", name, a.kind, b.kind)
            if (a.default, a.computed) != (b.default, b.computed):
                yield CatalogueChange("env", "default", name, a.default, b.default)
            if b.deprecated and not a.deprecated:
                yield CatalogueChange(
                    "env", "deprecated", name, after=b.replaced_by or b.renamed_to
                )


_FACTS: tuple[tuple[str, Callable[..., str | None]], ...] = (
    ("type", lambda a: f"{a.type or a.action}{f' x {a.nargs}' if a.nargs else ''}"),
    ("default", lambda a: a.default),
    ("choices", lambda a: None if a.choices is None else ", ".join(sorted(a.choices))),
)


def _arguments(before: Catalogue, after: Catalogue) -> Iterator[CatalogueChange]:
    old, new = before.option_strings(), after.option_strings()
    for option in sorted({*old, *new}):
        if option not in new:
            yield CatalogueChange("args", "removed", option, after=replaced_flag(after, option))
        elif option not in old:
            yield CatalogueChange("args", "added", option)
        elif old[option] and option == new[option]:
            a, b = before.arguments[old[option]], after.arguments[new[option]]
            for kind, fact in _FACTS:
                if fact(a) != fact(b):
                    yield CatalogueChange("args", kind, option, fact(a), fact(b))
            if b.deprecated and not a.deprecated:
                yield CatalogueChange("args", "deprecated", option, after=b.replacement)
