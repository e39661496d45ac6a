"""``lint`` and ``rule``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsv4_env.cli import complete
from dsv4_env.cli.common import (
    Inputs,
    catalogue_for,
    color_option,
    exit_zero_option,
    input_options,
    profile_folder,
    profiles_option,
    settings,
    sglang_option,
    tell,
    use_color,
    write,
)
from dsv4_env.cli.operands import file_launches, named_profile, split
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.style import plain
from dsv4_env.readers import KINDS, detect, file_bytes
from dsv4_env.reporters import REPORTERS

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.model import LaunchConfig
    from dsv4_env.model.finding import Comparison, Finding, Report, Rule
    from dsv4_env.profile import Profile

_FORMATS = [name for name in REPORTERS if name != "changes"]  # lint changes nothing


@click.command()
@click.argument(
    "operands", metavar="[PROFILE|SCRIPT|FILE]...", nargs=-1, shell_complete=complete.operands
)
@sglang_option
@click.option(
    "--select",
    multiple=True,
    metavar="RULE",
    shell_complete=complete.rules,
    help="Only this rule, by id or name.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="RULE",
    shell_complete=complete.rules,
    help="Not this rule, by id or name.",
)
@click.option(
    "--skip-unrelated", is_flag=True, help="Pass over files that launch no server of SGLang."
)
@input_options
@profiles_option
@exit_zero_option
@color_option
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="How findings are written.",
)
def lint(
    operands: tuple[str, ...],
    sglang: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    skip_unrelated: bool,
    folder: Path | None,
    inputs: Inputs,
    exit_zero: bool,
    color: str,
    format_: str,
) -> int:
    """Say what a release of SGLang makes of profiles and files.

    SGLang ignores a variable that it doesn't know, and stops on such a flag. Lint tells both,
    and more: `dsv4-env rule` lists the rules. A FILE is {kinds} or the TOML of a profile; of
    those with launches every one is read, or the one that PATH#2, PATH:34 or PATH::NAME names.
    One that can't be read doesn't keep the others from it (exit code 2).

    \b
    Examples:
      dsv4-env lint pro-fp4 --sglang 0.5.23
      dsv4-env lint run_dsv4.sh --ignore default-value
      dsv4-env lint test_deepseek_v4.py .github/workflows/nightly.yml
    """
    from dsv4_env.drift import repository_top
    from dsv4_env.lint import named
    from dsv4_env.model.finding import Report

    own = profile_folder(folder)
    chosen, ignored = named(select), named(ignore)
    comparisons: list[Comparison] = []
    files = 0
    unread: list[Dsv4Error] = []
    common = catalogue_for(sglang, [])
    fixed = bool(sglang or settings().sglang)
    for operand in operands or settings().profile:
        try:
            profile = named_profile(operand, own)
            if profile is None:
                if skip_unrelated and not _related(operand, inputs):
                    continue
                catalogue = common if fixed else _of_pairs(operand, own) or common
                comparisons += _of_file(operand, inputs, catalogue, chosen, ignored)
                files += 1
                continue
        except Dsv4Error as error:
            unread.append(error)
            continue
        catalogue = common if fixed else catalogue_for(None, [profile.sglang_range])
        found = _of_profile(profile, catalogue, chosen, ignored)
        comparisons.append(_comparison(profile.config, profile.name, catalogue, found))
    if unread and not comparisons:
        for problem in unread[:-1]:
            tell(plain(f"dsv4-env: error: {problem}"))
        raise unread[-1]
    report = Report(
        tuple(comparisons),
        files=files,
        launches=len(comparisons),
        root=str(Path.cwd()),
        repository=repository_top(Path.cwd()),
        color=use_color(color),
    )
    if format_ == "sarif":
        report = _explained(report)
    write(REPORTERS[format_](report))
    for problem in unread:
        tell(plain(f"dsv4-env: error: {problem}"))
    if unread:
        return 2
    return 1 if report.failed and not exit_zero else 0


def _of_pairs(operand: str, own: Path | None) -> Catalogue | None:
    """The release that `check` reads a file with, None for a file of no pair."""
    from dsv4_env.drift.files import fits
    from dsv4_env.profile import load_all

    found = settings()
    base = found.folder or Path.cwd()
    name = os.path.relpath(split(operand).path, base).replace(os.sep, "/")
    pairs = [p for p in found.pairs if fits(name, p.files) and not fits(name, p.exclude)]
    if not pairs:
        return None
    known = load_all(own)
    release = next((p.sglang for p in pairs if p.sglang), None)
    ranges = [known[p.profile].sglang_range for p in pairs if p.profile in known]
    return catalogue_for(release, ranges)


def _related(operand: str, inputs: Inputs) -> bool:
    """Whether a file launches a server. One that can't be read does where it names SGLang."""

    path = Path(operand)
    if not path.is_file():
        return True  # a launch within a file, or nothing at all: asked for
    data = file_bytes(path)
    if b"sglang" not in data.lower():
        return False
    try:
        return bool(file_launches(split(operand), inputs)[2])
    except Dsv4Error:
        return detect(str(path.absolute()), data) is not None


def _explained(report: Report) -> Report:
    """The report with the documentation of its rules, which SARIF carries."""
    from dsv4_env.lint.docs import sections

    texts = sections()

    def explained(comparison: Comparison) -> Comparison:
        findings = (
            replace(f, rule=replace(f.rule, help=texts[f.rule.id].text))
            for f in comparison.findings
        )
        return replace(comparison, findings=tuple(findings))

    return replace(report, comparisons=tuple(map(explained, report.comparisons)))


def _of_profile(
    profile: Profile, catalogue: Catalogue, select: frozenset[str], ignore: frozenset[str]
) -> list[Finding]:
    from dsv4_env.lint import lint as findings

    origin = profile.origins.get(("sglang", "range"))
    return findings(
        profile.config,
        catalogue,
        range_=profile.sglang_range,
        range_at=origin.location if origin else None,
        select=select,
        ignore=ignore,
    )


def _of_file(
    operand: str,
    inputs: Inputs,
    catalogue: Catalogue,
    select: frozenset[str],
    ignore: frozenset[str],
) -> list[Comparison]:
    from dsv4_env.lint import lint as findings
    from dsv4_env.readers import choose, titles

    where = split(operand)
    reader, text, launches = file_launches(where, inputs)
    wanted = list(zip(titles(launches, where.name), launches, strict=True))
    if where.chosen or not launches:
        one = choose(
            launches, where.path, launch=where.launch, line=where.line, symbol=where.symbol
        )
        wanted = [(title, c) for title, c in wanted if c is one]
    found: list[Comparison] = []
    for title, config in wanted:
        said = findings(
            config,
            catalogue,
            text=text,
            script=text if reader == "bash" else None,
            launches=tuple(launches),
            select=select,
            ignore=ignore,
        )
        found.append(_comparison(config, title, catalogue, said))
    return found


def _comparison(
    config: LaunchConfig, title: str, catalogue: Catalogue, findings: list[Finding]
) -> Comparison:
    from dsv4_env.model.finding import Comparison

    settings_read = len({e.name for e in config.env}) + len({a.flag for a in config.args or ()})
    return Comparison(
        f"SGLang {catalogue.release}",
        title,
        tuple(findings),
        settings_read,
        len(config.unknowns),
        tuple(n.message for n in config.notes),
        right_at=config.location,
        lint=True,
    )


@click.command()
@click.argument("word", metavar="[RULE]", required=False, shell_complete=complete.rules)
def rule(word: str | None) -> None:
    """Explain a rule, by id or name; without one, list them all.

    \b
    Examples:
      dsv4-env rule DSV102
      dsv4-env rule removed-variable
    """
    rules = all_rules()
    if word is None:
        width = max(len(r.name) for r in rules.values())
        rows = (f"{r.id}  {r.name:{width}}  {r.severity:7}  {r.summary}" for r in rules.values())
        write("".join(f"{row}\n" for row in rows))
        return
    by_name = {name: r for r in rules.values() for name in (r.id.lower(), r.name)}
    found = by_name.get(word.lower())
    if found is None:
        from dsv4_env.lint import named

        named([word])  # says that there is none, and which was meant
    else:
        write(rule_text(found))


def all_rules() -> dict[str, Rule]:
    """The rules of checks and of lint, by id."""
    from dsv4_env.compare.rules import RULES
    from dsv4_env.lint import LINT_RULES

    return {**RULES, **{id_: entry.rule for id_, entry in LINT_RULES.items()}}


def rule_text(rule: Rule) -> str:
    """What there is to say of a rule, as Markdown."""
    from dsv4_env.lint.docs import sections

    if rule.id in sections():
        return sections()[rule.id].text
    said = f"{rule.severity.capitalize()}: {rule.summary}."
    return f"## {rule.id} {rule.name}\n\n{said}\n\n{rule.help}\n"


lint.help = (lint.help or "").format(kinds=", ".join(kind.summary or kind.one for kind in KINDS))
COMMANDS = (lint, rule)
