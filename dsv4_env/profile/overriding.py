"""A profile as a command line, or a test, changes it for one launch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue.entries import Catalogue
from dsv4_env.catalogue.history import flag_in
from dsv4_env.catalogue.releases import load
from dsv4_env.model import ENV_NAME, EnvVar, Origin, ServerArg, Unknown, Value, group_args
from dsv4_env.model.errors import ProfileError, did_you_mean, shortened

if TYPE_CHECKING:
    from dsv4_env.profile.profile import Profile

COMMAND_LINE = "command line"  # what such a value's origin is called


def overridden(
    profile: Profile,
    variables: Mapping[str, str],
    words: Sequence[str] = (),
    gone: Collection[str] = (),
    by: str = COMMAND_LINE,
) -> Profile:
    """The profile with *variables* set, and arguments of the server replaced where they stand.

    *words* are those of a command line: a flag among them takes the place of the profile's own,
    however that is spelled; what the profile lacks comes last. *gone* are names of variables and
    flags that are left out. Raises ProfileError for a flag that the profile doesn't have.
    """
    env = [EnvVar(name, value, Origin(by, None, value)) for name, value in variables.items()]
    return changed(profile, env, group_args([(word, None) for word in words], by), gone)


def changed(
    profile: Profile,
    env: Sequence[EnvVar],
    args: Sequence[ServerArg],
    gone: Collection[str] = (),
) -> Profile:
    """As :func:`overridden`, of settings that know who made them."""
    if not (env or args or gone):
        return profile
    flags = [name for name in gone if name.startswith("-")]
    found = profile.config.args or ()
    if args or flags:
        found = tuple(_arguments(profile, found, args, flags))
    config = replace(profile.config, env=_variables(profile.config.env, env, gone), args=found)
    return replace(profile, config=config, refused=None)


def of_their_kinds(args: object, env: object, without: object) -> None:
    """Refuse what is no list of words, or no dict of variables. Raises ProfileError.

    Going over a dict would give its keys alone, over bytes numbers; a set has no order in which a
    flag could stand before its value, and a generator is at its end once it's looked at.
    """
    for name, words, kinds in (("args", args, (Sequence,)), ("without", without, _SEVERAL)):
        if isinstance(words, str):
            listed = ", ".join(f'"{word}"' for word in words.split())
            raise ProfileError(f"{name} is {words!r}", expected=f"a list of words: [{listed}]")
        if isinstance(words, bytes | bytearray | memoryview) or not isinstance(words, kinds):
            raise ProfileError(f"{name} is {_shown(words)}", expected="a list of words")
    if env is not None and not isinstance(env, Mapping):
        raise ProfileError(f"env is {_shown(env)}", expected="a dict of variables and their values")


def _shown(value: object) -> str:
    return f"{shortened(repr(value), 80)}, {type(value).__name__}"


_SEVERAL: tuple[type, ...] = (Sequence, AbstractSet)  # of names that are left out, any order does


def asked_of_test(
    profile: Profile, args: Sequence[Value], env: Mapping[str, Value], without: Sequence[str]
) -> None:
    """Refuse what a test can't mean when it changes a profile. Raises ProfileError."""
    for word in args:
        if not isinstance(word, str | Unknown):
            raise ProfileError(f"the argument {word!r} is no text", expected=f'"{word}"')
    loose = next((a for a in group_args([(w, None) for w in args], "") if a.flag is None), None)
    if loose is not None and isinstance(loose.values[0], str):
        word = loose.values[0]
        parts = ", ".join(f'"{part}"' for part in word.split())
        several = word.startswith("-") and " " in word
        expected = f"a word for each part: {parts}" if several else "a flag before it"
        raise ProfileError(
            f"the argument {word!r} is no flag, and belongs to none", expected=expected
        )
    for name, value in env.items():
        if not isinstance(name, str) or not ENV_NAME.fullmatch(name):
            raise ProfileError(f"{name!r} can't name a variable", expected="letters, digits and _")
        if not isinstance(value, str | Unknown):
            raise ProfileError(f"{name} is {value!r}, which is no text", expected=f'"{value}"')
    own = [e.name for e in profile.config.env]
    for name in without:
        if not isinstance(name, str):
            raise ProfileError(f"{name!r} is no name", expected="a flag, or a variable")
        if name in env:
            raise ProfileError(f"{name} is both set and left out", expected="one of the two")
        if not name.startswith("-") and name not in own:
            raise ProfileError(
                f"{profile.name} doesn't set {name}, so it can't be left out",
                expected="one of " + ", ".join(own) if own else "no variable",
                hint=did_you_mean(name, own),
            )


def same_flag(catalogue: Catalogue, a: str, b: str) -> bool:
    """Whether two flags are one argument of a release, by what it and later ones call it."""
    return _argument(catalogue, a) == _argument(catalogue, b)


def _argument(catalogue: Catalogue, flag: str) -> str:
    match = catalogue.argument(flag_in(catalogue, flag))
    return match.argument.flag if match is not None and match.argument is not None else flag


def _variables(
    env: Iterable[EnvVar], given: Sequence[EnvVar], gone: Collection[str]
) -> tuple[EnvVar, ...]:
    left = {new.name: new for new in given}
    found: list[EnvVar] = []
    for setting in env:
        if setting.name in left:
            new = left.pop(setting.name)
            found.append(replace(new, origin=replace(new.origin, overrode=setting.origin)))
        elif setting.name not in gone:
            found.append(setting)
    return (*found, *left.values())


def _arguments(
    profile: Profile, args: Sequence[ServerArg], news: Sequence[ServerArg], gone: Sequence[str]
) -> list[ServerArg]:
    catalogue = load(profile.sglang)
    given: dict[str, list[ServerArg]] = {}
    for new in news:
        spelled = replace(new, origin=replace(new.origin, value=_spelled(new)))
        given.setdefault(_argument(catalogue, new.flag) if new.flag else "", []).append(spelled)
    own = {_argument(catalogue, a.flag): a.flag for a in args if a.flag}
    dropped = {_argument(catalogue, flag): flag for flag in gone}
    for name, flag in dropped.items():
        if name in given:
            raise ProfileError(f"{flag} is both given and left out", expected="one of the two")
        if name not in own:
            raise ProfileError(
                f"{profile.name} doesn't give {flag}, so it can't be left out",
                expected="one of " + ", ".join(own.values()) if own else "no flag",
                hint=did_you_mean(flag, own.values()),
            )
    found: list[ServerArg] = []
    placed: set[str] = set()
    for arg in args:
        name = _argument(catalogue, arg.flag) if arg.flag else ""
        if name in dropped or name in placed:
            continue
        if not name or name not in given:
            found.append(arg)
            continue
        placed.add(name)
        found += [replace(g, origin=replace(g.origin, overrode=arg.origin)) for g in given[name]]
    return [*found, *(new for name, each in given.items() if name not in placed for new in each)]


def _spelled(arg: ServerArg) -> str:
    return " ".join(v if isinstance(v, str) else v.text for v in arg.values)
