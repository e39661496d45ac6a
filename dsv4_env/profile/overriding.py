"""A profile as a command line changes it for one call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from dsv4_env.catalogue.entries import Catalogue
from dsv4_env.catalogue.history import flag_in
from dsv4_env.catalogue.releases import load
from dsv4_env.model import EnvVar, Origin, ServerArg, group_args
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.profile.profile import Profile

COMMAND_LINE = "command line"  # what such a value's origin is called


def overridden(
    profile: Profile,
    variables: Mapping[str, str],
    words: Sequence[str] = (),
    gone: Collection[str] = (),
) -> Profile:
    """The profile with *variables* set, and arguments of the server replaced where they stand.

    *words* are those of a command line: a flag among them takes the place of the profile's own,
    however that is spelled; what the profile lacks comes last. *gone* are names of variables and
    flags that are left out. Raises UsageError for a flag that the profile doesn't have.
    """
    if not (variables or words or gone):
        return profile
    flags = [name for name in gone if name.startswith("-")]
    args = profile.config.args or ()
    if words or flags:
        args = tuple(_arguments(profile, args, words, flags))
    env = _variables(profile.config.env, variables, gone)
    return replace(profile, config=replace(profile.config, env=env, args=args), refused=None)


def same_flag(catalogue: Catalogue, a: str, b: str) -> bool:
    """Whether two flags are one argument of a release, by what it and later ones call it."""
    return _argument(catalogue, a) == _argument(catalogue, b)


def _argument(catalogue: Catalogue, flag: str) -> str:
    match = catalogue.argument(flag_in(catalogue, flag))
    return match.argument.flag if match is not None and match.argument is not None else flag


def _variables(
    env: Iterable[EnvVar], variables: Mapping[str, str], gone: Collection[str]
) -> tuple[EnvVar, ...]:
    left = dict(variables)
    found: list[EnvVar] = []
    for setting in env:
        if setting.name in left:
            value = left.pop(setting.name)
            found.append(EnvVar(setting.name, value, _given(value, setting.origin)))
        elif setting.name not in gone:
            found.append(setting)
    return (*found, *(EnvVar(name, value, _given(value)) for name, value in left.items()))


def _arguments(
    profile: Profile, args: Sequence[ServerArg], words: Sequence[str], gone: Sequence[str]
) -> list[ServerArg]:
    catalogue = load(profile.sglang)
    given: dict[str, list[ServerArg]] = {}
    for arg in group_args([(word, None) for word in words], COMMAND_LINE):
        given.setdefault(_argument(catalogue, arg.flag) if arg.flag else "", []).append(arg)
    own = {_argument(catalogue, a.flag): a.flag for a in args if a.flag}
    dropped = {_argument(catalogue, flag): flag for flag in gone}
    for name, flag in dropped.items():
        if name in given:
            raise UsageError(f"--arg and --unset {flag}", expected="one of the two")
        if name not in own:
            raise UsageError(
                f"--unset={flag}: {profile.name} doesn't give that flag",
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
        found += [replace(new, origin=_given(_spelled(new), arg.origin)) for new in given[name]]
    rest = [new for name, news in given.items() if name not in placed for new in news]
    return [*found, *(replace(new, origin=_given(_spelled(new))) for new in rest)]


def _spelled(arg: ServerArg) -> str:
    return " ".join(map(str, arg.values))


def _given(value: str, before: Origin | None = None) -> Origin:
    return Origin(COMMAND_LINE, None, value, before)
