"""``catalogue``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from dsv4_env.cli import complete
from dsv4_env.cli.common import table, tell, write
from dsv4_env.model.errors import ReadError, did_you_mean

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

Rows: TypeAlias = list[tuple[str, str]]

FLAGS = {"ignore_unknown_options": True}  # an operand may be a flag of the server
_SIGNS = {"added": "+", "removed": "-", "renamed": "↦"}


def load_release(release: str) -> Catalogue:
    """The catalogue of a release, or of the newest for a newer one, which is told."""
    from dsv4_env.catalogue import load, nearest

    known, note = nearest(release)
    if note:
        tell(f"dsv4-env: note: {note}")
    return load(known)


@click.group()
def catalogue() -> None:
    """What SGLang itself understands, release by release.

    \b
    Examples:
      dsv4-env catalogue show SGLANG_USE_AITER
      dsv4-env catalogue diff 0.5.13 0.5.23
    """


@catalogue.command("releases")
def releases_() -> None:
    """List the releases that are known, how much each understands, and how much isn't resolved.

    `dsv4-env catalogue unresolved RELEASE` says what that is.

    \b
    Examples:
      dsv4-env catalogue releases
    """
    from dsv4_env.catalogue import load, releases

    rows = [("release", "variables", "arguments", "unresolved")]
    for release in releases():
        found = load(release)
        live = sum(v.live for v in found.variables.values())
        unclear = str(len(found.unresolved))
        rows.append((release, str(live), str(len(found.arguments)), unclear))
    write(table(rows))


@catalogue.command()
@click.argument("release", required=False, shell_complete=complete.releases)
def unresolved(release: str | None) -> None:
    """List what couldn't be told from a release's source without running it.

    That is: variables whose names it computes, choices that hang on a condition, values that
    change more than themselves. What is told of all else is complete.

    \b
    Examples:
      dsv4-env catalogue unresolved 0.5.23
    """
    from dsv4_env.catalogue import releases

    found = load_release(release or releases()[-1]).unresolved
    write("".join(f"{what}\n" for what in found))


@catalogue.command(cls=complete.Named, context_settings=FLAGS)
@click.argument("name", shell_complete=complete.variables)
@click.option(
    "--sglang",
    metavar="RELEASE",
    shell_complete=complete.releases,
    help="Only this release, in full.",
)
def show(name: str, sglang: str | None) -> None:
    """Show a variable or a flag over the releases: type, default, what became of it.

    \b
    Examples:
      dsv4-env catalogue show SGLANG_HACK_FLASHMLA_BACKEND
      dsv4-env catalogue show --tp-size --sglang 0.5.23
    """
    from dsv4_env.catalogue import SGLANG, history, load, owner, releases

    bare, equals, _ = name.partition("=")
    if equals:
        raise ReadError("a value stands behind the name", expected=f"the name alone: {bare}")
    wanted = [load_release(sglang)] if sglang else [load(r) for r in releases()]
    facts = over_releases(name, wanted, whole=bool(sglang))
    if not any(f for _, f in facts):
        where = f"SGLang {wanted[0].release}" if sglang else "no known release of SGLang"
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
        lines += ["", f"{said.new} took its place, SGLang {said.release} says."]
    write("".join(f"{line}\n" for line in lines))


def over_releases(
    name: str, wanted: list[Catalogue], *, whole: bool = False
) -> list[tuple[list[str], Rows]]:
    """What releases make of a variable or flag; those that follow each other and agree as one."""
    from dsv4_env.catalogue import describe

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
    from dsv4_env.catalogue import describe

    lines: list[str] = []
    for spanned, found in groups:
        lines += ["", f"SGLang {describe.span(spanned)}"]
        width = max((len(k) for k, _ in found), default=0)
        lines += [f"  {k:{width}}  {v}" for k, v in found] or ["  doesn't know it"]
    return lines


def title(name: str, wanted: list[Catalogue]) -> str:
    """What kind of name it is, and whose."""
    from dsv4_env.catalogue import owner

    if name.startswith("-"):
        return "a server argument"
    return f"a variable of {owner(name) or 'somebody else'}" + (
        "" if any(name in c.variables for c in wanted) else ", by its old name"
    )


@catalogue.command("diff")
@click.argument("before", metavar="A", shell_complete=complete.releases)
@click.argument("after", metavar="B", shell_complete=complete.releases)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def diff_(before: str, after: str, as_json: bool) -> None:
    """Show what changed from release A to release B.

    \b
    Examples:
      dsv4-env catalogue diff 0.5.13 0.5.23
    """
    from dsv4_env.catalogue.history import changes, default_of

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
    write("".join(f"{line}\n" for line in lines))


@catalogue.command(context_settings=FLAGS)
@click.argument("word")
@click.option(
    "--sglang",
    metavar="RELEASE",
    shell_complete=complete.releases,
    help="Only what this release knows.",
)
def search(word: str, sglang: str | None) -> int:
    """List the variables and flags with WORD in their names, and the releases that know them.

    \b
    Examples:
      dsv4-env catalogue search dsv4
      dsv4-env catalogue search thinking --sglang 0.5.13
    """
    from dsv4_env.catalogue import describe, history, load, releases

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
    write(table([(name, describe.span(found[name])) for name in sorted(found)]))
    return 0


@catalogue.command()
@click.option("--sglang", required=True, metavar="RELEASE", help="The release to read.")
@click.option(
    "--from",
    "where",
    metavar="WHEEL|DIR|installed",
    type=click.Path(path_type=Path),
    help="A wheel, a checkout, or the SGLang that is installed beside dsv4-env. Default: the "
    "wheel that pip downloads.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file (in one step) instead of standard output.",
)
def build(sglang: str, where: Path | None, output: Path | None) -> None:
    """Read a release's own source and write its snapshot, as it ships with dsv4-env.

    SGLang is read as text, and never imported or run.

    \b
    Examples:
      dsv4-env catalogue build --sglang 0.5.13
      dsv4-env catalogue build --sglang 0.5.23 --from ../sglang -o 0.5.23.txt
    """
    from dsv4_env.catalogue import extract
    from dsv4_env.catalogue.releases import closest

    wanted = sglang.removeprefix("v")
    with tempfile.TemporaryDirectory() as folder:
        source: Path | None = where if where is not None else _download(wanted, Path(folder))
        if source == Path("installed") and not source.exists():
            source = None
        try:
            release, text = extract.build(source, release=wanted)
        except ReadError as error:
            error.hint = f"the shipped catalogue of {closest(wanted)}"
            raise
    if release != wanted:
        raise ReadError(
            f"this is SGLang {release}", where=where, expected=f"SGLang {wanted}", hint=release
        )
    write(text, output, hands_on=True)


def _download(release: str, folder: Path) -> Path:
    """The wheel of a release, fetched by pip; nothing of it is run."""
    from dsv4_env.catalogue.releases import closest

    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*([-_.a-z0-9]*)?(\+[a-z0-9.]+)?", release):
        raise ReadError(
            f"{release!r} is no release", where="--sglang", expected="one such as 0.5.23"
        )
    words = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    words += ["--disable-pip-version-check", "--dest", str(folder), f"sglang=={release}"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", *words],  # a pip.py of the current folder isn't pip
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    wheels = sorted(folder.glob("sglang-*.whl"))
    if done.returncode != 0 or not wheels:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
        reason = next((x for x in reversed(said) if x.startswith("ERROR")), said[-1])
        raise ReadError(
            f"it can't be downloaded: {reason.removeprefix('ERROR: ')}",
            where=f"pip download sglang=={release}",
            expected="a release of SGLang, or --from WHEEL|DIR",
            hint=f"the shipped catalogue of {closest(release)}",
        )
    return wheels[0]


COMMANDS = (catalogue,)
