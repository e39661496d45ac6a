"""What a check will say of pairs that aren't written yet, so that nobody is surprised by it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.drift import CheckRun, check_file, check_launch
from dsv4_env.drift.files import expand_globs
from dsv4_env.model import LaunchConfig
from dsv4_env.model.finding import Finding, Report
from dsv4_env.profile.settings import Pair


@dataclass(frozen=True, slots=True)
class Foretold:
    """A file of a pair, by its path from the project, with *findings* that make a check fail."""

    pair: Pair
    file: str
    findings: tuple[Finding, ...]


def of_launch(run: CheckRun, pair: Pair, launch: LaunchConfig, path: Path, text: str) -> Foretold:
    """What fails of one launch that is read already, as that of a file with this text."""
    before = len(run.comparisons), len(run.problems)
    check_launch(run, [pair], launch, path, text)
    return Foretold(pair, _short(run, path), _failing(run, *before))


def passing(run: CheckRun, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Foretold]]:
    """The pairs with those of their files that pass, and what fails of the others.

    The files of pairs are read as a check reads them.
    """
    kept: list[Pair] = []
    failing: list[Foretold] = []
    for pair in pairs:
        files = []
        for file in pair.files:
            before = len(run.comparisons), len(run.problems)
            paths = expand_globs(run.folder, (file,))
            for path in paths:
                check_file(run, path, [pair])
            if found := _failing(run, *before):
                failing.append(Foretold(pair, _short(run, *paths), found))
            else:
                files.append(file)
        if files:
            kept.append(replace(pair, files=tuple(files)))
    return kept, failing


def _short(run: CheckRun, *paths: Path) -> str:
    return ", ".join(os.path.relpath(path, run.folder).replace(os.sep, "/") for path in paths)


def _failing(run: CheckRun, comparisons: int, problems: int) -> tuple[Finding, ...]:
    """What a run has found since then that makes it fail where nobody says otherwise."""
    bad = Report().failing
    found = [f for c in run.comparisons[comparisons:] for f in c.findings]
    found += run.problems[problems:]
    return tuple(f for f in found if f.severity in bad and f.waiver is None)
