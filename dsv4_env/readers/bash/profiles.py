"""Profiles of this package that a script takes settings from: ``$(dsv4-env export NAME)``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from dsv4_env.lang.bash.expand.machine import Answer, Question
from dsv4_env.lang.bash.expand.values import Text
from dsv4_env.model import (
    ENV_NAME,
    EnvVar,
    LaunchConfig,
    Location,
    Note,
    Origin,
    Outside,
    ServerArg,
    Unknown,
    own_default,
    quoting,
)
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.profile import Profile, Wanted
from dsv4_env.profile.overriding import overridden
from dsv4_env.profile.project import PREFIX, TARGET
from dsv4_env.readers.taken import NOT_BELOW, KnownProfiles, TakenFrom, settled

_COMMAND = "dsv4-env"
_MODULE = "dsv4_env"
_PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
_RUNNERS = (("uvx",), ("uv", "tool", "run"), ("uv", "run"), ("pipx", "run"), ("poetry", "run"))
_VARIABLES = ("shell", "bash")
_WORDS = ("bash", "args", "args-nul")
_MODEL = ("--model-path", "--model")


class _RefusedError(Exception):
    """A command line that isn't understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong to whoever asked. Raises _RefusedError."""
        raise _RefusedError(message)


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("name")
    parser.add_argument("-f", "--format", default="shell")
    parser.add_argument("-o", "--output")
    for name in ("--sglang", "--on", "--strategy", "--role", "--profiles", "--model", "--host"):
        parser.add_argument(name)
    for name in ("--nodes", "--port"):
        parser.add_argument(name, type=int)
    for name in ("--set", "--arg", _LEFT_OUT):
        parser.add_argument(name, action="append", default=[])
    for name in ("--unset", "--prefix-comment", "--diff-only"):
        parser.add_argument(name, action="store_true")
    return parser


_LEFT_OUT = "--leave-out"
_CHOICES = re.compile(r"; expected one of .*?(?=\. Did you mean|$)")  # too many to be told here


@dataclass(slots=True, eq=False)
class Answers:
    """What ``dsv4-env export`` prints in a script, by the profiles that are *known*."""

    known: KnownProfiles
    _texts: dict[str, TakenFrom] = field(default_factory=dict)
    _taken: dict[str, TakenFrom] = field(default_factory=dict)  # all, by their keys
    _profiles: dict[str, Profile] = field(default_factory=dict)

    def answer(self, asked: Question) -> Answer | None:
        """The output of a command; None of one that isn't this package's export."""
        words = _export(asked.words)
        if words is None:
            return None
        try:
            found = self._answer(words, asked)
        except (_RefusedError, Dsv4Error) as exc:
            found = Answer(None, _CHOICES.sub("", str(exc)))
        if found is not None:
            before = self.known.printed.setdefault(asked.place, (found.text, found.reason))
            if before != found:
                self.known.printed[asked.place] = None, "it isn't the same each time"
        return found

    def whence(self, text: str, place: Location) -> Location:
        """The place of what a text sets that a command at *place* runs: that of a profile's."""
        for said, taken in self._texts.items():
            if said in text:
                return replace(taken, path=place.path, line=place.line, column=place.column)
        return place

    def told(self, launch: LaunchConfig) -> LaunchConfig:
        """The launch with the origins that its settings have in their profiles."""
        if not self._texts:
            return launch
        env, _, taken = settled(tuple(map(self._of_layer, launch.env)), ())
        args, ran = self._arguments(launch.args, taken)
        _, args_, _ = settled((), args or ())
        taken |= ran
        notes = tuple(
            Note(f"takes its settings from {name}", where, profile=name)
            for name, where in taken.items()
        )
        if not notes:
            return launch
        return replace(
            launch,
            env=env,
            args=None if args is None else args_,
            notes=(*launch.notes, *notes),
        )

    def _answer(self, words: Sequence[Text], asked: Question) -> Answer | None:
        given = _parsed(words)
        if given.output not in (None, "-"):
            return None  # it goes to a file
        if given.diff_only:
            raise _RefusedError("what the environment lacks isn't known")
        format_ = given.format
        if format_ not in (*_VARIABLES, *_WORDS):
            raise _RefusedError(f"the format {format_} isn't one that a script is followed through")
        name, folder = given.name, self._folder(given.profiles, asked)
        if name.endswith(".toml"):
            file = asked.located(name)
            if file is None:
                raise _RefusedError("its file isn't known")
            inside = self.known.within(file.parent)
            if inside is None:
                raise _RefusedError(f"its file {NOT_BELOW}")
            name, folder = Path(name).stem, inside
        wanted = {key: _asked_for(key, getattr(given, key), asked) for key in TARGET}
        profile = self.known.load(asked.spend, name, folder, Wanted(**wanted))  # type: ignore[arg-type]
        if isinstance(profile, str):
            raise _RefusedError(profile)
        profile = _changed(profile, given)
        text = _text(profile, given)
        asked.spend(len(text) >> 4)
        key = f"{given.name}\0{text}"
        taken = TakenFrom("", None, None, key, None, asked.place)
        self._profiles.setdefault(key, profile)
        self._taken.setdefault(key, taken)
        if text.strip():
            self._texts[text.rstrip("\n")] = taken  # of what reads the same, the last one counts
        return Answer(text)

    def _folder(self, given: Text | None, asked: Question) -> Path | None:
        """The folder of profiles: what is asked for, else the setting's; None: the shipped ones."""
        said = given if given is not None else asked.variable(f"{PREFIX}PROFILES")
        if said is None:
            return self.known.of_project()
        file = asked.located(said)
        if file is None:
            raise _RefusedError("its folder of profiles isn't known")
        folder = self.known.within(file)
        if folder is None:
            raise _RefusedError(f"its folder of profiles {NOT_BELOW}")
        return folder

    def _of_layer(self, setting: EnvVar) -> EnvVar:
        """A variable with the place in the layer that set it, where a profile's text did."""
        where = setting.origin.location
        if not isinstance(where, TakenFrom):
            return setting
        profile = self._profiles[where.profile]
        own = profile.config.effective_env.get(setting.name)
        name = where.profile.partition("\0")[0]
        if own is None or not _alike(own, setting):
            return replace(setting, origin=replace(setting.origin, location=_plain(where)))
        at = _at(name, own.origin, where)
        return replace(setting, origin=replace(setting.origin, location=at))

    def _arguments(
        self, args: tuple[ServerArg, ...] | None, known: Mapping[str, Location | None]
    ) -> tuple[tuple[ServerArg, ...] | None, dict[str, Location | None]]:
        """The arguments with the places in layers, where all of a profile's stand in a row.

        *known* are profiles that variables are taken from, which count where several fit.
        """
        ran: dict[str, Location | None] = {}
        if args is None:
            return None, ran
        found = list(map(_unplaced, args))
        places: dict[tuple[int, int], dict[str, TakenFrom]] = {}
        for taken in self._taken.values():
            own = self._profiles[taken.profile].config.args or ()
            at = _run(args, own)
            if at is not None:
                name = taken.profile.partition("\0")[0]
                places.setdefault((at, len(own)), {})[name] = taken
        for (at, _), fitting in places.items():
            names = [n for n in fitting if n in known] or list(fitting)
            if len(names) > 1:
                continue  # which of them it is isn't known
            taken = fitting[names[0]]
            for i, each in enumerate(self._profiles[taken.profile].config.args or ()):
                place = _at(names[0], each.origin, taken)
                origin = replace(args[at + i].origin, location=place)
                found[at + i] = replace(args[at + i], origin=origin)
            ran.setdefault(names[0], taken.taken)
        return tuple(found), ran


def _unplaced(arg: ServerArg) -> ServerArg:
    where = arg.location
    if not isinstance(where, TakenFrom):
        return arg
    return replace(arg, origin=replace(arg.origin, location=_plain(where)))


def _plain(where: Location) -> Location:
    return Location(where.path, where.line, where.column)


def _at(name: str, origin: Origin, taken: TakenFrom) -> TakenFrom:
    place = origin.location or taken.taken or taken
    return TakenFrom(place.path, place.line, place.column, name, origin, taken.taken)


def _alike(own: EnvVar, setting: EnvVar) -> bool:
    default = own_default(own.name, own.value)
    if isinstance(own.value, str):
        return setting.value == own.value
    return isinstance(setting.value, str) or own_default(own.name, setting.value) == default


def _run(args: Sequence[ServerArg], own: Sequence[ServerArg]) -> int | None:
    """Where all of a profile's arguments stand in a row, None where they don't."""
    if not own:
        return None
    words = [a.words for a in args]
    wanted = [a.words for a in own]
    for at in range(len(args) - len(own) + 1):
        if words[at : at + len(own)] == wanted and not any(
            a.condition for a in args[at : at + len(own)]
        ):
            return at
    return None


def _export(words: Sequence[Text]) -> list[Text] | None:
    """The words behind ``dsv4-env export``, None where the command is none."""
    rest = list(words)
    for runner in _RUNNERS:
        if tuple(rest[: len(runner)]) == runner:
            rest = rest[len(runner) :]
            break
    if not rest:
        return None
    first = rest[0]
    if isinstance(first, str) and first.rpartition("/")[2] == _COMMAND:
        rest = rest[1:]
    elif _is_python(first) and rest[1:3] == ["-m", _MODULE]:
        rest = rest[3:]
    else:
        return None
    return rest[1:] if rest[:1] == ["export"] else None


def _is_python(word: Text) -> bool:
    text = word if isinstance(word, str) else word.default
    return text is not None and _PYTHON.fullmatch(text) is not None


def _parsed(words: Sequence[Text]) -> argparse.Namespace:
    """The command line. Raises _RefusedError for one that isn't understood, or isn't all known."""
    plain: list[str] = []
    folders: list[Text] = []
    for i, word in enumerate(words):
        if isinstance(word, str):
            plain.append(f"{_LEFT_OUT}={word[8:]}" if word.startswith("--unset=") else word)
        elif i and words[i - 1] == "--profiles":
            folders.append(word)
            plain.append("")
        else:
            raise _RefusedError(f"`{word.text}` isn't known ({word.reason})")
    if any(re.match(r"-[a-zA-Z]=", word) for word in plain):
        raise _RefusedError("a short option has no `=`")
    given = _parser().parse_args(plain)
    if given.profiles == "" and folders:
        given.profiles = folders[-1]
    return given


def _asked_for(key: str, given: str | int | None, asked: Question) -> str | int | None:
    """What an option asks for, else what the script sets. Raises _RefusedError, too."""
    if given is not None:
        return given
    name = f"{PREFIX}{key.upper()}"
    said = asked.variable(name)
    if said is None or said == "":
        return None
    if not isinstance(said, str):
        raise _RefusedError(f"what {name} is isn't known")
    if key == "nodes":
        if not said.isdecimal():
            raise _RefusedError(f"{name} is {said}")
        return int(said)
    return said


def _changed(profile: Profile, given: argparse.Namespace) -> Profile:
    """The profile as the options change it. Raises _RefusedError for what the command refuses."""
    variables: dict[str, str] = {}
    for item in given.set:
        name, equals, value = item.partition("=")
        if not equals or not ENV_NAME.fullmatch(name):
            raise _RefusedError(f"--set {item}")
        variables[name] = value
    flags = bool(given.arg) or any(n.startswith("-") for n in given.leave_out)
    names = bool(variables) or any(not n.startswith("-") for n in given.leave_out)
    if (flags and given.format not in _WORDS) or (names and given.format not in _VARIABLES):
        raise _RefusedError(f"the format {given.format} holds no such settings")
    profile = overridden(profile, variables, given.arg, given.leave_out)
    own = [given.model, given.host, given.port]
    if any(o is not None for o in own):
        if given.format not in _WORDS:
            raise _RefusedError(f"the format {given.format} takes no --model, --host or --port")
        profile = replace(profile, config=replace(profile.config, args=_served(profile, given)))
    return profile


def _served(profile: Profile, given: argparse.Namespace) -> tuple[ServerArg, ...]:
    """The arguments with the model, host and port that are asked for, as an export has them."""
    asked = {
        "--host": given.host,
        "--port": None if given.port is None else str(given.port),
    }
    gone = {flag for flag, value in asked.items() if value is not None}
    gone |= set(_MODEL) if given.model is not None else set()
    args = [a for a in profile.config.args or () if a.flag not in gone]
    if given.model is not None:
        args.insert(0, ServerArg("--model-path", (given.model,), Origin(_COMMAND)))
    args += [ServerArg(f, (v,), Origin(_COMMAND)) for f, v in asked.items() if v is not None]
    return tuple(args)


def _text(profile: Profile, given: argparse.Namespace) -> str:
    """What the command prints, but for comments. Raises _RefusedError where it isn't known."""
    env = profile.config.effective_env.values()
    if given.unset:
        if given.format not in _VARIABLES:
            raise _RefusedError(f"the format {given.format} takes no --unset")
        lines = [f"unset {e.name}" for e in env if not isinstance(e.value, Outside)]
        lines += ["unset ARGS"] if given.format == "bash" else []
        return "".join(f"{line}\n" for line in lines)
    groups = [list(a.words) for a in profile.config.args or ()]
    words = [w for group in groups for w in group]
    if given.format in _WORDS and any(isinstance(w, Unknown) for w in words):
        raise _RefusedError("not all arguments of the profile are known")
    if given.format == "args":
        return " ".join(quoting.word(w) for w in words if isinstance(w, str)) + "\n"
    if given.format == "args-nul":
        return "".join(f"{w}\0" for w in words)
    lines = list(map(_exported, env))
    if given.format == "bash":
        rows = [" ".join(quoting.sh(w) for w in g if isinstance(w, str)) for g in groups]
        lines += ["ARGS=(", *(f"  {row}" for row in rows), ")"]
    return "".join(f"{line}\n" for line in lines)


def _exported(setting: EnvVar) -> str:
    name, value = setting.name, setting.value
    if isinstance(value, str):
        return quoting.export(name, value)
    default = own_default(name, value)
    if default is not None:
        return quoting.export_unless_set(name, default)
    if isinstance(value, Outside):
        return quoting.export_required(name)
    raise _RefusedError(f"{name} isn't known")
