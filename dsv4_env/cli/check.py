"""``check``: every place a launch is written down, held to its profile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from dsv4_env import drift
from dsv4_env.cli import complete, operands
from dsv4_env.cli.caller import Caller
from dsv4_env.cli.comparing import Comparing, reading_options
from dsv4_env.cli.holding import (
    need_profiles,
    new_run,
    pairs_of,
    profiles_against,
    profiles_argument,
)
from dsv4_env.cli.names import RUNNING, split_operand, tell_local
from dsv4_env.cli.options import (
    Inputs,
    Shown,
    collected,
    input_options,
    profiles_option,
    shown_options,
)
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import settings
from dsv4_env.cli.target import further_options
from dsv4_env.compare.findings import strictly
from dsv4_env.drift import waivers
from dsv4_env.guard.files import read_bytes, real
from dsv4_env.model.errors import ReadError, UsageError, did_you_mean
from dsv4_env.model.finding import Report, Severity
from dsv4_env.profile.project import PREFIX
from dsv4_env.profile.settings import Settings
from dsv4_env.reporters import REPORTERS

_LEVELS = ("error", "warning", "note", "never")
_SUFFIXES = {".json": "json", ".sarif": "sarif", ".md": "markdown", ".xml": "junit", ".txt": "text"}


@dataclass(frozen=True, slots=True)
class Against:
    """What is held to the profiles, as the command line names it."""

    against: tuple[str, ...]
    changed_since: str | None
    no_default: bool


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """What becomes of the findings: what is excused, where reports go, and what fails."""

    baseline: Path | None
    write_baseline: bool
    outputs: tuple[str, ...]
    strict: bool
    fail_on: str

    def failing(self) -> frozenset[Severity]:
        """The severities that make the exit code 1."""
        if self.fail_on == "never":
            return frozenset()
        return frozenset(map(Severity, _LEVELS[: _LEVELS.index(self.fail_on) + 1]))


class _Watched(click.Command):
    """A command that keeps its words, for who runs it again."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[__name__] = tuple(args)
        return super().parse_args(ctx, args)


@click.command(cls=_Watched)
@profiles_argument
@collected(
    "asked",
    Against,
    click.option(
        "--against",
        metavar="FILE",
        multiple=True,
        shell_complete=complete.offered_files,
        help=f"What is held to the profiles, of any kind that dsv4-env reads: {operands.HELP}; a "
        "pattern in quotes is all files that it names. "
        "Default: the pairs of [tool.dsv4_env].",
    ),
    click.option(
        "--changed-since",
        metavar="REV",
        help="Only pairs that a change since this git revision (branch, tag, commit) may matter "
        "to.",
    ),
    click.option(
        "--no-default",
        is_flag=True,
        hidden=True,  # of 0.1, where the shipped script was checked in any folder without pairs
        help="Check what --against or [tool.dsv4_env] names, in a checkout of dsv4-env, too.",
    ),
)
@reading_options
@collected(
    "verdict",
    CheckVerdict,
    click.option(
        "--baseline",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A file of known findings, which are excused.",
    ),
    click.option("--write-baseline", is_flag=True, help="Write today's findings to the baseline."),
    click.option(
        "--output",
        "-o",
        "outputs",
        metavar="[FORMAT=]FILE",
        multiple=True,
        help="Write a report to a file too (in one step); may be given several times. Without "
        "FORMAT the name tells: .json, .sarif, .md, .xml (JUnit), .txt.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Take for an error what can't be known: values, and settings that may be made by "
        "words, files or calls that aren't known.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(_LEVELS),
        default="warning",
        show_default=True,
        help="The mildest finding that makes the exit code 1.",
    ),
)
@input_options
@further_options
@profiles_option
@shown_options("text", tuple(REPORTERS))
@click.option(
    "--watch",
    is_flag=True,
    help="Answer again after each change of a file that the answer depends on, on a screen with "
    "keys that open a finding in $VISUAL or $EDITOR (? lists them); elsewhere than on a terminal "
    "one report behind the other. It needs `pip install 'dsv4-env[watch]'`. `q` ends "
    "it with 0, Ctrl-C with 130.",
)
@click.pass_context
def check(
    context: click.Context,
    /,
    names: tuple[str, ...],
    asked: Against,
    comparing: Comparing,
    verdict: CheckVerdict,
    inputs: Inputs,
    folder: Path | None,
    shown: Shown,
    watch: bool,
) -> int:
    """Hold launches to their profiles; exit with 1 on drift.

    Without --against it checks every pair of a profile and files that [tool.dsv4_env] of
    pyproject.toml names, or those of the PROFILEs given; `dsv4-env discover --write` adds them.
    Without any there is nothing to check, which is an error: a gate that looks at nothing must
    not pass. Only a checkout of dsv4-env needs none, whose own script is held to pro-fp4. Host,
    port and model path are left out unless --compare names them.

    `dsv4-env lint --help` lists the kinds of files that are read. Makefiles, justfiles, fish,
    PowerShell and batch files aren't.

    \b
    Exit codes: 0 no drift, 1 drift, 2 wrong usage, nothing to check, or a file that can't be
    read.

    \b
    Examples:
      dsv4-env check
      dsv4-env check flash-fp4 flash-fp8 --against run_dsv4.sh
      dsv4-env check pro-fp4 --against run_dsv4.sh --compare model-path --ignore 'HIP_*'
      dsv4-env check flash-fp4 --against port:30000
      dsv4-env check --changed-since origin/main --format github --output report.sarif
    """
    files = _outputs(verdict.outputs)
    formats = [REPORTERS[name] for name in (shown.format_, *(name for name, _ in files))]
    suggests = next((r.name for r in formats if r.suggests), None)
    if suggests and asked.changed_since is None:
        raise UsageError(
            f"--format {suggests}",
            expected="--changed-since REV with it, as GitHub takes comments on changed lines alone",
        )
    against = asked.against
    caller = context.find_object(Caller)
    hears = caller and caller.hears
    if watch and caller is not None and hears is None:
        _can_be_watched(asked, verdict, shown)
        from dsv4_env.cli.watch import watch as answer_again  # terminals, threads: for it alone

        return answer_again(caller, ["check", *context.meta[__name__]])
    found = settings()
    need_profiles("check", names, against, folder if folder is not None else found.profiles)
    pairs = () if against else pairs_of(names, found)
    if asked.changed_since is not None and not pairs:
        raise UsageError(
            "--changed-since" + (" with --against" if against else ": there are no pairs"),
            where=None if against else found.source,
            expected=f"{drift.PAIRS}, and no --against",
        )
    whole = not against and len(pairs) == len(found.pairs)
    part = not whole or asked.changed_since is not None
    if verdict.write_baseline and found.pairs and not against and part:
        raise UsageError(
            "--write-baseline of a part of the pairs would forget the others",
            expected="no PROFILE and no --changed-since with it",
        )
    run = new_run(comparing, folder, inputs, whole=whole)
    if asked.changed_since is not None:
        run.changed = drift.changed_since(run.folder, asked.changed_since)
    if pairs:
        tell_local(run.known[p.profile] for p in pairs if p.profile in run.known)
        with Progress() as run.progress:
            report = drift.check(run, pairs)
    else:
        usual = found.against if asked.no_default else drift.usual_script(found, Path.cwd())
        report = _against(run, against, names or found.profile, inputs, usual)
    report = strictly(report) if verdict.strict else report
    report = _with_baseline(replace(report, failing=verdict.failing()), run, verdict)
    if any(r.fixes for r in formats):
        from dsv4_env.writeback.fixes import with_fixes  # the editors, which few formats need

        report = with_fixes(report, run.held)
        if suggests:
            report = _with_suggestions(report, run, asked.changed_since or "")
    written = [(REPORTERS[reporter](report), path) for reporter, path in files]
    report = replace(report, color=shown.color)
    text = "" if hears else REPORTERS[shown.format_](report)
    for other, path in written:
        write(other, path)
    if hears:
        hears.report(report)
    else:
        write(text)
    shown.tell_rest(report)
    code = drift.exit_code(report)
    return 0 if shown.exit_zero and code == 1 else code


def _with_suggestions(report: Report, run: drift.CheckRun, revision: str) -> Report:
    """The report with what settles its findings on lines that changed since a revision."""
    from dsv4_env.writeback.fixes import with_suggestions  # the editors, as above

    paths = {f.fix.path for f in report.findings if f.fix is not None}
    return with_suggestions(
        report, run.held, drift.lines_of_change(run.folder, revision, sorted(paths))
    )


def _can_be_watched(asked: Against, verdict: CheckVerdict, shown: Shown) -> None:
    """Raise UsageError where the answer can't be given again and again, on a screen."""
    if shown.format_ != "text":
        raise UsageError(
            f"--watch with --format {shown.format_}",
            expected="text, and --output FILE for other formats: it's written at each answer",
        )
    if verdict.write_baseline:
        raise UsageError("--watch with --write-baseline", expected="one of the two")
    for text in asked.against:
        if text == "-" or RUNNING.fullmatch(text):
            raise UsageError(f"--watch with --against {text}", expected="files, which change")


def _outputs(texts: Sequence[str]) -> list[tuple[str, Path]]:
    """The reporters and files of ``--output``, as far as they can be written."""
    found: dict[Path, tuple[str, Path]] = {}
    for text in texts:
        format_, path = _output(text)
        if str(path) == "-":
            raise UsageError(f"--output {text}", expected=f"a file, or --format {format_}")
        if path.is_dir() or not real(path).parent.is_dir():
            problem = "is a folder" if path.is_dir() else "there is no such folder"
            raise UsageError(f"--output {text}: {problem}", expected="a file that can be written")
        if real(path) in found:
            raise UsageError(f"--output {text}: the file is named twice", expected="one format")
        found[real(path)] = (format_, path)
    return list(found.values())


def _output(text: str) -> tuple[str, Path]:
    """The reporter and the file that ``--output`` names."""
    name, equals, path = text.partition("=")
    if equals and name in REPORTERS:
        return name, Path(path)
    if equals and "/" not in name and "." not in name:
        raise UsageError(
            f"--output {text}: no format is called {name}",
            expected="one of " + ", ".join(REPORTERS),
            hint=did_you_mean(name, REPORTERS),
        )
    suffix = Path(text).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(
            f"--output {text}: its name doesn't tell the format",
            expected=f"FORMAT={text}, or a name that ends in {', '.join(_SUFFIXES)}",
        )
    return _SUFFIXES[suffix], Path(text)


def _against(
    run: drift.CheckRun,
    against: Sequence[str],
    names: Sequence[str],
    inputs: Inputs,
    usual: Path | None,
) -> Report:
    """Hold what ``--against`` names, else the *usual* script, to profiles.

    Where that is a single one that can't be read, that is raised.
    """
    held, profiles = profiles_against(run, against, names)
    compared = {variable for p in profiles for variable in p.config.effective_env}
    files = operands.expanded(against) or ([str(usual)] if usual else [])
    if not files:  # of a gate that looks at nothing nobody would notice that it does
        raise UsageError(
            "there is nothing to check: no pairs, and no --against",
            where=run.settings.source,
            expected=f"--against FILE, or {drift.PAIRS}",
        )
    for text in files:
        if text in run.layers:
            if not Path(text).is_file():
                raise UsageError(
                    f"{text} is a profile", expected="a launch script; `diff` compares two profiles"
                )
            tell(f"dsv4-env: note: {text} is the file here, not the profile")
        try:
            opened = operands.open_launch(text, inputs)
        except ReadError as exc:
            if not against and run.settings.against:
                exc.found += f" (named by {_against_setting(run.settings)})"
            if len(files) < 2:
                raise
            drift.unreadable(run, Path(split_operand(text).path), exc)
            continue
        config = operands.relevant(opened.config, compared)
        pairs = [replace(pair, files=(text,)) for pair in held]
        drift.check_launch(run, pairs, config, opened.path, opened.text)
    if not against and not run.settings.against:
        run.notes.append(
            "no [[tool.dsv4_env.pairs]] and no --against: only the script of this checkout of "
            "dsv4-env was checked"
        )
    return drift.report(run, waivers=False)


def _against_setting(found: Settings) -> str:
    """Where the script that is checked by default is named."""
    variable = f"{PREFIX}AGAINST"
    return variable if os.environ.get(variable) else f"against in {found.source}"


def _with_baseline(report: Report, run: drift.CheckRun, verdict: CheckVerdict) -> Report:
    """The report with a baseline's findings excused, which is written anew where asked for."""
    path = verdict.baseline or run.settings.baseline
    if path is None:
        if verdict.write_baseline:
            raise UsageError("--write-baseline", expected="--baseline FILE with it")
        return report
    if verdict.write_baseline:
        text = waivers.write_baseline(report)
        write(text, path)
        tell(f"dsv4-env: note: wrote {path}")
    else:
        text = read_bytes(path, expected="a baseline; --write-baseline makes one").decode(
            "utf-8", "replace"
        )
    known = waivers.read_baseline(text, str(path))
    whole = run.whole and run.changed is None
    return waivers.with_baseline(report, known, str(path), whole=whole)


COMMANDS = (check,)
