"""``get``: one value of a profile, for a script."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from dsv4_env.cli import complete
from dsv4_env.cli.names import named_profile, no_profile, tell_range
from dsv4_env.cli.options import profiles_option
from dsv4_env.cli.output import write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.target import target_options
from dsv4_env.model import own_default, text_of
from dsv4_env.model.errors import Dsv4Error, ProfileError, did_you_mean
from dsv4_env.model.quoting import word
from dsv4_env.profile import Profile
from dsv4_env.reporters.shown import target_of


def _offered(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the profile that is named has."""
    try:
        profile = named_profile(ctx.params["profile_name"], profile_folder(ctx.params["folder"]))
    except (Dsv4Error, LookupError):
        return []
    return complete.starting(_names(profile), incomplete) if profile else []


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("profile_name", metavar="PROFILE", shell_complete=complete.offered_profiles)
@click.argument("name", metavar="NAME", shell_complete=_offered)
@target_options
@profiles_option
def get(profile_name: str, name: str, folder: Path | None) -> None:
    """Print one value of a profile, and nothing else.

    NAME is a variable, a flag in any of its spellings, or a key of a table (model.path), as
    `dsv4-env show PROFILE` lists them. Several values of a flag are quoted as for a shell, and a
    flag that is given more than once has a line each; one without a value is an empty line. A
    variable that the environment decides has the value that it has here. Secrets aren't masked.

    \b
    Exit codes: 0 the profile has it, 2 it doesn't.

    \b
    Examples:
      dsv4-env get pro-fp4 SGLANG_USE_AITER
      dsv4-env get pro-fp4@b200 --tp
      dsv4-env get pro-fp4 model.path
      dsv4-env get pro-fp4 quality.gsm8k-threshold
      dsv4-env get pro-fp4 --disable-radix-cache >/dev/null && echo "no radix cache"
    """
    profile = named_profile(profile_name, profile_folder(folder))
    if profile is None:
        raise no_profile(profile_name)
    tell_range(profile)
    write("".join(f"{line}\n" for line in _values(profile, name)), hands_on=True)


def _values(profile: Profile, name: str) -> list[str]:
    """The lines that are printed. Raises ProfileError where the profile has no such name."""
    if name.startswith("-"):
        found = list(_flag(profile, name))
        if found:
            return found
    setting = profile.config.effective_env.get(name)
    if setting is not None:
        here = os.environ.get(name)
        if here and own_default(name, setting.value) is not None:
            return [here]
        value = text_of(setting.value)
        # launch_env says what is missing, and where the profile says that it's taken from outside.
        return [value if value is not None else profile.launch_env(os.environ)[name]]
    tables = {"target": target_of(profile), **profile.data}
    if name in tables:
        keys = ", ".join(f"{name}.{key}" for key in tables[name])
        raise ProfileError(f"{name} of {profile.name} is a table", expected=f"one of {keys}")
    for table, values in tables.items():
        if name.startswith(f"{table}.") and name[len(table) + 1 :] in values:
            return [_text(values[name[len(table) + 1 :]])]
    kind = "flag" if name.startswith("-") else "variable" if name.isupper() else None
    raise ProfileError(
        f"{profile.name} has no {kind} {name}"
        if kind
        else f"{profile.name} has nothing called {name}",
        expected=f"one that `dsv4-env show {profile.name}` lists",
        hint=_meant(profile, name),
    )


def _meant(profile: Profile, name: str) -> str | None:
    """The name that was meant: a flag without its dashes, what a layer calls it, one spelled so."""
    known = _names(profile)
    table, dot, key = name.partition(".")
    bare = key if dot and table in ("env", "args") else name
    given = next((n for n in known if n.casefold() == bare.casefold()), None)
    if given is not None:
        return given
    flag = f"--{bare.lstrip('-').replace('_', '-')}"
    if table != "env" and any(True for _ in _flag(profile, flag)):
        return flag
    alike = [n for n in known if n.startswith("-") is bare.startswith("-")]
    flags = [n for n in known if n.startswith("-")]
    return did_you_mean(bare, alike) or did_you_mean(flag, flags) or _with_word(bare, known)


def _with_word(text: str, known: Sequence[str]) -> str | None:
    """The names that a part of one stands for: `gsm8k`, `timeout`; None where it's in many."""
    part = text.lstrip("-").replace("_", "-").casefold()
    found = [n for n in known if part in n.replace("_", "-").casefold()]
    return " or ".join(found) if part and len(found) <= _EACH else None


_EACH = 3  # names that are offered


def _flag(profile: Profile, name: str) -> Iterator[str]:
    # What the catalogue takes to load, only where a flag is asked for.
    from dsv4_env.catalogue.releases import load
    from dsv4_env.profile.overriding import same_flag

    catalogue = load(profile.sglang)
    for arg in profile.config.args or ():
        if arg.flag and same_flag(catalogue, arg.flag, name):
            values = [text_of(v) or "" for v in arg.values]
            yield values[0] if len(values) == 1 else " ".join(map(word, values))


def _names(profile: Profile) -> list[str]:
    held = {"target": target_of(profile), **profile.data}
    tables = [f"{table}.{key}" for table, keys in held.items() for key in keys]
    flags = [a.flag for a in profile.config.args or () if a.flag]
    return [*(e.name for e in profile.config.env), *flags, *tables]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


COMMANDS = (get,)
