"""What releases of SGLang make of a name, for people."""

from __future__ import annotations

from typing import TypeAlias

from dsv4_env.catalogue import Catalogue, describe, owner

Rows: TypeAlias = list[tuple[str, str]]

FLAGS = {"ignore_unknown_options": True}  # an operand may be a flag of the server


def over_releases(
    name: str, wanted: list[Catalogue], *, whole: bool = False
) -> list[tuple[list[str], Rows]]:
    """What releases make of a variable or flag; those that follow each other and agree as one."""
    groups: list[tuple[list[str], Rows]] = []
    for catalogue in wanted:
        found = describe.facts(catalogue, name, whole=whole)
        if groups and groups[-1][1] == found:
            groups[-1][0].append(catalogue.release)
        else:
            groups.append(([catalogue.release], found))
    return groups


def history_lines(groups: list[tuple[list[str], Rows]]) -> list[str]:
    """What releases make of a name, as lines, a blank one before each group."""
    lines: list[str] = []
    for spanned, found in groups:
        lines += ["", f"SGLang {describe.span(spanned)}"]
        width = max((len(k) for k, _ in found), default=0)
        lines += [f"  {k:{width}}  {v}" for k, v in found] or ["  doesn't know it"]
    return lines


def title(name: str, wanted: list[Catalogue]) -> str:
    """What kind of name it is, and whose."""
    if name.startswith("-"):
        return "a server argument"
    return f"a variable of {owner(name) or 'somebody else'}" + (
        "" if any(name in c.variables for c in wanted) else ", by its old name"
    )
