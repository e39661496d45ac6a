"""What is compared of a launch: without what belongs to one machine, by name and spelling."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from dsv4_env.catalogue.arguments import regrouped
from dsv4_env.catalogue.owners import owner
from dsv4_env.model import (
    EnvVar,
    LaunchConfig,
    Location,
    Origin,
    Outside,
    ServerArg,
    Unknown,
    Value,
    handed_on,
    is_flag,
    own_default,
)
from dsv4_env.model.condition import Condition, either
from dsv4_env.profile import Profile

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

POSITIONAL = "(positional)"
WHOLE = {"process", "inspected"}  # readers of all the environment that there is
UNORDERED = {"environment", "capture", *WHOLE}  # an environment of a process has no order

# Where a server listens and where its weights lie differ from machine to machine.
LOCAL = {"--host": "host", "--port": "port", "--model-path": "model-path", "--model": "model-path"}


def is_local(name: str, compare: Sequence[str]) -> bool:
    """Whether a flag is left out of comparisons because it belongs to one machine."""
    names = {name, LOCAL.get(name, name)}
    put_back = {c.lstrip("-") for c in compare}
    return name in LOCAL and not {n.lstrip("-") for n in names} & put_back


def is_ignored(name: str, ignore: Iterable[str]) -> bool:
    """Whether a pattern leaves the variable or flag out; flags may be named without dashes."""
    return any(
        fnmatch.fnmatchcase(name, p) or fnmatch.fnmatchcase(name.lstrip("-"), p) for p in ignore
    )


def with_model(profile: Profile) -> LaunchConfig:
    """The profile's launch with its own model path as the first argument."""
    config, model = profile.config, profile.default_model_path
    if model is None:
        return config
    origin = profile.origins.get(("model", "path"), Origin(profile.name))
    return replace(config, args=(ServerArg("--model-path", (model,), origin), *(config.args or ())))


def as_parsed(config: LaunchConfig, catalogue: Catalogue | None = None) -> LaunchConfig:
    """The launch with the model of ``sglang serve MODEL`` as ``--model-path`` (cli/serve.py).

    With a *catalogue* each flag has the values that the parser gives it.
    """
    if catalogue is not None:
        config = regrouped(config, catalogue)
    first = config.args[0] if config.args else None
    if first is None or not config.serves or first.flag is not None or len(first.values) != 1:
        return config
    return replace(config, args=(replace(first, flag="--model-path"), *(config.args or ())[1:]))


def open_words(config: LaunchConfig) -> Iterator[Unknown]:
    """The words that may be any flags: those that aren't known and belong to no flag.

    So are those of ``${EXTRA:---tp 4}``, whose default is flags.
    """
    for arg in config.args or ():
        for word in arg.values if arg.flag is None else ():
            if is_open(word):
                yield word


def is_open(word: Value) -> TypeGuard[Unknown]:
    """Whether a word that belongs to no flag may be any flags."""
    return isinstance(word, Unknown) and (
        word.default is None or any(map(is_flag, word.default.split()))
    )


def kept(
    config: LaunchConfig,
    ignore: Sequence[str],
    compare: Sequence[str],
    catalogue: Catalogue | None = None,
) -> tuple[LaunchConfig, set[str]]:
    """The config without what isn't compared, and the names left out."""
    left_out: set[str] = set()
    config = as_parsed(config, catalogue)

    def keep(name: str) -> bool:
        if is_local(name, compare) or is_ignored(name, ignore):
            left_out.add(name)
            return False
        return True

    env = tuple(e for e in config.env if keep(e.name))
    args = config.args
    if args is not None:
        args = tuple(a for a in args if a.flag is None or keep(a.flag))
    return replace(config, env=env, args=args), left_out


@dataclass(frozen=True, slots=True)
class ComparedSetting:
    """One setting of a side: its words as spelled, and *spelling*, what is compared of them."""

    name: str
    words: tuple[Value, ...]
    location: Location | None
    condition: Condition | None = None
    spelling: tuple[str, ...] = ()


Side: TypeAlias = dict[str, list[ComparedSetting]]
"""Name to the setting, or to its alternatives where it depends on conditions."""


def compared_setting(
    name: str,
    words: tuple[Value, ...],
    location: Location | None,
    condition: Condition | None = None,
) -> ComparedSetting:
    """A setting compared by its spelling; of a value with a default, the default counts."""
    spelling = tuple(text for word in words for text in _spelling(word))
    return ComparedSetting(name, words, location, condition, spelling)


def _spelling(word: Value) -> list[str]:
    if isinstance(word, str):
        return [word]
    if word.default is None:
        return [f"\0{word.text}"]
    return word.default.split() if word.splits else [word.default]


def compared_settings(config: LaunchConfig) -> dict[str, Side]:
    """The settings of a launch that count, by section and name."""
    env: Side = {}
    for e in config.env:
        if not e.superseded:
            env.setdefault(e.name, []).append(
                compared_setting(e.name, (e.value,), e.location, e.condition)
            )
    args: Side = {}
    for arg in config.args or ():
        name = arg.flag or POSITIONAL
        found = args.setdefault(name, [])
        if found and arg.condition is None and found[-1].condition is None:
            before = found.pop()  # a repeated flag is one setting of several words
            found.append(compared_setting(name, before.words + arg.words, arg.location))
        else:
            found.append(compared_setting(name, arg.words, arg.location, arg.condition))
    return {"env": _distinct(env), "args": _distinct(args)}


def _distinct(side: Side) -> Side:
    """The side with alternatives that are spelled the same made one: A=1 if c, else A=1, is A=1."""
    for name, found in side.items():
        if len(found) > 1:
            alike: dict[tuple[str, ...], ComparedSetting] = {}
            for one in found:
                before = alike.get(one.spelling)
                if before is not None:
                    one = replace(before, condition=either(before.condition, one.condition))
                alike[one.spelling] = one
            side[name] = list(alike.values())
    return side


def is_unknown(words: tuple[Value, ...]) -> bool:
    """Whether what the words stand for can't be known."""
    return any(
        isinstance(w, Unknown) and w.default is None and not isinstance(w, Outside) for w in words
    )


def without_outside(left: LaunchConfig, right: LaunchConfig) -> tuple[LaunchConfig, LaunchConfig]:
    """Both sides without what one takes from the environment where the other agrees to that.

    A source does where it doesn't set the variable, or from what can't be known; an environment,
    which holds the values themselves, where it has it. So is a variable of the script's own, which
    the server has as it stands outside.
    """
    for a, b in ((left, right), (right, left)):
        agreed = {e.name for e in a.env if isinstance(e.value, Outside) and _agrees(b, e.name)}
        agreed |= {n for n in a.effective_env.keys() - b.effective_env.keys() if _is_passed(a, n)}
        if agreed:
            left, right = (
                replace(side, env=tuple(e for e in side.env if e.name not in agreed))
                for side in (left, right)
            )
    return left, right


def as_started(
    profile: LaunchConfig, given: Mapping[str, str], other: LaunchConfig
) -> LaunchConfig:
    """A profile's launch as it's started where the environment has the *given* variables.

    What it takes from there is what is given, where *other* makes the setting, too: a launch that
    doesn't is said to lack what the profile states. Any other launch stays as it is, as what it's
    given reaches it when it's read.
    """
    if profile.reader != "profile":
        return profile
    made: dict[str, list[Value]] = {}
    for e in other.env:
        made.setdefault(e.name, []).append(e.value)
    env = tuple(
        replace(e, value=given[e.name]) if _takes(e, given, made.get(e.name, ())) else e
        for e in profile.env
    )
    return profile if env == profile.env else replace(profile, env=env)


def _takes(setting: EnvVar, given: Mapping[str, str], made: Sequence[Value]) -> bool:
    """Whether a variable has what is given outside: its default counts where that is empty.

    What has to come from there is told as such where the other launch *made* something else of it.
    """
    if isinstance(setting.value, Outside):
        return bool(made) and all(value == given.get(setting.name) for value in made)
    default = own_default(setting.name, setting.value)
    return bool(made) and default is not None and bool(given.get(setting.name))


def _is_passed(config: LaunchConfig, name: str) -> bool:
    """Whether a variable that no known program reads is only handed on where it's set outside.

    ``LOGS=${LOGS:-/tmp}`` without an export: without it the server had the same one.
    """
    made = [e for e in config.env if e.name == name]
    return owner(name) is None and all(handed_on(name, e.value, e.condition) for e in made)


def _agrees(config: LaunchConfig, name: str) -> bool:
    """Whether a launch takes a variable from outside, by all the settings that it makes of it."""
    made = [e for e in config.env if e.name == name and not e.superseded]
    if config.reader in UNORDERED:
        return any(e.value for e in made)
    if config.reader == "profile":
        return any(isinstance(e.value, Outside) for e in made)
    return all(isinstance(e.value, Unknown) and not e.value.default for e in made)


def compared_sections(left: LaunchConfig, right: LaunchConfig) -> list[str]:
    """``env`` and ``args``, each where both sides can hold such."""
    env = [] if left.arguments_alone or right.arguments_alone else ["env"]
    return env if left.args is None or right.args is None else [*env, "args"]
