"""A reader of a format of one's own: lines of variables and flags, a launch for each paragraph."""

from __future__ import annotations

from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, group_args
from dsv4_env.model.budget import Budget
from dsv4_env.readers.kind import FileKind


def read_all(data: str | bytes, path: str, *, budget: Budget | None = None) -> list[LaunchConfig]:
    """Return every launch of a file; each line costs a step of the budget."""
    budget = budget or Budget()
    text = data.decode() if isinstance(data, bytes) else data
    found: list[LaunchConfig] = []
    env: list[EnvVar] = []
    words: list[tuple[str, Location]] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        place = Location(path, number, 1)
        budget.step(place)
        name, equals, value = line.partition("=")
        if line.startswith("-"):
            words += [(word, place) for word in line.split()]
        elif equals:
            env.append(EnvVar(name, value, Origin("launch-list", place, value)))
        elif env or words:
            at = words[0][1] if words else env[0].location
            args = group_args(words, "launch-list")
            found.append(LaunchConfig(path, "launch-list", tuple(env), args, location=at))
            env, words = [], []
    return found


KIND = FileKind("launch-list", "a list of launches", read_all, named=r"[^/]+\.launches")
