"""What a project has set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.model import Location

if TYPE_CHECKING:
    from dsv4_env.model.finding import Severity, Waiver


@dataclass(frozen=True, slots=True)
class Pair:
    """A profile and the files that are held to it; *files* and *exclude* are globs.

    *launch* (numbers from 1) and *symbol* (patterns of names) choose among the launches of a
    file; without them every launch counts. *reader* and *dialect* say what the files are, where
    their names don't. *set* is what the files get from outside, with *closed* all of it. The rest
    is as in :class:`Settings`, for this pair alone.
    """

    profile: str
    files: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    launch: tuple[int, ...] = ()
    symbol: tuple[str, ...] = ()
    reader: str | None = None
    dialect: str | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    ignore: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    sglang: str | None = None
    on: str | None = None
    strategy: str | None = None
    nodes: int | None = None
    role: str | None = None
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project has set; paths are absolute.

    *profiles* is a folder of further profiles, *profile* and *against* what ``check`` compares
    when it isn't told and there are no *pairs*, *ignore* and *compare* patterns of names to leave
    out and to put back, *severity* what findings about a name pattern count as (the last that
    fits), *sglang* the release whose reading counts, *baseline* the file of known findings.
    *folder* is where the patterns of files start.
    """

    profiles: Path | None = None
    profile: tuple[str, ...] = ("pro-fp4",)
    against: Path | None = None
    ignore: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    sglang: str | None = None
    on: str | None = None
    strategy: str | None = None
    nodes: int | None = None
    role: str | None = None
    severity: Mapping[str, Severity] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    baseline: Path | None = None
    folder: Path | None = field(default=None, compare=False)
    source: Path | None = field(default=None, compare=False)
