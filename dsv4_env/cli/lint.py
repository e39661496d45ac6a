"""``lint`` and ``rule``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dsv4_env.catalogue import Catalogue
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import catalogue_for, launch_catalogue, on_option, sglang_option
from dsv4_env.cli.names import named_profile, split_operand
from dsv4_env.cli.operands import chosen_launch, file_launches
from dsv4_env.cli.options import (
    FORMATS,
    Inputs,
    Shown,
    collected,
    given_overrides,
    input_options,
    profiles_option,
    shown_options,
)
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.cli.target import axes_options
from dsv4_env.cli.upgrading import files_of, left_out
from dsv4_env.cli.wanted import wanted
from dsv4_env.drift import repository_top
from dsv4_env.drift.linted import (
    Chosen,
    lint_launches,
    lint_profile,
    pairs_with,
    release_of_pairs,
)
from dsv4_env.lint import rule_ids
from dsv4_env.lint.docs import rule_docs
from dsv4_env.lint.known import all_rules, rule_text
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error, ReadError, UsageError, did_you_mean
from dsv4_env.model.finding import Comparison, Report
from dsv4_env.model.style import plain
from dsv4_env.plan.platforms import Platform
from dsv4_env.profile import layer_files, load_all
from dsv4_env.readers import KINDS, detect, file_bytes, titles

_FORMATS = [name for name in FORMATS if name != "changes"]  # lint changes nothing


def offered_rules(
    _ctx: click.Context, _: click.Parameter, incomplete: str
) -> complete.CompletionItems:
    """Ids and names of rules, the ids with their names."""
    found = all_rules().values()
    ids = [CompletionItem(r.id, help=r.name) for r in found if r.id.startswith(incomplete)]
    return ids + (complete.starting((r.name for r in found), incomplete) if incomplete else [])


def _chosen(select: tuple[str, ...], ignore: tuple[str, ...]) -> Chosen:
    return Chosen(rule_ids(select), rule_ids(ignore))


@click.command()
@click.argument(
    "operands",
    metavar="[PROFILE|FILE|FOLDER]...",
    nargs=-1,
    shell_complete=complete.offered_operands,
)
@sglang_option
@collected(
    "chosen",
    _chosen,
    click.option(
        "--select",
        multiple=True,
        metavar="RULE",
        shell_complete=offered_rules,
        help="Only this rule, by id or name.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="RULE",
        shell_complete=offered_rules,
        help="Not this rule, by id or name.",
    ),
)
@on_option(
    "Default: a profile's own, or what a file's image says; without one, what holds on every "
    "hardware is told."
)
@click.option(
    "--skip-unrelated", is_flag=True, help="Pass over files that launch no server of SGLang."
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="List each finding by itself. Without it equal ones of a folder are one line.",
)
@click.option(
    "--follow-all",
    is_flag=True,
    help="Follow every test of a folder. Without it those alone that, by the names in them, may "
    "launch a model of the profiles; how many others there are is told.",
)
@input_options
@axes_options
@profiles_option
@shown_options("text", _FORMATS, "How findings are written.")
def lint(
    operands: tuple[str, ...],
    sglang: str | None,
    chosen: Chosen,
    on: Platform | None,
    skip_unrelated: bool,
    every: bool,
    follow_all: bool,
    inputs: Inputs,
    folder: Path | None,
    shown: Shown,
) -> int:
    """Say what a release of SGLang makes of profiles and files.

    SGLang ignores a variable that it doesn't know, and stops on such a flag. Lint tells both,
    and more: `dsv4-env rule` lists the rules. A FILE is {kinds} or the TOML of a profile; of
    those with launches every one is read, or the one that PATH#2, PATH:34 or PATH::NAME names.
    One that can't be read doesn't keep the others from it. Of a FOLDER it is all files that launch
    a server; equal findings are then one line, with how many there are and where.

    Exit codes: 0 nothing worse than a note, 1 an error or a warning, 2 wrong usage or a file that
    can't be read.

    \b
    Examples:
      dsv4-env lint pro-fp4 --sglang 0.5.23
      dsv4-env lint run_dsv4.sh --ignore default-value
      dsv4-env lint test_deepseek_v4.py .github/workflows/nightly.yml
      dsv4-env lint recipes/ --sglang 0.5.23
    """
    own = profile_folder(folder)
    notes: list[str] = []
    of_trees: list[str] = []
    trees = [o for o in operands if o not in layer_files(own) and Path(o).is_dir()]
    if trees:
        of_trees, looked = files_of(list(map(Path, trees)), follow_all=follow_all)
        operands = tuple(o for o in operands if o not in trees) + tuple(of_trees)
        notes += left_out(looked)
        if not every and shown.format_ == "text":
            shown = replace(shown, format_="grouped")
    comparisons: list[Comparison] = []
    files = 0
    unread: list[Dsv4Error] = [ReadError(m, where=at) for at, m in looked.problems] if trees else []
    common = catalogue_for(sglang, [], inputs.root)
    fixed = bool(sglang or settings().sglang)
    for operand in operands if operands or trees else settings().profile:
        try:
            profile = named_profile(operand, own)
            if profile is None:
                if skip_unrelated and not _related(operand, inputs):
                    continue
                paired = None if fixed else _of_pairs(operand, own, inputs.root)
                release, catalogue = paired or (sglang, common)
                told = _of_file(
                    operand, inputs, release, catalogue, chosen, on, found=operand in of_trees
                )
                comparisons += told
                files += bool(told) or operand not in of_trees
                continue
        except Dsv4Error as error:
            unread.append(error)
            continue
        catalogue = common
        if not fixed:
            catalogue = catalogue_for(None, [profile.sglang_range], inputs.root)
        profile = given_overrides(profile, inputs.variables)
        comparisons.append(lint_profile(profile, catalogue, chosen, on))
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
        color=shown.color,
        notes=tuple(notes),
    )
    if shown.format_ == "sarif":
        report = _explained(report)
    shown.show(report)
    for problem in unread:
        tell(plain(f"dsv4-env: error: {problem}"))
    if unread:
        return 2
    return 1 if report.failed and not shown.exit_zero else 0


def _of_pairs(
    operand: str, own: Path | None, root: Path | None
) -> tuple[str | None, Catalogue] | None:
    """The release that a file's pair names, and that it's read with; None for one of no pair."""
    pairs = pairs_with(split_operand(operand).path, settings())
    if not pairs:
        return None
    release, ranges = release_of_pairs(pairs, load_all(own, wanted()))
    return release, catalogue_for(release, ranges, root)


def _related(operand: str, inputs: Inputs) -> bool:
    """Whether a file launches a server. One that can't be read does where it names SGLang."""
    path = Path(operand)
    if not path.is_file():
        return True  # a launch within a file, or nothing at all: asked for
    data = file_bytes(path)
    if b"sglang" not in data.lower():
        return False
    try:
        return bool(file_launches(split_operand(operand), inputs)[2])
    except Dsv4Error:
        return detect(str(path.absolute()), data) is not None


def _explained(report: Report) -> Report:
    """The report with the documentation of its rules, which SARIF carries."""
    texts = rule_docs()

    def explained(comparison: Comparison) -> Comparison:
        findings = (
            replace(f, rule=replace(f.rule, help=texts[f.rule.id].text))
            for f in comparison.findings
        )
        return replace(comparison, findings=tuple(findings))

    return replace(report, comparisons=tuple(map(explained, report.comparisons)))


def _of_file(
    operand: str,
    inputs: Inputs,
    release: str | None,
    usual: Catalogue,
    chosen: Chosen,
    on: Platform | None,
    *,
    found: bool = False,
) -> list[Comparison]:
    """What is said of the launches of a file; one that was *found* in a folder may have none."""
    where = split_operand(operand)
    if re.match(r"(?:pid|port|process|url):", operand) and not Path(where.path).exists():
        raise UsageError(
            f"{operand} is a running server", expected="a profile or a file",
            hint=f"`dsv4-env check PROFILE --against {operand}`",
        )  # fmt: skip
    reader, text, launches = file_launches(where, inputs)
    wanted = list(zip(titles(launches, where.name), launches, strict=True))
    if where.chosen or not (launches or found):
        one = chosen_launch(where, launches)
        wanted = [(title, c) for title, c in wanted if c is one]

    def read_as(config: LaunchConfig) -> Catalogue:
        return launch_catalogue(config, release, usual)

    return lint_launches(wanted, launches, text, reader, read_as, chosen, on)


@click.command()
@click.argument("word", metavar="[RULE]", required=False, shell_complete=offered_rules)
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
        raise UsageError(
            f"no such rule: {word}",
            expected="an id or a name of those that `dsv4-env rule` lists",
            hint=did_you_mean(word, [*rules, *(r.name for r in rules.values())]),
        )
    write(rule_text(found))


lint.help = (lint.help or "").format(kinds=", ".join(kind.summary or kind.one for kind in KINDS))

COMMANDS = (lint, rule)
