"""Shells, each by its own grammar: lines to evaluate, and scripts that start the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dsv4_env.exporters.known import (
    BYTES,
    COMMAND,
    DIST_PORT,
    TEXT,
    ExportOptions,
    Fallback,
    Limits,
    Notes,
    arg_groups,
    counting,
    env_or_outside,
    notes,
    object_name,
)
from dsv4_env.model import LaunchConfig, Outside, quoting

ARRAY = "ARGS"  # what bash has the server arguments in


def posix(config: LaunchConfig, options: ExportOptions) -> str:
    """POSIX shells: lines for ``eval``. The server arguments aren't in it: see ``args``."""
    return _lines(
        config, options, BYTES, quoting.export, lambda n: f"unset {n}", quoting.export_required,
        quoting.export_unless_set,
    )  # fmt: skip


def bash(config: LaunchConfig, options: ExportOptions) -> str:
    """Lines for ``eval`` in bash: the variables, and the server arguments as the array ARGS."""
    said = notes(config, options)
    if options.unset:
        return posix(config, options) + f"unset {ARRAY}\n"
    rows = [f"{ARRAY}=("]
    for i, group in enumerate(arg_groups(config)):
        words = " ".join(map(quoting.sh, group))
        rows += [f"  {line}" for line in (*comments(said.arg(i)), words)]
    return posix(config, options) + "".join(f"{row}\n" for row in (*rows, ")"))


def fish(config: LaunchConfig, options: ExportOptions) -> str:
    """``set -gx`` for fish."""
    return _lines(
        config, options, BYTES,
        lambda n, v: f"set -gx {n} {quoting.fish(v)}",
        lambda n: f"set -q {n}; and set -e {n}; or true",
        lambda n: f'test -n "${n}"; or begin; echo "{n}: {quoting.MISSING}" >&2; return 1; end; '
        f"set -gx {n} ${n}",
        # `set` leaves the status alone, and that of a test would be taken for the export's.
        lambda n, v: (
            f'test -n "${n}"; and set -gx {n} ${n}; or set -gx {n} {quoting.fish(v)}; true'
        ),
    )  # fmt: skip


def csh(config: LaunchConfig, options: ExportOptions) -> str:
    """``setenv`` for tcsh; as ``eval`` puts the lines together, each ends in a semicolon."""
    return _lines(
        config, options, BYTES,
        lambda n, v: f"setenv {n} {quoting.csh(v)};",
        lambda n: f"unsetenv {n};",
        lambda n: f"setenv {n} ${n}:q;",  # an error where it isn't set
        lambda n, v: f"if (! $?{n}) setenv {n} ''; if ($%{n} == 0) setenv {n} {quoting.csh(v)};",
        lambda text: f": {quoting.csh(text)};",  # what is typed has no comments in it
    )  # fmt: skip


def powershell(config: LaunchConfig, options: ExportOptions) -> str:
    """``$env:NAME`` for PowerShell; before 7.5 an empty value unsets, which is then an error."""
    return _lines(
        config, options, Limits("PowerShell", TEXT.cannot), _powershell,
        lambda n: f"Remove-Item -ErrorAction Ignore -LiteralPath Env:{n}",
        lambda n: f"if (-not $env:{n}) {{ throw '{n}: {quoting.MISSING}' }}",
        lambda n, v: f"if (-not $env:{n}) {{ {_powershell(n, v)} }}",
    )  # fmt: skip


def _powershell(name: str, value: str) -> str:
    line = f"$env:{name} = {quoting.powershell(value)}"
    if value:
        return line
    why = f"dsv4-env: {name} is empty, and PowerShell before 7.5 can''t set an empty variable"
    return f"{line}; if (-not (Test-Path -LiteralPath Env:{name})) {{ throw '{why}' }}"


def _lines(
    config: LaunchConfig,
    options: ExportOptions,
    limits: Limits,
    set_: Callable[[str, str], str],
    unset: Callable[[str], str],
    require: Callable[[str], str],
    unless: Callable[[str, str], str],
    remark: Callable[[str], str] = "# {}".format,
) -> str:
    said = notes(config, options)
    if options.unset:
        given = [s for s in counting(config, limits) if not isinstance(s.value, Outside)]
        lines = {s.name: unset(s.name) for s in given}
    else:
        env = env_or_outside(config, limits)
        lines = {
            n: require(n) if v is None else (unless if isinstance(v, Fallback) else set_)(n, v)
            for n, v in env.items()
        }
    rows = [*map(remark, said.head)]
    for name, line in lines.items():
        rows += [*map(remark, said.env(name)), line]
    return "".join(f"{row}\n" for row in rows)


# Scripts: on this machine, or on the nodes of a Slurm job


def run_sh(config: LaunchConfig, options: ExportOptions) -> str:
    """A script for bash whose own arguments go on to the server, where the last one wins."""
    said = notes(config, options)
    rows = ["#!/usr/bin/env bash", *comments(said.head), "set -euo pipefail", ""]
    rows += [*exports(config, said), "", *arg_comments(said)]
    rows += continued([f"exec {' '.join(COMMAND)}", *groups(config), '"$@"'])
    return "".join(f"{row}\n" for row in rows)


def slurm(config: LaunchConfig, options: ExportOptions) -> str:
    """A script for ``sbatch``: one server, with one process on each node."""
    said, nodes = notes(config, options), options.nodes
    rows = [
        "#!/bin/bash",
        f"#SBATCH --job-name={object_name('slurm', config, options)}",
        f"#SBATCH --nodes={nodes}",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --exclusive",
    ]
    if options.gpus:
        rows.append(f"#SBATCH --gpus-per-node={options.gpus}")
    rows += [*comments(said.head), "set -euo pipefail", "", *exports(config, said), ""]
    own: list[str] = []
    start = "srun --kill-on-bad-exit=1 " + " ".join(COMMAND)
    if nodes > 1:
        rows += [
            'DSV4_HEAD_NODE=$(scontrol show hostnames "$SLURM_JOB_NODELIST")',
            "export DSV4_HEAD_NODE=${DSV4_HEAD_NODE%%$'\\n'*}",
            "",
        ]
        # Each node fills in its own rank.
        start = (
            "srun --kill-on-bad-exit=1 bash -c "
            f"""'exec {" ".join(COMMAND)} "$@" --node-rank "$SLURM_NODEID"' bash"""
        )
        own = [f"--nnodes {nodes}", f'--dist-init-addr "$DSV4_HEAD_NODE:{DIST_PORT}"']
    rows += [*arg_comments(said), *continued([start, *groups(config), *own, '"$@"'])]
    return "".join(f"{row}\n" for row in rows)


def comments(texts: Sequence[str]) -> list[str]:
    """A line of comment for each text."""
    return [f"# {text}" for text in texts]


def exports(config: LaunchConfig, said: Notes) -> list[str]:
    """What exports the variables, below their comments."""
    rows: list[str] = []
    for name, value in env_or_outside(config).items():
        if value is None:
            line = quoting.export_required(name)
        else:
            export = isinstance(value, Fallback)
            line = (quoting.export_unless_set if export else quoting.export)(name, value)
        rows += [*comments(said.env(name)), line]
    return rows


def arg_comments(said: Notes) -> list[str]:
    """Between the lines of one command no comment can stand, so all stand above it."""
    return comments([f"{flag}: {text}" for flag, text in said.arguments])


def groups(config: LaunchConfig) -> list[str]:
    """The words of each server argument, quoted, on a line."""
    return [" ".join(map(quoting.word, group)) for group in arg_groups(config)]


def continued(lines: Sequence[str]) -> list[str]:
    """One command over several lines."""
    return [("    " if i else "") + line + (" \\" if line is not lines[-1] else "")
            for i, line in enumerate(lines)]  # fmt: skip
