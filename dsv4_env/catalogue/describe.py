"""What a release makes of a name, in words: rows of a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.catalogue import history
from dsv4_env.catalogue.entries import TREE
from dsv4_env.catalogue.owners import owner
from dsv4_env.catalogue.releases import releases
from dsv4_env.catalogue.resolution import own_settings

if TYPE_CHECKING:
    from dsv4_env.catalogue import Argument, Catalogue, Variable


Rows: TypeAlias = list[tuple[str, str]]


def facts(catalogue: Catalogue, name: str, *, whole: bool = False) -> Rows:
    """What a release makes of the name, as rows; none where it doesn't know it."""
    if name.startswith("-"):
        match = catalogue.argument(name)
        if match is not None and match.candidates:
            return [("ambiguous", ", ".join(match.candidates))]
        if match is None or match.argument is None:
            return []
        rows = _argument(match.argument, history.default_of(catalogue, match.argument.flag))
        own = own_settings(catalogue.release, match.argument.dest)
        rows += [("set by SGLang", text) for text in own]
        return [("short for", match.flag), *rows] if match.abbreviated else rows
    variable = catalogue.variable(name)
    if variable is None:
        return []
    rows = _variable(variable, history.default_of(catalogue, name), whole=whole)
    return [*rows, *(("set by SGLang", text) for text in own_settings(catalogue.release, name))]


def _variable(v: Variable, default: str, *, whole: bool) -> Rows:
    rows = [("type", v.kind)] if v.readings else []
    if v.readings:
        rows.append(("default", default))
        rows.append(("declared", "yes" if v.in_envs else "no"))
    if v.in_envs and not v.mentioned:
        rows.append(("read", "nowhere"))
    if not v.live:
        rows.append(("read", "no more" if v.ignored else "by others"))
    how = {"invert_bool": ", inverted", "ms_to_s": ", in seconds", "computed": ", changed"}
    if v.renamed_to:
        wins = f"; where both are set, the {v.wins} one wins" if v.wins else ""
        rows.append(("renamed to", v.renamed_to + how.get(v.transform or "", "") + wins))
    if v.replaced_by:
        rows.append(("replaced by", v.replaced_by))
    if v.deprecated:
        rows.append(("deprecated", "yes"))
    if v.aliases:
        rows.append(("old names", ", ".join(v.aliases)))
    files = v.read_in
    if files and whole:
        rows += [("read in", f) for f in files]
        rows += [("set in", s.file) for s in v.set_by]
    elif files:
        rows.append(("read in", f"{len(files)} files" if len(files) > 3 else ", ".join(files)))
    return rows


def _argument(a: Argument, default: str) -> Rows:
    rows = [("type", a.type or a.action)]
    if a.nargs is not None and a.nargs != "0":
        rows.append(("values", a.nargs))
    rows.append(("default", default))
    if a.choices is not None:
        rows.append(("choices", ", ".join(a.choices)))
    rows += [("old value", f"{old} → {new}") for old, new in a.value_aliases]
    if len(a.flags) > 1:
        rows.append(("spellings", ", ".join(a.flags)))
    if a.deprecated or a.refused:
        rows.append(("deprecated", "refused" if a.refused else "yes"))
    if a.replacement:
        rows.append(("replaced by", a.replacement))
    return rows


def span(found: list[str]) -> str:
    """``A to B`` for releases that follow each other, with commas between where some lack."""
    order = releases()
    runs: list[list[str]] = []
    for release in found:
        follows = runs and {release, runs[-1][-1]} <= set(order)  # a tree follows none
        if follows and order.index(release) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(release)
        else:
            runs.append([release])
    return ", ".join(r[0] if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in runs)


def titled(found: list[str]) -> str:
    """The same with SGLang's name, or that of a tree's own."""
    return "The tree's own SGLang" if found == [TREE] else f"SGLang {span(found)}"


def over_releases(
    name: str, wanted: list[Catalogue], *, whole: bool = False
) -> list[tuple[list[str], Rows]]:
    """What releases make of a variable or flag; those that follow each other and agree as one."""
    groups: list[tuple[list[str], Rows]] = []
    for catalogue in wanted:
        found = facts(catalogue, name, whole=whole)
        if groups and groups[-1][1] == found:
            groups[-1][0].append(catalogue.release)
        else:
            groups.append(([catalogue.release], found))
    return groups


def history_lines(groups: list[tuple[list[str], Rows]]) -> list[str]:
    """What releases make of a name, as lines, a blank one before each group."""
    lines: list[str] = []
    for spanned, found in groups:
        lines += ["", titled(spanned)]
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
