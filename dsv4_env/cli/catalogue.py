"""``catalogue``."""

from __future__ import annotations

import json
from typing import Any

import click

from dsv4_env.catalogue import SGLANG, TREE, describe, history, load, owner, releases
from dsv4_env.catalogue.describe import history_lines, over_releases, title
from dsv4_env.catalogue.history import changes, default_of
from dsv4_env.catalogue.store import RELEASED
from dsv4_env.cli import comparing
from dsv4_env.cli.comparing import FLAGS, load_release
from dsv4_env.cli.lazy import LazyGroup
from dsv4_env.cli.output import table, tell, write
from dsv4_env.model.errors import ReadError, did_you_mean
from dsv4_env.model.style import plain

_SIGNS = {"added": "+", "removed": "-", "renamed": "↦"}


@click.group(cls=LazyGroup, modules={"build": "dsv4_env.cli.build"})
def catalogue() -> None:
    """What SGLang itself understands, release by release.

    \b
    Examples:
      dsv4-env catalogue show SGLANG_USE_AITER
      dsv4-env catalogue diff 0.5.13 0.5.23
    """


@catalogue.command("releases")
def releases_() -> None:
    """List the releases that are known, their days, what each understands, what isn't resolved.

    `dsv4-env catalogue unresolved RELEASE` says what that is.

    \b
    Examples:
      dsv4-env catalogue releases
    """
    rows = [("release", "date", "variables", "arguments", "unresolved")]
    for release, day in RELEASED.items():
        found = load(release)
        live = sum(v.live for v in found.variables.values())
        unclear = str(len(found.unresolved))
        rows.append((release, str(day), str(live), str(len(found.arguments)), unclear))
    write(table(rows))


@catalogue.command()
@click.argument("release", required=False, shell_complete=comparing.offered_releases)
def unresolved(release: str | None) -> None:
    """List what couldn't be told from a release's source without running it.

    That is: variables whose names it computes, choices that hang on a condition, values that
    change more than themselves. What is told of all else is comparing.

    \b
    Examples:
      dsv4-env catalogue unresolved 0.5.23
    """
    found = load_release(release or releases()[-1]).unresolved
    write("".join(f"{what}\n" for what in found))


@catalogue.command(cls=comparing.Named, context_settings=FLAGS)
@click.argument("name", shell_complete=comparing.offered_variables)
@click.option(
    "--sglang",
    metavar="RELEASE|tree",
    shell_complete=comparing.offered_releases,
    help="Only this release, in full; tree: the SGLang of the checkout around the current folder.",
)
def show(name: str, sglang: str | None) -> None:
    """Show a variable or a flag over the releases: type, default, what became of it.

    \b
    Examples:
      dsv4-env catalogue show SGLANG_HACK_FLASHMLA_BACKEND
      dsv4-env catalogue show --tp-size --sglang 0.5.23
    """
    bare, equals, _ = name.partition("=")
    if equals:
        raise ReadError("a value stands behind the name", expected=f"the name alone: {bare}")
    wanted = [load_release(sglang)] if sglang else [load(r) for r in releases()]
    facts = over_releases(name, wanted, whole=bool(sglang))
    if not any(f for _, f in facts):
        where = wanted[0].name if sglang else "no known release of SGLang"
        whose = owner(name)
        if whose not in (None, SGLANG):
            does = "doesn't read it" if sglang else "reads it"
            write(f"{name}: a variable of {whose}, by its name; {where} {does}\n")
            return
        knows = "doesn't know" if sglang else "knows"
        known = {n for c in wanted for n in (*c.variables, *c.option_strings())}
        raise ReadError(
            f"{where} {knows} {name}",
            expected="a variable or a flag",
            hint=did_you_mean(name, known),
        )
    lines = [f"{name}: {title(name, wanted)}", *history_lines(facts)]
    said = history.renamed(wanted[-1], name)
    if said is not None and not said.forwarded:
        where = wanted[-1].name if said.release == TREE else f"SGLang {said.release}"
        lines += ["", f"{said.new} took its place, {where} says."]
    write("".join(f"{plain(line)}\n" for line in lines))


@catalogue.command("diff")
@click.argument("before", metavar="A", shell_complete=comparing.offered_releases)
@click.argument("after", metavar="B", shell_complete=comparing.offered_releases)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def diff_(before: str, after: str, as_json: bool) -> None:
    """Show what changed from release A to release B; in a checkout of SGLang `tree` is its own.

    \b
    Examples:
      dsv4-env catalogue diff 0.5.13 0.5.23
      dsv4-env catalogue diff 0.5.23 tree
    """
    old, new = load_release(before), load_release(after)
    found = changes(old, new)
    if as_json:
        data: list[dict[str, Any]] = [
            {"section": c.section, "kind": c.kind, "name": c.name}
            | {"before": c.before, "after": c.after}
            for c in found
        ]
        write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        return
    lines: list[str] = []
    for c in found:
        sign = _SIGNS.get(c.kind, "~")
        if c.kind == "added":
            text = ""
        elif c.kind == "renamed":
            text = f"→ {c.after}"
        elif c.kind in ("removed", "deprecated"):
            text = ("deprecated" if c.kind == "deprecated" else "") + (
                f"; use {c.after}" if c.after else ""
            )
        elif c.kind == "default":
            was, is_ = default_of(old, c.name), default_of(new, c.name)
            if was == is_:
                continue
            text = f"default: {was} → {is_}"
        else:
            text = f"{c.kind}: {c.before or 'any'} → {c.after or 'any'}"
        lines.append(f"{sign} {c.name}  {text.removeprefix('; ')}".rstrip())
    write("".join(f"{plain(line)}\n" for line in lines))


@catalogue.command(context_settings=FLAGS)
@click.argument("word")
@click.option(
    "--sglang",
    metavar="RELEASE|tree",
    shell_complete=comparing.offered_releases,
    help="Only what this release knows, or the checkout of SGLang around the current folder.",
)
def search(word: str, sglang: str | None) -> int:
    """List the variables and flags with WORD in their names, and the releases that know them.

    \b
    Examples:
      dsv4-env catalogue search dsv4
      dsv4-env catalogue search thinking --sglang 0.5.13
    """
    wanted = [load_release(sglang)] if sglang else [load(r) for r in releases()]
    seek = word.casefold().lstrip("-").replace("-", "_")
    found: dict[str, list[str]] = {}
    for c in wanted:
        for name in (*c.variables, *c.option_strings()):
            if seek in name.casefold().replace("-", "_") and history.knows(c, name):
                found.setdefault(name, []).append(c.release)
    if not found:
        tell(f"nothing has {word!r} in its name")
        return 1
    write(table([(plain(name), describe.span(found[name])) for name in sorted(found)]))
    return 0


COMMANDS = (catalogue,)
