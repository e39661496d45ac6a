"""What an operand names: a profile, a file with its launches, or running servers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from dsv4_env.catalogue.releases import within
from dsv4_env.cli.output import tell
from dsv4_env.cli.wanted import wanted
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import LOCAL, Profile, layer_files, load_wanted

RUNNING = re.compile(r"(pid|port|process|url):(.*)", re.DOTALL)
_PART = re.compile(r"(.+?)(?:#(\d+)|::(.+)|:(\d+))", re.DOTALL)


@dataclass(slots=True, eq=False, repr=False)
class Operand:
    """A file (``-``: standard input), and which of its launches is meant."""

    path: str
    launch: int | None = None
    line: int | None = None
    symbol: str | None = None

    @property
    def name(self) -> str:
        """What reports call the file."""
        return "<stdin>" if self.path == "-" else self.path

    @property
    def chosen(self) -> bool:
        """Whether it names a launch."""
        return (self.launch, self.line, self.symbol) != (None, None, None)


def split_operand(text: str) -> Operand:
    """An operand as its file and its launch; a file of that very name comes first."""
    if text != "-" and not os.path.lexists(text):
        match = _PART.fullmatch(text)
        if match and (match[1] == "-" or Path(match[1]).exists()):
            path, launch, symbol, line = match.groups()
            return Operand(
                path, int(launch) if launch else None, int(line) if line else None, symbol
            )
    return Operand(text)


def is_source(text: str) -> bool:
    """Whether an operand names a file or a running server rather than a profile."""
    path = split_operand(text).path
    return bool(
        RUNNING.fullmatch(text) or "/" in path or "." in path or path == "-" or Path(path).is_file()
    )


def named_profile(
    text: str, folder: Path | None, role: str | None = None, nodes: int | None = None
) -> Profile | None:
    """The profile that an operand names, or that a file NAME.toml is; None for a script.

    *role* and *nodes* count where the command's options name none.
    """
    path, asked = Path(text), wanted()
    asked = replace(asked, role=asked.role or role, nodes=asked.nodes or nodes)
    if text in layer_files(folder):
        if path.is_file():
            tell(f"dsv4-env: note: {text} is the profile; ./{text} is the file")
    else:
        if path.is_dir():
            raise is_folder(text, "a profile or a file")
        if path.suffix == ".toml" and path.is_file():
            return _with_note(load_wanted(path.stem, path.parent, asked))
        if is_source(text):
            return None
    return _with_note(load_wanted(text, folder, asked))


def is_folder(name: str, expected: str) -> UsageError:
    """What is said where a folder stands for a profile or a file."""
    found = f"{expected}; `dsv4-env discover {name}` finds the launches in a folder"
    return UsageError(f"{name} is a folder", expected=found)


def no_profile(name: str) -> UsageError:
    """What is said where a file stands for a profile that it can't be."""
    more = f"; `dsv4-env import {name}` makes one of its launch" if Path(name).is_file() else ""
    return UsageError(f"{name} is no profile", expected=f"the name of one, or NAME.toml{more}")


def _with_note(profile: Profile) -> Profile:
    tell_local([profile])
    return profile


def tell_range(profile: Profile) -> None:
    """Say where a profile isn't meant for the release that it's resolved for."""
    range_ = profile.sglang_range
    if range_ and profile.sglang not in within(range_):
        told = f"{profile.name} is for SGLang {range_}, and these are its settings for"
        tell(f"dsv4-env: note: {told} {profile.sglang}")


def tell_nodes(profile: Profile) -> None:
    """Say that a launch goes with others like it, which whoever starts it has to see to."""
    count = profile.target.nodes
    flags = {a.flag for a in profile.config.args or ()}
    if count > 1 and not flags & {"--nnodes", "--node-rank"}:
        told = f"{profile.name} runs on {count} nodes; each needs --nnodes {count}, --node-rank and"
        formats = "the formats slurm and k8s-lws give them"
        tell(f"dsv4-env: note: {told} --dist-init-addr besides ({formats})")


def tell_local(profiles: Iterable[Profile]) -> None:
    """Say once which files of this host alone count in profiles, as nobody else has them."""
    context = click.get_current_context(silent=True)
    if context is None or context.resilient_parsing:
        return  # a completion
    said: set[str] = context.meta.setdefault(__name__, set())
    for profile in profiles:
        for name in (n for n in profile.layers if f"{LOCAL}." in f"{n}."):
            base, _, index = name.rpartition(LOCAL)
            if name not in said:
                said.add(name)
                what = "another of this host's files" if index else f"this host's {name}.toml"
                tell(f"dsv4-env: note: {what} is laid over {base} (show --origin tells where)")
