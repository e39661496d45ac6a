"""Scripts that start the server: on this machine, or on the nodes of a Slurm job."""

from __future__ import annotations

from collections.abc import Sequence

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.container import COMMAND, DIST_PORT, label
from dsv4_env.exporters.known import arg_groups, env_or_outside
from dsv4_env.exporters.notes import Notes, notes
from dsv4_env.exporters.shell import required
from dsv4_env.model import LaunchConfig, quoting


def run_sh(config: LaunchConfig, options: ExportOptions) -> str:
    """A script for bash whose own arguments go on to the server, where the last one wins."""
    said = notes(config, options)
    rows = ["#!/usr/bin/env bash", *_comments(said.head), "set -euo pipefail", ""]
    rows += [*_exports(config, said), "", *_arg_comments(said)]
    rows += _continued([f"exec {' '.join(COMMAND)}", *_groups(config), '"$@"'])
    return "".join(f"{row}\n" for row in rows)


def slurm(config: LaunchConfig, options: ExportOptions) -> str:
    """A script for ``sbatch``: one server, with one process on each node."""
    said, nodes = notes(config, options), options.nodes
    rows = [
        "#!/bin/bash",
        f"#SBATCH --job-name={label('slurm', config, options)}",
        f"#SBATCH --nodes={nodes}",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --exclusive",
    ]
    if options.gpus:
        rows.append(f"#SBATCH --gpus-per-node={options.gpus}")
    rows += [*_comments(said.head), "set -euo pipefail", "", *_exports(config, said), ""]
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
    rows += [*_arg_comments(said), *_continued([start, *_groups(config), *own, '"$@"'])]
    return "".join(f"{row}\n" for row in rows)


def _comments(texts: Sequence[str]) -> list[str]:
    return [f"# {text}" for text in texts]


def _exports(config: LaunchConfig, said: Notes) -> list[str]:
    rows: list[str] = []
    for name, value in env_or_outside(config).items():
        line = required(name) if value is None else f"export {name}={quoting.sh(value)}"
        rows += [*_comments(said.env(name)), line]
    return rows


def _arg_comments(said: Notes) -> list[str]:
    """Between the lines of one command no comment can stand, so all stand above it."""
    return _comments([f"{flag}: {text}" for flag, text in said.arguments])


def _groups(config: LaunchConfig) -> list[str]:
    return [" ".join(map(quoting.word, group)) for group in arg_groups(config)]


def _continued(lines: Sequence[str]) -> list[str]:
    return [("    " if i else "") + line + (" \\" if line is not lines[-1] else "")
            for i, line in enumerate(lines)]  # fmt: skip
