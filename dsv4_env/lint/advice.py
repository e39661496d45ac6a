"""What is advised on the way to another release, and the layer and the launch that follow it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dsv4_env.catalogue import TREE, Catalogue
from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg
from dsv4_env.profile import Profile

Values = tuple[tuple[str, ...], ...]


class Action(enum.StrEnum):
    """What to do: *decide* is for the profile's author alone, *keep* is for information."""

    RENAME = "rename"
    DROP = "drop"
    CHANGE = "change"
    SET = "set"
    DECIDE = "decide"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do about *name*, and why.

    *new* is the name it should have; *values* the occurrences that it should then have, each the
    words after the flag (of a variable, one word), None where nothing is to be set. *also* are
    further flags that take its place, with theirs. *idle*: the release makes nothing of it, so
    that nothing is lost where it goes.
    """

    action: Action
    name: str
    reason: str
    new: str | None = None
    values: Values | None = None
    also: tuple[tuple[str, Values], ...] = ()
    idle: bool = False

    @property
    def sets(self) -> tuple[tuple[str, Values], ...]:
        """What is to be set, by name."""
        if self.action not in _SETTING or self.new is None or self.values is None:
            return ()
        return ((self.new, self.values), *self.also)

    @property
    def unsets(self) -> bool:
        """Whether its own name goes."""
        return self.action in (Action.RENAME, Action.DROP)


_SETTING = (Action.RENAME, Action.CHANGE, Action.SET)


# The layer


def layer(profile: Profile, advice: Iterable[Advice], after: Catalogue) -> dict[str, Any]:
    """The layer that extends the profile and does what is advised, as a TOML document."""
    unset: dict[str, list[str]] = {"env": [], "args": []}
    env: dict[str, str] = {}
    args: dict[str, Any] = {}
    given_flags = {a.flag for a in profile.config.args or ()}
    for a in advice:
        table = "args" if a.name.startswith("-") else "env"
        present = a.name in given_flags or a.name in profile.config.effective_env
        if a.unsets and present:
            unset[table].append(a.name)
        for name, values in a.sets:
            if table == "env":
                env[name] = values[0][0]
            else:
                args[name] = flag_value(values)
    document: dict[str, Any] = {
        "description": f"{profile.description or profile.name}, for {after.name}",
        "extends": [profile.name.partition("@")[0]],
    }
    tables: Mapping[str, Mapping[str, Any]] = {
        "unset": {k: v for k, v in unset.items() if v},
        "env": env,
        "args": args,
        "sglang": {} if after.release == TREE else {"range": f"=={after.release}"},
    }
    return document | {name: dict(table) for name, table in tables.items() if table}


def flag_value(values: Values) -> Any:
    """The occurrences of a flag as a layer spells them: true, a word, several words, or all."""
    if len(values) > 1:
        return [list(words) for words in values]
    words = values[0]
    return True if not words else words[0] if len(words) == 1 else list(words)


def applied(config: LaunchConfig, advice: Iterable[Advice]) -> LaunchConfig:
    """The launch of a profile with the layer of :func:`layer` on it."""
    env = {e.name: e for e in config.env if not e.superseded}
    args: list[ServerArg] = list(config.args or ())
    for a in advice:
        flag = a.name.startswith("-")
        if a.unsets:
            env.pop(a.name, None)
            args = [x for x in args if x.flag != a.name]
        for name, values in a.sets:
            origin = Origin("upgrade", None, " ".join(values[0]))
            if not flag:
                env[name] = EnvVar(name, values[0][0], origin)
                continue
            at = next((n for n, x in enumerate(args) if x.flag == name), len(args))
            args = [x for x in args if x.flag != name]
            args[at:at] = [ServerArg(name, words, origin) for words in values]
    return replace(config, env=tuple(env.values()), args=tuple(args))


def spelled(name: str, values: Values) -> str:
    """A setting as a command line spells it."""
    return " ".join((name, *(w for words in values for w in words)))
