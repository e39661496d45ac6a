"""What a launch has that a profile can hold, and what of it none can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dsv4_env.compare.normalise import LOCAL, is_local
from dsv4_env.drift.nearest import model_of
from dsv4_env.model import ENV_NAME, EnvVar, LaunchConfig, Location, Outside, ServerArg, Unknown
from dsv4_env.model.launch import own_default
from dsv4_env.model.secrets import plain_default, plain_secret
from dsv4_env.profile import Profile
from dsv4_env.profile.layer import spelled_key
from dsv4_env.profile.schema import FLAG_NAME, Default, FromEnvironment

Key: TypeAlias = tuple[str, str]
"""A table of a layer, and a key in it."""

Words: TypeAlias = tuple[tuple[str, ...], ...]
"""Each occurrence of a flag with its values."""

Held: TypeAlias = "str | Default | FromEnvironment | Words | tuple[str, ...] | int | float | bool"
"""A value as a layer can hold it."""

ORDER: Key = ("launch", "argument-order")
TABLES = ("model", "launch", "ci", "quality")
"""What is taken along beside variables and arguments."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a launch that no profile can hold: *why*, and where it is."""

    name: str
    why: str
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Carried:
    """What a launch has: *settings* in its order, the *order* of its flags, and what is *left*.

    Where it is *open*, any variable may have been set, so that none is known to be missing. The
    *model* is what it names, as its own setting or as a fact.
    """

    settings: dict[Key, Held]
    order: tuple[str, ...]
    left: tuple[LeftOut, ...] = ()
    open: bool = False
    model: str | None = None

    def lacks(self, key: Key) -> bool:
        """Whether it is known not to have a setting."""
        table, name = key
        known = table == "args" or (table == "env" and not self.open)
        return known and key not in self.settings and all(x.name != name for x in self.left)

    def says(self, key: Key) -> bool:
        """Whether it is known what it has of a setting: a value, or that it has none."""
        return key in self.settings or self.lacks(key)

    def otherwise(self, profile: Carried) -> list[Key]:
        """The settings that a profile has otherwise, sorted, without the order of flags.

        What only the profile says counts where it is known that this launch lacks it.
        """
        return sorted(
            key
            for key in {*self.settings, *profile.settings}
            if self.settings.get(key) != profile.settings.get(key) and self.says(key)
        )


def carried(launch: LaunchConfig, sglang: str, vendor: str = "") -> Carried:
    """What of a launch a profile can hold, its flags as a release spells them.

    *vendor* is whose CI's registrations count.
    """
    settings: dict[Key, Held] = {}
    left: list[LeftOut] = []
    for name, variable in launch.effective_env.items():
        held = _variable(variable)
        if isinstance(held, LeftOut):
            left.append(held)
        else:
            settings["env", name] = held
    groups: dict[str, list[ServerArg]] = {}
    for arg in launch.args or ():
        spelled = spelled_key(("args", arg.flag), sglang)[1] if arg.flag else ""
        groups.setdefault(spelled, []).append(arg)
    for flag, args in groups.items():
        if _of_machine(flag):
            continue
        given = _argument(flag, args)
        if isinstance(given, LeftOut):
            left.append(given)
        else:
            settings["args", flag] = given
    known = {f.vendor for f in launch.facts if f.vendor}
    for fact in launch.facts:
        if fact.vendor and fact.vendor != vendor and (vendor in known or len(known) > 1):
            continue
        if not fact.key:
            left.append(LeftOut(fact.table, str(fact.value), fact.location))
        elif isinstance(fact.value, Unknown):
            name = f"{fact.table}.{fact.key}"
            left.append(LeftOut(name, fact.value.reason, fact.location))
        else:
            settings[fact.table, fact.key] = fact.value
    order = tuple(f for f in groups if ("args", f) in settings)
    opened = any(n.opens for n in launch.notes)
    return Carried(settings, order, tuple(left), opened, model_of(launch))


def held_by(profile: Profile) -> Carried:
    """What a profile holds, in the same terms."""
    settings: dict[Key, Held] = {}
    for name, variable in profile.config.effective_env.items():
        held = _variable(variable)
        if not isinstance(held, LeftOut):
            settings["env", name] = held
    groups: dict[str, list[tuple[str, ...]]] = {}
    for arg in profile.config.args or ():
        groups.setdefault(arg.flag or "", []).append(tuple(map(str, arg.values)))
    settings |= {("args", flag): tuple(words) for flag, words in groups.items()}
    for table in TABLES:
        for key, value in profile.data.get(table, {}).items():
            if (table, key) != ORDER:
                settings[table, key] = value
    return Carried(settings, tuple(groups), model=profile.default_model_path)


def _variable(variable: EnvVar) -> Held | LeftOut:
    value = variable.value
    if variable.condition is not None:
        return LeftOut(variable.name, f"it is set when {variable.condition}", variable.location)
    if not ENV_NAME.fullmatch(variable.name):
        return LeftOut(
            variable.name, "no layer can hold a variable of this name", variable.location
        )
    if isinstance(value, Outside):
        return FromEnvironment.REQUIRED
    default = own_default(variable.name, value)
    if default:
        if plain_secret(variable.name, default):
            return LeftOut(variable.name, "it looks like a secret", variable.location)
        return Default(default)
    if isinstance(value, Unknown):
        return LeftOut(variable.name, _why(value), value.location or variable.location)
    if plain_secret(variable.name, value) or plain_default(value):
        return LeftOut(variable.name, "it looks like a secret", variable.location)
    return value


def _argument(flag: str, args: list[ServerArg]) -> Words | LeftOut:
    where = args[0].location
    if not flag:
        words = [w for a in args for w in a.values]
        text = " ".join(w if isinstance(w, str) else w.text for w in words)
        return LeftOut(text, "these words belong to no flag", where)
    if not FLAG_NAME.fullmatch(flag):
        return LeftOut(flag, "no layer can hold a flag of this name", where)
    for arg in args:
        if arg.condition is not None:
            return LeftOut(flag, f"it is given when {arg.condition}", arg.location)
        for value in arg.values:
            if isinstance(value, Unknown):
                return LeftOut(flag, _why(value), value.location or arg.location)
            if plain_secret(flag, value):
                return LeftOut(flag, "it looks like a secret", arg.location)
    return tuple(tuple(map(str, arg.values)) for arg in args)


def _of_machine(flag: str) -> bool:
    """Whether a flag is the machine's (host and port), or the model's, which is a fact."""
    return bool(flag) and (is_local(flag, ()) or flag in LOCAL)


def _why(value: Unknown) -> str:
    names = f" ({', '.join(value.names)})" if value.names else ""
    return f"{value.reason}{names}: {value.text}"
