"""A kind of file: how one is told from others, what its reader takes, and its launches."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsv4_env.model import LaunchConfig, Origin, Unknown, Value
from dsv4_env.model.budget import BudgetError, kept
from dsv4_env.model.errors import shortened
from dsv4_env.model.secrets import Code, meet
from dsv4_env.readers.config_file import with_config_file
from dsv4_env.readers.environment import PREFIXES
from dsv4_env.readers.launcher import asks_for_help, names_a_server, without_own
from dsv4_env.readers.taken import reading_file

_OF_PROJECT = ("root", "profiles", "sglang")
YAML = r"[^/]+\.ya?ml"
NO_YAML = r"(?!.*\.ya?ml\Z)"
_NONE = r"(?!)"
INTERPRETER = rb"#!\s*+(?:\S*/)?(?:env\s++(?:-S\s++)?(?:\S*/)?)?"
_RELATED = re.compile(
    rb"(?i:sglang)|launch_server|run_suite|\b(?:" + "|".join(PREFIXES).encode() + rb")"
)


@dataclass(slots=True, eq=False, repr=False)
class HowRead:
    """How a file is read: by which reader, with what from outside.

    *inputs* are variables that are known, with *closed* all there are; *root* is the folder that a
    script's sourced files and a test's imports must lie below, *steps* how far a test is followed
    before the rest is given up, *profiles* the folder of the project's own profiles,
    *sglang* the release that a test's profiles are for where it doesn't say so itself. With
    *routers*, routers before servers are told, too, behind all servers.
    """

    reader: str | None = None
    dialect: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] | None = None
    closed: bool = False
    root: Path | None = None
    steps: int | None = None
    profiles: Path | None = None
    sglang: str | None = None
    routers: bool = False

    def key(self) -> Hashable:
        """All that it says, for who keeps what was read so."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return tuple((said | {"inputs": tuple(sorted(self.inputs.items()))}).items())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FileKind:
    r"""A kind of file: *name* is that of its reader; *one* says what such a file is.

    A file is of the kind where its name fits *named* (letters count the same in capitals) and it
    lies in *folder*. Where it is of no kind by that, its bytes tell: of a name that fits *among*,
    all patterns of *content* have to be found; of a name that no kind is meant for, *shebang* has
    to stand at the beginning; *document* is that of one whose name tells nothing, as on standard
    input. With *related*, one without any word of SGLang's is of no kind.

    *summary* says at more length what one is. *read* gives every launch; *takes* names the fields
    of :class:`HowRead` that it takes. *hit* says by a look at its bytes whether a file may launch.
    *layered*: in such a file one set of variables lies over another on purpose. *editable*:
    write-back has an editor for it. *word* is what a page calls it; *code*: it's Python.

    >>> FileKind("bash", "a launch script", read_all, named=r"[^/]+\.sh")
    """

    name: str
    one: str
    read: Callable[..., list[LaunchConfig]]
    summary: str = ""
    takes: tuple[str, ...] = ()
    named: str = _NONE
    folder: str = ""
    among: str = _NONE
    content: tuple[bytes, ...] = ()
    shebang: bytes = _NONE.encode()
    document: bytes = _NONE.encode()
    related: bool = False
    hit: Callable[[bytes], bool] = names_a_server
    layered: bool = False
    editable: bool = False
    word: str = ""
    code: bool = False

    def by_name(self, path: str) -> bool:
        """Whether its path alone tells that a file is of this kind."""
        folder, _, name = path.rpartition("/")
        if self.folder and not f"/{folder}".endswith(f"/{self.folder}"):
            return False
        return name_pattern(self.named).fullmatch(name) is not None

    def by_content(self, path: str, data: bytes) -> bool:
        """Whether a file, whose path tells no kind, is of this one by its bytes."""
        found = name_pattern(self.among).fullmatch(path.rpartition("/")[2]) is not None
        return found and all(re.search(p, data, re.M) for p in self.content)

    def options(self, reading: HowRead) -> dict[str, Any]:
        """What a reading says of what *read* takes, and of the project that the file is of."""
        names = dict.fromkeys((*self.takes, *_OF_PROJECT))
        return {n: v for n in names if (v := getattr(reading, n)) is not None}

    def __call__(self, data: str | bytes, path: str, **options: Any) -> list[LaunchConfig]:
        """Every launch of a file; *options* are those that *read* takes, and of its project.

        A file that a launch gives with ``--config`` lies beside it, or below *root*. Routers come
        last, so that they change no server's number.
        """
        meet(Code(_text(data)) if self.code else data)
        taken = {n: v for n, v in options.items() if n not in _OF_PROJECT or n in self.takes}
        root = options.get("root")
        with reading_file(path, *(options.get(name) for name in _OF_PROJECT)):
            read = [c for c in self.read(data, path, **taken) if not asks_for_help(c)]
            read = [c if c.router else with_config_file(c, path, root) for c in read]
        found = [passable(readable(without_own(config))) for config in _bounded(read, path)]
        found.sort(key=lambda c: c.router)
        for config in found:
            meet(config)
        return found


MAX_SETTINGS, _OF_LAUNCH = 20_000, 4_000  # of a file, and of one launch
_EACH = 2  # settings that a launch counts as, beside its own


def _bounded(found: list[LaunchConfig], path: str) -> list[LaunchConfig]:
    """The launches whose settings can be looked at one by one; raises BudgetError without any.

    Each setting is compared, planned and shown, which takes longer than to read it. Of thousands
    of files that people wrote, one had more than 3,000 settings (a master configuration of
    InferenceX, some 11,000), and no launch more than 110.
    """
    total = 0
    for number, config in enumerate(found):
        own = len(config.env) + len(config.args or ()) + _EACH
        total += own
        if own > _OF_LAUNCH or total > MAX_SETTINGS:
            one = own > _OF_LAUNCH
            what = "a launch has" if one else "its launches have"
            error = BudgetError(
                f"{what} more than {_OF_LAUNCH if one else MAX_SETTINGS:,} settings"
            )
            return kept(found[:number], error, None if number else config.location, path)
    return found


def _text(data: str | bytes) -> str:
    return data if isinstance(data, str) else data.decode(errors="surrogateescape")


@lru_cache(maxsize=64)
def name_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of names of files; letters count the same in capitals."""
    return re.compile(pattern, re.IGNORECASE | re.ASCII | re.DOTALL)


def is_related(data: bytes) -> bool:
    """Whether a word of SGLang's, or of what it stands on, is among the bytes of a file."""
    return _RELATED.search(data) is not None


def readable(config: LaunchConfig) -> LaunchConfig:
    """The launch with notes of a length that is read, whatever of the file they quote."""
    notes = tuple(n.mapped(shortened) for n in config.notes)
    return config if notes == config.notes else replace(config, notes=notes)


# What Linux gives to a process at most (execve(2)): MAX_ARG_STRLEN of one string, with the byte
# that ends it, and three quarters of _STK_LIM of all strings.
MAX_STRING = 32 * 4096 - 1
MAX_STRINGS = 6 * 1024 * 1024
_TOO_LONG = "longer than the 128 KiB that a process can be given"
_TOO_MUCH = "more than the 6 MiB that a process can be given"


def passable(config: LaunchConfig) -> LaunchConfig:
    """The launch with values unknown that no process can be given, as they are too long.

    Such a launch doesn't start; and nobody wants to read megabytes of a value.
    """
    values = [*(e.value for e in config.env), *config.argv]
    if sum(len(v if isinstance(v, str) else v.text) for v in values) <= MAX_STRING:
        return config
    total = 0

    def bounded(value: Value) -> Value:
        nonlocal total
        text = value if isinstance(value, str) else value.text
        total += len(text)
        if len(text) <= MAX_STRING and total <= MAX_STRINGS:
            return value
        why = _TOO_LONG if len(text) > MAX_STRING else _TOO_MUCH
        names, where = ((), None) if isinstance(value, str) else (value.names, value.location)
        return Unknown(shortened(text, 100), why, names, location=where)

    def origin(setter: Origin) -> Origin:
        if setter.value is None or len(setter.value) <= MAX_STRING:
            return setter
        return replace(setter, value=shortened(setter.value, 100))

    env = tuple(replace(e, value=bounded(e.value), origin=origin(e.origin)) for e in config.env)
    args = config.args and tuple(
        replace(a, values=tuple(map(bounded, a.values)), origin=origin(a.origin))
        for a in config.args
    )
    return replace(config, env=env, args=args)
