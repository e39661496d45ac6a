"""The evaluator under test, asked the three ways in which it is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.readers import bash

from .bash_oracle import SCRIPT, Real
from .judge import Mode, Shares, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def refuses(script: str | bytes, root: Path) -> bool:
    """Whether the evaluator gives an error of its own; any other exception comes through."""
    try:
        bash.read_all(script, SCRIPT, root=root)
    except Dsv4Error:
        return True
    return False


def _unknowns(config: LaunchConfig) -> bool:
    values = [*(e.value for e in config.env), *(w for a in config.args or () for w in a.words)]
    return any(isinstance(value, Unknown) for value in values)


def check(
    script: str,
    mode: Mode,
    reals: Sequence[Real],
    root: Path,
    base: Mapping[str, str],
    count: tuple[Shares, str] | None = None,
) -> list[str]:
    """What is wrong with the answer to one script, held against one or more runs of it.

    The first run is the one whose inputs and arguments the evaluator gets, if it gets any.
    *base* is what else is in the environment of every run.
    """
    inputs = {**base, **reals[0].inputs}
    try:
        if mode == "open":
            answer = bash.read_all(script, SCRIPT, root=root)
        else:
            answer = bash.read_all(
                script,
                SCRIPT,
                inputs=inputs,
                args=reals[0].args,
                root=root,
                closed=mode == "closed",
            )
    except Dsv4Error:
        answer = None
    wrong: list[str] = []
    for real in reals if mode == "open" else reals[:1]:
        open_ = mode == "open" or any(_unknowns(c) for c in answer or ())
        if (real.refused and open_) or (mode == "open" and real.returncode and "set -e" in script):
            # Two things are taken for granted of what isn't known: that bash can do the expansions,
            # and that a command of unknown status succeeds under `set -e`.
            continue
        found = verdict(answer or [], real, mode)
        if found.wrong and real.by_time != real.launches:
            other = verdict(answer or [], replace(real, launches=real.by_time), mode)
            found = found if other.wrong else other
        if answer is not None:
            wrong += [w for w in found.wrong if w not in wrong]
        if count:
            count[0].add(count[1], found.known, found.total)
    return wrong
