"""Launches that were found as pairs of profiles and files, and into a pyproject.toml."""

from __future__ import annotations

import glob
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv4_env.drift.files import fits, literal
from dsv4_env.model.errors import SettingsError
from dsv4_env.profile.project import TABLE, TARGET
from dsv4_env.profile.settings import Pair

if TYPE_CHECKING:
    from dsv4_env.drift.candidates import Candidates
    from dsv4_env.drift.discover import FoundLaunch


def new_pairs(
    launches: Sequence[FoundLaunch],
    existing: Sequence[Pair],
    folder: Path,
    known: Candidates,
) -> list[Pair]:
    """The pairs that hold each launch to the profile that it is near to.

    One for each profile, with all files of which every launch is near to it; a file with several
    launches that go different ways has its own, which names them. *folder* is where the patterns
    of files start, *known* what launches were held to. Launches of *existing* pairs are left out.
    """
    whole: dict[str, list[str]] = {}
    parts: list[Pair] = []
    files: dict[str, list[FoundLaunch]] = {}
    for launch in launches:
        files.setdefault(launch.path, []).append(launch)
    for path, mine in files.items():
        name = os.path.relpath(path, folder).replace(os.sep, "/")
        open_ = [x for x in mine if x.match.profile and not covered(x, name, existing)]
        profiles = list(dict.fromkeys(x.match.profile for x in open_ if x.match.profile))
        if len(profiles) == 1 and len(open_) == mine[0].of:
            whole.setdefault(profiles[0], []).append(literal(name))
            continue
        for profile in profiles:
            chosen = [x for x in open_ if x.match.profile == profile]
            labels = [x.label for x in chosen]
            others = [x.label for x in mine if x not in chosen]
            whole_file = len(mine) == mine[0].of  # else one that isn't here may have the name, too
            if whole_file and all(labels) and not set(labels) & set(others):
                symbols = tuple(glob.escape(n) for n in dict.fromkeys(labels))
                parts.append(replace(known[profile].pair((literal(name),)), symbol=symbols))
            else:
                numbers = tuple(x.number for x in chosen)
                parts.append(replace(known[profile].pair((literal(name),)), launch=numbers))
    return [*(known[p].pair(tuple(sorted(whole[p]))) for p in sorted(whole)), *parts]


def covered(launch: FoundLaunch, name: str, pairs: Sequence[Pair]) -> bool:
    """Whether a pair holds a launch already; *name* is its file's path from the settings."""
    return any(
        fits(name, p.files)
        and not fits(name, p.exclude)
        and (not p.launch or launch.number in p.launch)
        and (not p.symbol or any(fnmatchcase(launch.label, s) for s in p.symbol))
        for p in pairs
    )


def as_toml(pairs: Sequence[Pair]) -> str:
    """The pairs as they stand in a pyproject.toml."""
    return with_pairs("", pairs, "pyproject.toml").lstrip("\n")


def with_pairs(
    text: str, pairs: Sequence[Pair], path: str, said: Mapping[str, str] | None = None
) -> str:
    """A pyproject.toml's text with pairs added behind those that it has, and what else is *said*.

    All that was there stays as it was, to the letter. Raises SettingsError where the text is no
    TOML, or where something else stands in the place of the pairs.
    """
    import tomlkit  # here and below: only what writes pairs takes it
    from tomlkit.exceptions import TOMLKitError

    newline = "\r\n" if "\r\n" in text and "\n" not in text.replace("\r\n", "") else "\n"
    plain = text.replace("\r\n", "\n") if newline == "\r\n" else text
    mark = "\ufeff" if plain.startswith("\ufeff") else ""
    plain = plain.removeprefix(mark)
    try:
        before = tomllib.loads(plain)
        added = _added(tomlkit.parse(plain), pairs, said or {})
        after = tomllib.loads(added)
    except (TOMLKitError, tomllib.TOMLDecodeError, AttributeError, TypeError) as exc:
        raise SettingsError(
            f"the pairs can't be written: {exc}", where=path, expected="a pyproject.toml"
        ) from None
    inner: Any = before
    for key in TABLE:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else {}
    inner |= said or {}
    if pairs:
        inner["pairs"] = [*inner.get("pairs", []), *map(keys, pairs)]
    if before != after or not _kept(plain, added):
        raise SettingsError(
            "the pairs can't be written without changing what is there",
            where=path,
            expected="tables, [[tool.dsv4_env.pairs]]; `discover --toml` prints them",
        )
    return mark + (added.replace("\n", "\r\n") if newline == "\r\n" else added)


def keys(pair: Pair) -> Mapping[str, Any]:
    """The keys of a pair that says which launches it holds."""
    found: dict[str, Any] = {"profile": pair.profile}
    beside = {"strategy": pair.strategy, "nodes": pair.nodes, "role": pair.role}
    found |= {key: value for key, value in beside.items() if value is not None}
    found["files"] = list(pair.files)
    if pair.symbol:
        found["symbol"] = list(pair.symbol)
    if pair.launch:
        found["launch"] = list(pair.launch)
    for key in TARGET:
        if (value := getattr(pair, key)) is not None:
            found[key] = value
    return found


def _added(document: Any, pairs: Sequence[Pair], said: Mapping[str, str]) -> str:
    import tomlkit  # as above

    table = document
    for key in TABLE:
        if key not in table:
            table[key] = tomlkit.table(is_super_table=True)
        table = table[key]
    for key, value in said.items():
        table[key] = value
    if said and pairs and "pairs" not in table:
        table.add(tomlkit.nl())
    inline = "pairs" in table and not isinstance(table["pairs"], tomlkit.items.AoT)
    if pairs and "pairs" not in table:
        table["pairs"] = tomlkit.aot()
    for pair in pairs:
        item: Any = tomlkit.inline_table() if inline else tomlkit.table()
        for key, value in keys(pair).items():
            item[key] = _list(value, inline=inline) if isinstance(value, list) else value
        table["pairs"].append(item)
    text = tomlkit.dumps(document)
    return text if text.endswith("\n") else f"{text}\n"


def _list(values: list[Any], *, inline: bool) -> Any:
    import tomlkit  # as above

    found = tomlkit.array()
    found.extend(values)
    return found if inline else found.multiline(len(values) > 1)


def _kept(before: str, after: str) -> bool:
    """Whether all lines are still there, in their order."""
    lines = iter(after.splitlines())
    return all(line in lines for line in before.splitlines())
