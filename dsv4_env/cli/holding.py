"""Launches held to profiles: what `check`, `report` and `doctor` have in common."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from dsv4_env import drift
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import Comparing, catalogue_for
from dsv4_env.cli.names import is_folder, split_operand, tell_local
from dsv4_env.cli.options import F, Inputs
from dsv4_env.cli.settings import settings
from dsv4_env.cli.wanted import wanted
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.model.finding import Finding, Severity
from dsv4_env.model.quoting import word
from dsv4_env.model.style import count
from dsv4_env.profile import Profile, layer_files
from dsv4_env.profile.settings import Pair, Settings

_EACH = 4  # settings that are named one by one


def profiles_argument(command: F) -> F:
    """The profiles that launches are held to, as ``names``."""
    return click.argument(
        "names", metavar="[PROFILE]...", nargs=-1, shell_complete=complete.offered_profiles
    )(command)


def new_run(
    comparing: Comparing,
    folder: Path | None,
    inputs: Inputs | None = None,
    *,
    whole: bool,
    tree: bool = True,
) -> drift.CheckRun:
    """A check by the settings of the project, with what the command line says over them.

    *tree*: within a checkout of SGLang its own counts where no release is asked for.
    """
    found, inputs = settings(), inputs or Inputs()
    return drift.CheckRun(
        found,
        folder if folder is not None else found.profiles,
        functools.partial(comparing.catalogue, root=inputs.root, tree=tree),
        drift.CheckOptions(
            comparing.ignore,
            comparing.compare,
            comparing.sglang,
            comparing.show_equivalent,
            args=inputs.args,
            inputs=inputs.variables,
            closed=inputs.closed,
            root=inputs.root,
        ),
        whole=whole,
        wanted=wanted(),
    )


def foretelling(found: Settings, folder: Path | None, sglang: str | None = None) -> drift.CheckRun:
    """A check as it will be with settings that aren't written yet, for pairs that aren't either.

    *sglang* is the release that they will name, where the project's own name none.
    """
    return drift.CheckRun(
        found,
        folder if folder is not None else found.profiles,
        catalogue_for,
        drift.CheckOptions(sglang=sglang),
        whole=False,
        wanted=replace(wanted(), sglang=None),
    )


def shortly(findings: Sequence[Finding]) -> str:
    """How many findings of each severity there are, and what they are of."""
    told = [count(n, s.value, f"{s.value}s") for s in Severity if (n := _many(findings, s))]
    names = list(dict.fromkeys(f.subject for f in findings))
    return f"{', '.join(told)}: {', '.join(names[:_EACH])}" + (" …" if names[_EACH:] else "")


def _many(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(f.severity is severity for f in findings)


def profiles_against(
    run: drift.CheckRun, against: Sequence[str], names: Sequence[str]
) -> tuple[list[Pair], list[Profile]]:
    """A pair without files for each name, and its profile: what *against* names is held to them.

    The script that comes with the package, which is meant where nothing is named, is as old as its
    release.
    """
    release = None if against else drift.reference_release(run.settings, wanted().sglang)
    pairs = [Pair(name, (), sglang=release) for name in names]
    profiles = [run.profile(pair) for pair in pairs]
    tell_local(profiles)
    return pairs, profiles


def need_profiles(
    command: str, names: Sequence[str], against: Sequence[str], own: Path | None
) -> None:
    """Raise UsageError where a file or a folder stands in the place of a profile.

    Behind ``--against`` a second file does so easily, as an option takes one word.
    """
    known = layer_files(own)
    strange = [name for name in names if name not in known]
    for name in strange:
        if Path(name).is_dir():
            raise is_folder(name, "the name of a profile")
    files = [name for name in strange if Path(split_operand(name).path).is_file()]
    if not files:
        return
    every = [*against, *files]
    given = [command, *(n for n in names if n not in files)]
    given += [f"--against {_typed(name)}" for name in every]
    many = len(every) > _EACH  # what a shell makes of *.sh
    raise UsageError(
        f"{files[0]} is a file",
        expected="the name of a profile"
        + (", and --against before each file, or once before a pattern in quotes" if many else ""),
        hint=None if many else f"`{' '.join(given)}`",
    )


def _typed(name: str) -> str:
    """An operand as one types it: within a word ``#`` says nothing to a shell."""
    return name if word(name.replace("#", "-")) == name.replace("#", "-") else word(name)


def pairs_of(names: Sequence[str], found: Settings) -> tuple[Pair, ...]:
    """The pairs of the project, or those of some profiles. Raises UsageError."""
    if not names or not found.pairs:
        return found.pairs
    paired = {p.profile for p in found.pairs}
    for name in names:
        if name not in paired:
            raise UsageError(
                f"no pair of [tool.dsv4_env] has the profile {name!r}",
                where=found.source,
                expected=f"one of {', '.join(sorted(paired))}, or --against FILE",
                hint=did_you_mean(name, paired),
            )
    return tuple(p for p in found.pairs if p.profile in names)
