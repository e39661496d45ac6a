"""The words of the field: what a launch is, where each part of it stands and who set it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from dsv4_env.model.condition import Condition, Test

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")  # argparse takes these as values, not as flags


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file; line and column count from 1, columns in characters."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(p) for p in (self.path, self.line, self.column) if p is not None)


_PACKAGE = Path(__file__).parent.parent


@cache
def shipped_dir() -> Path:
    """The folder of the profiles that come with the package."""
    installed = _PACKAGE / "profiles"
    return installed if installed.is_dir() else _PACKAGE.parent / "profiles"


def is_installed(path: str) -> bool:
    """Whether a file comes with an installed package, so that nobody mends it in its place."""
    shipped = shipped_dir()
    return shipped.parent == _PACKAGE and path.startswith(f"{shipped}{os.sep}")


def shown_path(path: str, root: str) -> str:
    """A path as shown: relative to *root* where it lies below it, else as it is.

    What comes with the package is ``dsv4_env/profiles/…``, wherever that is installed: a path
    into site-packages would hide what counts.
    """
    below = bool(root) and path.startswith(root.rstrip(os.sep) + os.sep)
    if below and not is_installed(path):
        return os.path.relpath(path, root)
    if path.startswith(f"{shipped_dir()}{os.sep}"):
        return f"dsv4_env/profiles/{os.path.relpath(path, shipped_dir())}"
    return path


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that can't be known without running something.

    *text* is the source with the known parts filled in, *names* the outside variables that
    decide it, *default* what it is when none of them is set (None when that isn't known either),
    *splits* whether it may become any number of words. *file* is the file that it names, where
    that is known though its spelling isn't (``$HERE/a.yaml``).
    """

    text: str
    reason: str
    names: tuple[str, ...] = ()
    default: str | None = None
    splits: bool = False
    location: Location | None = None
    file: Path | None = field(default=None, compare=False, repr=False, kw_only=True)

    def __str__(self) -> str:
        return f"<unknown: {self.text}>"


@dataclass(frozen=True, slots=True)
class Outside(Unknown):
    """A variable's value that a launch takes from the environment that it is started in.

    A profile states it; *default* is what counts where the environment has none (None: it has to
    have one).
    """

    def __str__(self) -> str:
        return "from the environment"


FROM_ENVIRONMENT = "{from-environment = true}"  # as a layer spells it


def outside(name: str, location: Location | None = None) -> Outside:
    """The value that the variable has in the environment, which has to have it."""
    reason = "it is taken from the environment"
    return Outside(f"${{{name}}}", reason, (name,), location=location)


def overridable(name: str, default: str, location: Location | None = None) -> Unknown:
    """The value that the variable has in the environment; *default* where it is unset or empty."""
    text, reason = f"${{{name}:-{default}}}", "the environment may override it"
    return Unknown(text, reason, (name,), default, location=location)


def own_default(name: str, value: Value) -> str | None:
    """What a variable is unless the environment has it already; None where that's no question."""
    return value.default if isinstance(value, Unknown) and value.names == (name,) else None


Value: TypeAlias = str | Unknown


def text_of(value: Value) -> str | None:
    """A value as text, None where it isn't known: of what the outside may override, the default."""
    return value.default if isinstance(value, Unknown) else value


HANDED_ON = "what the environment has, if anything"


def unexported(name: str, condition: Condition | None) -> bool:
    """Whether a shell's variable is given only as it was set outside, which exports it."""
    return condition == Test(name, "outside")


def handed_on(name: str, value: Value, condition: Condition | None) -> bool:
    """Whether a launch has a variable only as the environment has it: ``A=${A:-b}``, no export.

    What such an assignment says reaches the server in place of an empty value alone.
    """
    if not unexported(name, condition) or not isinstance(value, Unknown):
        return False
    start, depth = f"${{{name}", 0
    for at, character in enumerate(value.text):
        depth += (character == "{") - (character == "}")
        if at and not depth:
            break  # the end of `${A…}`, behind which nothing else stands
    else:
        return False
    rest = value.text[len(start) :]
    return (
        value.text.startswith(start)
        and at == len(value.text) - 1
        and rest.startswith(("}", "-", ":-"))
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Who set a value: a layer (``fp4``) or a reader (``bash``), where, and what it overrode.

    *value* is what this origin set, spelled as in its source; None where it unset the setting.
    *when* says under which conditions a layer does, *source* where it has the value from.
    """

    name: str
    location: Location | None = None
    value: str | None = None
    overrode: Origin | None = None
    when: str = ""
    source: str = ""

    def chain(self) -> Iterator[Origin]:
        """This origin, then what it overrode, down to the first that set the value."""
        origin: Origin | None = self
        while origin is not None:
            yield origin
            origin = origin.overrode


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One setting of an environment variable. *superseded*: a later one of the same name wins.

    *condition* is what must hold for the setting to be made (``DP_ATTENTION = "true"``), None
    where it always is.
    """

    name: str
    value: Value
    origin: Origin
    superseded: bool = False
    condition: Condition | None = None

    @property
    def location(self) -> Location | None:
        """Where it is set."""
        return self.origin.location


@dataclass(frozen=True, slots=True)
class ServerArg:
    """One server argument: a flag with its 0, 1 or n values, as spelled.

    *flag* is None for words before any flag; *joined* marks the spelling ``--flag=value``;
    *condition* is as in :class:`EnvVar`.
    """

    flag: str | None
    values: tuple[Value, ...]
    origin: Origin
    joined: bool = False
    superseded: bool = False
    condition: Condition | None = None

    @property
    def location(self) -> Location | None:
        """Where it is given."""
        return self.origin.location

    @property
    def words(self) -> tuple[Value, ...]:
        """The words of the command line that this argument is."""
        if self.flag is None:
            return self.values
        if self.joined:
            value = self.values[0]
            if isinstance(value, Unknown):
                default = None if value.default is None else f"{self.flag}={value.default}"
                return (replace(value, text=f"{self.flag}={value.text}", default=default),)
            return (f"{self.flag}={value}",)
        return (self.flag, *self.values)


@dataclass(frozen=True, slots=True)
class Image:
    """The container image that a launch runs in, as far as its source says.

    *name* is ``org/name:tag`` (None: not known), *family* that of images whose variables are known
    (``catalogue.images``), *env* are variables that it is said to set.
    """

    name: str | None = None
    family: str | None = None
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader has to say about a launch that isn't a setting.

    *opens* says that any variable may have been set there, so that none is known to be missing;
    *ended* is the syntax error at which the reading ended, *lost* why a launch can't be followed,
    *refused* what ends a test before it launches,
    *profile* one that settings are taken from; *cut*: the budget ended there. *settled* is what
    would tell what isn't known here. *idle*: a test runs no more, on the CI of *vendor* where one
    is named.
    """

    message: str
    location: Location | None = None
    opens: bool = False
    ended: str = ""
    lost: str = ""
    refused: str = ""
    profile: str = ""
    cut: bool = False
    settled: str = ""
    image: Image | None = None
    idle: bool = False
    vendor: str = ""

    @property
    def bare(self) -> str:
        """The message without the place that it may begin with."""
        return self.message.removeprefix(f"{self.location} ")

    def moved(self, place: Location | None) -> Note:
        """The same at another place, also in a message that begins with it."""
        begins = place is not None and self.bare != self.message
        message = f"{place} {self.bare}" if begins else self.message
        return replace(self, message=message, location=place)

    def mapped(self, change: Callable[[str], str]) -> Note:
        """The same with its texts changed, as in ``note.mapped(scrubbed)``."""
        return replace(
            self,
            message=change(self.message),
            ended=change(self.ended),
            lost=change(self.lost),
            refused=change(self.refused),
        )


def lost_launch(why: str, location: Location | None) -> Note:
    """Say of a launch that it can't be followed, and *why*."""
    return Note(f"a launch here can't be followed: {why}", location, lost=why)


_LARGEST = 10**15


def usable(value: str | float) -> bool:
    """Whether a fact can be had as it is told: 1e999, or a number of 400 digits, can't be."""
    return isinstance(value, str) or abs(value) <= _LARGEST


@dataclass(frozen=True, slots=True)
class Fact:
    """What a test says beside the settings of its launch, as a key of a layer's table.

    *table* and *key* are those of ``profile/schema.py`` (``launch``, ``timeout-seconds``); without
    a *key* no layer can hold it, and *value* says why. *location* is the literal where there is
    one. *vendor* is whose CI a registration is for (``amd``, ``cuda``, ``npu``), else empty.
    """

    table: str
    key: str
    value: str | int | float | bool | Unknown
    location: Location | None = None
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class RequiredInput:
    """A variable that a script refuses to run without, and where it says so."""

    name: str
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What a running server says of itself.

    *version* is as it says it, *release* the known one that it is read as, None where it's none of
    them. *fields* are its arguments by the names of its record, with the values that they have in
    the end; *asked* those that its command line gives, None where it doesn't say.
    """

    version: str
    release: str | None
    fields: Mapping[str, object]
    asked: frozenset[str] | None

    def unasked(self, name: str) -> bool:
        """Whether nobody gave an argument, as far as its command line tells; False without one."""
        told = "launch_command" in self.fields
        return told and (self.asked is None or name not in self.asked)


# Modules that launch a router alone; and commands, whose next word says what they launch.
ROUTER_MODULES = frozenset(
    "sglang_router.launch_router sglang.srt.disaggregation.launch_lb "
    "sglang.srt.disaggregation.mini_lb".split()
)
GATEWAY = re.compile(r"(?:.*/)?(?:smg|amg|sglang-router|sgl-model-gateway|sgl-router)")
GATEWAY_MODULES = frozenset({"sglang_router", "sglang_router.cli"})
GATEWAY_SERVERS = "server"  # servers and a router before them
_MODE = "--disaggregation-mode"


def is_router(command: Sequence[Value]) -> bool:
    """Whether the words before the arguments are those of a router alone."""
    words = [w for w in command if isinstance(w, str)]
    if not words or words[-1] in ROUTER_MODULES:
        return bool(words)
    gateway = GATEWAY.fullmatch(words[0]) or not GATEWAY_MODULES.isdisjoint(words)
    return bool(gateway) and GATEWAY_SERVERS not in words


@dataclass(frozen=True, slots=True)
class LaunchConfig:
    """Environment variables and server arguments of one launch, in order and as spelled.

    *name* is what reports call it, *reader* what read it, *command* the words before the
    server arguments. *args* is None where the source can't hold any (an environment).
    *condition* is what must hold for the launch to happen at all, *required* the inputs it
    demands; *partial* marks a source of which only the sound beginning could be read. *symbol*
    names the launch within its source where the source has names (``TestV4.setUpClass``).
    *launched* is False for the entry of a list of launches where nothing that is read launches it.
    *arguments_alone*: the source can't hold an environment (a file for ``--config``). *facts* is
    what a test says beside its settings, *image* what the launch runs in, where it says so.
    *served* is what a running server says of itself, whose arguments then are those that aren't
    the parser's defaults.
    """

    name: str
    reader: str
    env: tuple[EnvVar, ...]
    args: tuple[ServerArg, ...] | None
    command: tuple[Value, ...] = ()
    location: Location | None = None
    end_line: int | None = None
    notes: tuple[Note, ...] = ()
    condition: Condition | None = None
    required: tuple[RequiredInput, ...] = ()
    partial: bool = False
    symbol: str | None = None
    launched: bool = True
    arguments_alone: bool = False
    facts: tuple[Fact, ...] = ()
    image: Image | None = None
    served: Served | None = field(default=None, compare=False, repr=False)

    @property
    def effective_env(self) -> dict[str, EnvVar]:
        """Name to the setting that counts: the last one."""
        return {e.name: e for e in self.env if not e.superseded}

    @property
    def argv(self) -> list[Value]:
        """The server arguments as words."""
        return [w for a in self.args or () for w in a.words]

    @property
    def timeout(self) -> int | None:
        """The seconds that a test waits for its server; None where that isn't known."""
        values = (f.value for f in self.facts if (f.table, f.key) == ("launch", "timeout-seconds"))
        return next((v for v in values if isinstance(v, int)), None)

    @property
    def image_name(self) -> str | None:
        """The image that it runs in, ``org/name:tag``; None where that isn't known."""
        return self.image.name if self.image is not None else None

    @property
    def own_line(self) -> int | None:
        """The line it stands at in its file; None where it stands in one that this one runs."""
        place = self.location
        return place.line if place is not None and self.name.startswith(place.path) else None

    @property
    def serves(self) -> bool:
        """Whether it is started by ``sglang serve``, whose first word may be the model."""
        return bool(self.command) and self.command[-1] == "serve"

    @property
    def router(self) -> bool:
        """Whether it is a router before servers, whose arguments are none of a server's."""
        return is_router(self.command)

    @property
    def role(self) -> str | None:
        """``router``, ``prefill`` or ``decode`` of a disaggregated set, else ``aggregated``.

        None where that isn't known, as under a condition, and of variables alone.
        """
        if self.router:
            return "router"
        if self.args is None or self.arguments_alone:
            return None
        given = [a for a in self.args if a.flag == _MODE]
        if not given:
            loose = (v for a in self.args if a.flag is None for v in a.values)
            return None if any(isinstance(v, Unknown) for v in loose) else "aggregated"
        values = given[-1].values
        mode = values[0] if len(values) == 1 and all(a.condition is None for a in given) else None
        return {"prefill": "prefill", "decode": "decode", "null": "aggregated"}.get(str(mode))

    @property
    def role_of_several(self) -> str | None:
        """Its role where it's one of a disaggregated set."""
        return self.role if self.role != "aggregated" else None

    @property
    def unknowns(self) -> list[Unknown]:
        """Every value that isn't known and should be, of settings that count."""
        found = [e.value for e in self.env if not e.superseded]
        found += self.argv
        return [v for v in found if isinstance(v, Unknown) and not isinstance(v, Outside)]


def is_flag(word: Value) -> bool:
    """Whether argparse would take the word as a flag: a dash, but not a negative number."""
    return (
        isinstance(word, str)
        and len(word) > 1
        and word.startswith("-")
        and not _NEGATIVE_NUMBER.fullmatch(word)
        and " " not in word
    )


def mark_superseded(env: Iterable[EnvVar]) -> tuple[EnvVar, ...]:
    """The same settings with all but the last of each name marked: last wins."""
    settings = list(env)
    last = {e.name: i for i, e in enumerate(settings)}
    return tuple(
        e if last[e.name] == i else replace(e, superseded=True) for i, e in enumerate(settings)
    )


def group_args(
    words: Sequence[tuple[Value, Location | None]], origin_name: str
) -> tuple[ServerArg, ...]:
    """Split the words of a command line into flags and their values; no word is lost."""
    args: list[tuple[str | None, list[Value], Origin, bool]] = []
    for word, location in words:
        origin = Origin(origin_name, location, word if isinstance(word, str) else word.text)
        if isinstance(word, str) and is_flag(word):
            flag, equals, value = word.partition("=")
            joined = bool(equals) and word.startswith("--")
            args.append((flag if joined else word, [value] if joined else [], origin, joined))
        elif isinstance(word, Unknown) and re.match(r"--[\w-]+=", word.text):
            flag, _, text = word.text.partition("=")
            default = word.default.partition("=")[2] if word.default is not None else None
            rest = replace(word, text=text, default=default)
            args.append((flag, [rest], origin, True))
        elif args and args[-1][0] is not None and not args[-1][3] and _belongs(args[-1][1], word):
            args[-1][1].append(word)
        else:
            args.append((None, [word], origin, False))
    return tuple(ServerArg(flag, tuple(values), at, joined) for flag, values, at, joined in args)


def _belongs(values: list[Value], word: Value) -> bool:
    """Whether a word is taken for a flag's: of words that split, only one right behind it is."""
    splits = isinstance(word, Unknown) and word.splits
    # None before the last can split: it wasn't taken for the flag's, or nothing was after it.
    return not values or not (splits or (isinstance(values[-1], Unknown) and values[-1].splits))


def facts_told(config: LaunchConfig, table: str, key: str) -> tuple[Fact, ...]:
    """What a launch's source says of a key; of a registration's, one for each vendor."""
    return tuple(f for f in config.facts if (f.table, f.key) == (table, key))
