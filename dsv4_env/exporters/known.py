"""What every exporter needs: options, the values or a refusal of them, and comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dsv4_env import __version__
from dsv4_env.model import (
    ENV_NAME,
    EnvVar,
    LaunchConfig,
    Location,
    Origin,
    Outside,
    ServerArg,
    Unknown,
    own_default,
)
from dsv4_env.model.errors import ExportError

MODEL_FLAGS = ("--model-path", "--model")
COMMAND = ("python3", "-m", "sglang.launch_server")
DIST_PORT = 20000  # where the nodes of one server find each other
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
ANY_NAME = re.compile(r"[^=\0]+")
# Raw bytes arrive as these (PEP 383): what is written as text can't hold them.
NOT_TEXT = "\udc80-\udcff"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a format may need beside the launch. *nodes* and *gpus* (each node's) are counts.

    *gpu* is the vendor, ``amd`` or ``nvidia``; *delimiter* replaces the random one of github-env.
    """

    model: str | None = None
    host: str | None = None
    port: int | None = None
    image: str | None = None
    name: str | None = None
    nodes: int = 1
    gpus: int | None = None
    gpu: str | None = None
    prefix_comment: bool = False
    unset: bool = False
    delimiter: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a format can't carry: *cannot* matches the piece of a value that it refuses."""

    format: str
    cannot: str = rf"[{NOT_TEXT}]"
    names: re.Pattern[str] = ENV_NAME
    names_expected: str = "letters, digits and _, no digit first"


BYTES = Limits("the environment", "(?!)")
TEXT = Limits("a text file")


class Fallback(str):
    """The value of a variable where the environment has none; a format that can't say so has it."""


class NotReferringError(ExportError):
    """A variable comes from the environment, which the format can't say."""


def known_env(config: LaunchConfig, limits: Limits = BYTES) -> dict[str, str]:
    """Name to value, in order, for a format that holds nothing but values.

    Raises ExportError for what is unknown, comes from the environment or can't be carried.
    """
    found: dict[str, str] = {}
    for setting in counting(config, limits):
        if isinstance(setting.value, Outside):
            what = f"{setting.name} comes from the environment, which {limits.format} can't say"
            raise NotReferringError(what, where=setting.location)
        found[setting.name] = _known(setting.name, setting, limits)
    return found


def env_or_outside(config: LaunchConfig, limits: Limits = BYTES) -> dict[str, str | None]:
    """Name to value, in order; None where the environment has it. Raises ExportError as known_env.

    The format then writes what it has to refer to a variable outside; it is a Fallback where the
    environment may override it.
    """
    return {
        s.name: None if isinstance(s.value, Outside) else _known(s.name, s, limits)
        for s in counting(config, limits)
    }


def known_args(config: LaunchConfig, limits: Limits = BYTES) -> list[str]:
    """The server arguments as words. Raises ExportError as known_env does."""
    return [word for group in arg_groups(config, limits) for word in group]


def arg_groups(config: LaunchConfig, limits: Limits = BYTES) -> list[list[str]]:
    """The words of each server argument. Raises ExportError as known_env does."""
    groups: list[list[str]] = []
    for arg in config.args or ():
        words: list[str] = []
        for word in arg.words:
            if isinstance(word, Unknown):
                raise ExportError(
                    f"an argument is unknown: {word.text} ({word.reason})", where=arg.location
                )
            _carried(arg.flag or "an argument", word, limits, arg.location)
            words.append(word)
        _unconditional(arg.flag or " ".join(words), arg)
        groups.append(words)
    return groups


def counting(config: LaunchConfig, limits: Limits) -> list[EnvVar]:
    """The variables that aren't set again. Raises ExportError for a name that can't be held."""
    found = [s for s in config.env if not s.superseded]
    for setting in found:
        if not limits.names.fullmatch(setting.name):
            raise ExportError(
                f"{limits.format} can't hold a variable called {setting.name!r}",
                where=setting.location,
                expected=limits.names_expected,
            )
    return found


def _known(name: str, setting: EnvVar, limits: Limits) -> str:
    default = own_default(name, setting.value)
    if default is not None:
        _unconditional(name, setting)
        _carried(name, default, limits, setting.location)
        return Fallback(default)
    if isinstance(setting.value, Unknown):
        raise ExportError(f"{name} is unknown: {setting.value.reason}", where=setting.location)
    _unconditional(name, setting)
    _carried(name, setting.value, limits, setting.location)
    return setting.value


def _unconditional(name: str, setting: EnvVar | ServerArg) -> None:
    if setting.condition:
        raise ExportError(
            f"{name} is only set when {setting.condition}",
            where=setting.location,
            expected="settings that are always made",
        )


def _carried(name: str, value: str, limits: Limits, where: Location | None) -> None:
    """Raises ExportError with the name, the byte offset and what stands there."""
    # No process can be given these, whatever the format: a NUL, and half a surrogate pair.
    for format_, cannot in (("the environment", "[\0\ud800-\udc7f\udd00-\udfff]"),
                            (limits.format, limits.cannot)):  # fmt: skip
        if match := re.search(cannot, value):
            at = len(value[: match.start()].encode(errors="surrogatepass"))
            at -= 2 * len(re.findall(f"[{NOT_TEXT}]", value[: match.start()]))
            raise ExportError(
                f"{name} has {_described(match[0])} at byte {at}, which {format_} can't hold",
                where=where,
            )


def _described(piece: str) -> str:
    code = ord(piece[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"a byte that is no UTF-8 (0x{code - 0xDC00:02x})"
    names = {"\0": "a NUL", "\n": "a newline", "\r": "a carriage return", "": "its end"}
    if len(piece) > 1:
        return f'"{piece}"' if piece.isprintable() else "a piece of text"
    return names.get(piece) or (
        f'"{piece}"' if piece.isprintable() else f"the character U+{code:04X}"
    )


def provenance(origin: Origin) -> str:
    """Who set it and where, on one line that no name of a layer or file can break out of."""
    return comment_line(f"{origin.name} ({origin.location})" if origin.location else origin.name)


def comment_line(text: str) -> str:
    """One line: what doesn't print is ``?``, as is what could let a comment go on."""
    return "".join(c if c.isprintable() and c != "\\" else "?" for c in text)


def by_flag(
    config: LaunchConfig, limits: Limits, why: str
) -> dict[str, tuple[int, list[list[str]]]]:
    """Flag to the number of its first argument, and the values each time that it's given.

    Raises ExportError for words that belong to no flag, with *why* they can't be held.
    """
    known_args(config, limits)
    found: dict[str, tuple[int, list[list[str]]]] = {}
    for i, arg in enumerate(config.args or ()):
        words = [w for w in arg.values if isinstance(w, str)]
        if arg.flag is None:
            raise ExportError(
                f"the argument {' '.join(words)} belongs to no flag",
                where=arg.location,
                expected=f"only flags with their values: {why}",
            )
        found.setdefault(arg.flag, (i, []))[1].append(words)
    return found


def object_name(format_: str, config: LaunchConfig, options: ExportOptions) -> str:
    """The name of the object, by default the profile's. Raises ExportError for a wrong one."""
    name = options.name
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", config.name.lower()).strip("-")[:63].strip("-")
        return name or "sglang"
    if not _LABEL.fullmatch(name):
        raise ExportError(
            f"{format_} can't be named {name!r}",
            expected="at most 63 lower-case letters, digits and -, not at its ends",
        )
    return name


@dataclass(frozen=True, slots=True)
class Notes:
    """The texts of comments: for the top, and above each setting; none unless asked for."""

    head: Sequence[str] = ()
    variables: dict[str, str] = field(default_factory=dict)
    arguments: Sequence[tuple[str, str]] = ()

    def env(self, name: str) -> list[str]:
        """Above a variable."""
        return [self.variables[name]] if self.variables else []

    def arg(self, index: int) -> list[str]:
        """Above a server argument, by its number."""
        return [self.arguments[index][1]] if self.arguments else []


def notes(config: LaunchConfig, options: ExportOptions) -> Notes:
    """The comments of a launch."""
    if not options.prefix_comment:
        return Notes()
    return Notes(
        [f"{comment_line(config.name)}, exported by dsv4-env {__version__}"],
        {s.name: provenance(s.origin) for s in config.env if not s.superseded},
        [(comment_line(a.flag or "an argument"), provenance(a.origin)) for a in config.args or ()],
    )
