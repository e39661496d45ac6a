"""The launches of one file told apart: by number, line, name and title."""

from __future__ import annotations

from fnmatch import fnmatchcase

from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ReadError, SeveralError, did_you_mean


def label(config: LaunchConfig, path: str) -> str:
    """What a launch is called within its file: ``TestV4.setUpClass``, ``job t``, or nothing."""
    return config.symbol or config.name.removeprefix(path).strip()


def titles(launches: list[LaunchConfig], path: str) -> list[str]:
    """What reports call each launch: the path, and what tells it from the others of the file."""
    found = []
    for number, config in enumerate(launches, 1):
        # A router beside it changes nothing of what a server is called.
        beside = [c for c in launches if config.router or not c.router]
        if sum(c.name == config.name for c in beside) == 1:
            found.append(config.name)
        elif config.symbol and sum(c.symbol == config.symbol for c in beside) == 1:
            found.append(f"{path}::{config.symbol}")
        else:
            found.append(f"{config.name}#{number}")
    return found


def choose(
    launches: list[LaunchConfig],
    path: str,
    *,
    launch: int | None = None,
    line: int | None = None,
    symbol: str | None = None,
    name: str | None = None,
) -> LaunchConfig:
    """The one launch that :func:`meant` gives. Raises ReadError where there is none, or several."""
    found = meant(launches, path, launch=launch, line=line, symbol=symbol, name=name)
    return only(found, path, name)


def only(found: list[LaunchConfig], path: str, name: str | None = None) -> LaunchConfig:
    """The one launch that was found. Raises ReadError where there are several."""
    if len(found) > 1:
        there = _one_of(_places(found, path, name))
        raise SeveralError(f"{len(found)} launches", where=path, expected=there)
    return found[0]


def meant(
    launches: list[LaunchConfig],
    path: str,
    *,
    launch: int | None = None,
    line: int | None = None,
    symbol: str | None = None,
    name: str | None = None,
) -> list[LaunchConfig]:
    """The launches that a number (from 1), a line or a symbol names; all without any of these.

    The only one is also the only server, with routers beside it.

    A symbol may be a shell pattern; *name* is what the launches call the file, where that isn't
    its path. Raises ReadError where there is no such launch.
    """
    if symbol is not None and launches:
        labels = [label(c, name or path) for c in launches]
        named = [c for c, n in zip(launches, labels, strict=True) if n == symbol]
        named = named or [
            c for c, n in zip(launches, labels, strict=True) if fnmatchcase(n, symbol)
        ]
        if not named:
            raise ReadError(
                f"no launch is called {symbol}",
                where=path,
                expected=_one_of(list(dict.fromkeys(filter(None, labels))) or ["no name at all"]),
                hint=did_you_mean(symbol, labels),
            )
        launches = named
    if not launches:
        raise ReadError(
            "no launch of SGLang found",
            where=path,
            expected="python3 -m sglang.launch_server … or sglang serve …",
        )
    if launch is not None:
        if 1 <= launch <= len(launches):
            return [launches[launch - 1]]
        there = _one_of(_places(launches, path, name))
        raise ReadError(f"there is no launch #{launch}", where=path, expected=there)
    if line is not None:
        for config in launches:
            if config.end_line and config.own_line and config.own_line <= line <= config.end_line:
                return [config]
        there = _one_of(_places(launches, path, name))
        raise ReadError(f"no launch at line {line}", where=path, expected=there)
    servers = [c for c in launches if not c.router]
    return servers if len(servers) == 1 else launches


def _places(launches: list[LaunchConfig], path: str, name: str | None) -> list[str]:
    """The launches as an operand names each, with where it stands."""
    told = [_place(c) for c in launches]
    if len(set(told)) < len(told):  # as in JSON of one line
        told = [label(c, name or path) or place for c, place in zip(launches, told, strict=True)]
    return [f"{path}#{i} ({place})" for i, place in enumerate(told, 1)]


def _place(config: LaunchConfig) -> str:
    return f"line {config.own_line}" if config.own_line else str(config.location)


_SHOWN = 40  # places in one message


def _one_of(places: list[str]) -> str:
    if len(places) == 1:
        return places[0]
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    return "one of " + ", ".join(places[:_SHOWN]) + more
