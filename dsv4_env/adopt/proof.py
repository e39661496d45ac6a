"""Whether a rewritten test launches what it launched before: both are read, and compared.

Each variable that either may be overridden by is tried unset, set and empty.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from dsv4_env.adopt.code import Code
from dsv4_env.adopt.rewriting import spelled_word
from dsv4_env.guard.files import read_bytes
from dsv4_env.lang.python.syntax.text import decoded
from dsv4_env.model import EnvVar, LaunchConfig, Location, ServerArg, Unknown, Value
from dsv4_env.model.errors import Dsv4Error, shortened
from dsv4_env.model.secrets import masked
from dsv4_env.readers.python.reading import read_all
from dsv4_env.readers.taken import KnownProfiles

PROBE = "dsv4-env-probe"  # what a variable is set to, to see what becomes of it
Read = Callable[..., list[LaunchConfig]]
_Tell = Callable[[str, object, object, Location | None], None]
_MOST_BESIDE = 1000  # files of a folder that are looked at
_FEW = 3  # variables that are told
_MOST = 30  # variables that are tried


@dataclass(frozen=True, slots=True)
class Tried:
    """Variables that are tried one by one: so many of *own*. The rest, and empty ones, are at once.

    What a script makes of others stands the same in both versions, whatever they hold. *before*
    are the launches of the old version by what it was read with: it is compared more than once.
    """

    own: frozenset[str]
    alone: int
    before: dict[tuple[tuple[str, str], ...], list[LaunchConfig]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aside:
    """Something that differs and makes no difference, or is meant, and where that is known."""

    message: str
    location: Location | None = None

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location else self.message


@dataclass(slots=True)
class Proof:
    """What two versions of a test differ in; nothing where they launch the same.

    *wrong* are differences, each with its place. *asides* are what differs and makes no difference
    to SGLang, or is meant: how a flag is spelled, the order of flags, and that a variable which is
    set but empty overrides nothing.
    """

    wrong: list[str] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)

    def note(self, message: str, location: Location | None = None) -> None:
        """Add what makes no difference, once."""
        aside = Aside(message, location)
        if aside not in self.asides:
            self.asides.append(aside)

    def tell(self, message: str, when: str = "") -> None:
        """Add a difference, unless it is there without *when* it is so."""
        if message not in self.wrong and f"{message}{when}" not in self.wrong:
            self.wrong.append(f"{message}{when}")


@contextmanager
def laid_out(folder: Path | None, layers: Mapping[str, bytes]) -> Iterator[Path]:
    """A temporary folder with the layers of *folder* and, over them, *layers* by their names.

    Names are those of files (``pro.toml``). It ends with the context.
    """
    with tempfile.TemporaryDirectory(prefix="dsv4-env-") as made:
        for path in sorted(folder.glob("*.toml")) if folder is not None else ():
            (Path(made) / path.name).write_bytes(read_bytes(path))
        for name, data in layers.items():
            (Path(made) / name).write_bytes(data)
        yield Path(made)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One comparison: with *inputs* in the environment."""

    path: str
    known: KnownProfiles
    proof: Proof
    reads: Read = read_all
    inputs: Mapping[str, str] = field(default_factory=dict)
    kept: dict[tuple[tuple[str, str], ...], list[LaunchConfig]] = field(default_factory=dict)

    def before(self, data: bytes | str) -> list[LaunchConfig] | None:
        """The launches of the old version, which is read once whatever it is compared with."""
        key = tuple(self.inputs.items())
        if key not in self.kept:
            found = self.read(data, "before")
            if found is None:
                return None
            self.kept[key] = found
        return self.kept[key]

    def read(self, data: bytes | str, when: str) -> list[LaunchConfig] | None:
        """The launches of a version; None where it can't be read, which is told."""
        try:
            return self.reads(
                data, self.path, root=self.known.root, inputs=self.inputs, known=self.known
            )
        except Dsv4Error as exc:
            self.wrong(f"{exc} ({when})")
            return None

    def wrong(self, message: str) -> None:
        """Tell a difference, and of which environment it is."""
        self.proof.tell(
            message,
            "".join(
                f" with {name}={text}" if text else f" with {name} set but empty"
                for name, text in islice(self.inputs.items(), _FEW)
            )
            + (" and others likewise" if len(self.inputs) > _FEW else ""),
        )


def proved(
    old: bytes | str,
    new: bytes | str,
    path: str,
    known: KnownProfiles,
    read: Read = read_all,
    tried: Tried | None = None,
) -> Proof:
    """Compare the launches of two versions of a test or script, read as the file *path*.

    *known* says where profiles are, and which release they are for where nothing else is said;
    *read* is what reads such a file, *tried* which variables are, where that isn't all of them,
    and what is read already. Nothing is tried of versions that differ anyway.
    """
    proof = Proof()
    kept = tried.before if tried is not None else {}
    trial = _Trial(path, known, proof, read, kept=kept)
    before, after = trial.before(old), trial.read(new, "afterwards")
    if before is None or after is None:
        return proof
    _compared(before, after, trial)
    for message in needed_elsewhere(old, new, Path(path)) if read is read_all else ():
        proof.tell(message)
    if proof.wrong:
        return proof
    for inputs in _trials(outside_names(before, after), tried, path, proof):
        trial = _Trial(path, known, proof, read, inputs, kept)
        one, two = trial.before(old), trial.read(new, "afterwards")
        if one is not None and two is not None:
            _compared(one, two, trial)
        if proof.wrong:
            return proof
    proof.asides = list(dict.fromkeys(proof.asides))
    return proof


def _trials(
    names: Sequence[str], tried: Tried | None, path: str, proof: Proof
) -> Iterator[Mapping[str, str]]:
    """What is set for each comparison: each variable alone, or as it is said all that are left."""
    alone = [n for n in names if n in tried.own][: tried.alone] if tried is not None else names
    if len(alone) > _MOST:
        proof.tell(f"{path}: {len(names)} variables may override it, and {_MOST} are tried at most")
        return
    if tried is None:
        yield from ({name: text} for name in alone for text in (PROBE, ""))
        return
    yield from ({name: PROBE} for name in alone)
    if others := [n for n in names if n not in alone]:
        yield dict.fromkeys(others, PROBE)
    if names:
        yield dict.fromkeys(names, "")


def needed_elsewhere(old: bytes | str, new: bytes | str, path: Path) -> Iterator[str]:
    """Say which names that a module no longer binds another one of its folder takes from it."""
    gone = _bound(old, path) - _bound(new, path)
    if not gone:
        return
    taken = re.compile(
        rb"^[ \t]*+(?:from|import)\b[^\n#]*\b%b\b" % re.escape(path.stem).encode(), re.M
    )
    for other in sorted(path.parent.glob("*.py"))[:_MOST_BESIDE]:
        if other.name == path.name:
            continue
        try:
            data = read_bytes(other)
        except Dsv4Error:
            continue
        if (found := taken.search(data)) is None:
            continue
        for name in sorted(gone):
            if re.search(rb"\b%b\b" % name.encode(), data[found.start() :]):
                line = data.count(b"\n", 0, found.start(0)) + 1
                yield f"{other}:{line}: it takes {name} from {path.name}, which would have none"


def _bound(data: bytes | str, path: Path) -> set[str]:
    """The names that a module binds at its top."""
    code = Code(decoded(data, str(path)), str(path))
    return code.bound[code.tree] - set(code.imported)


def outside_names(*versions: Sequence[LaunchConfig]) -> list[str]:
    """The variables that decide values of launches."""
    values = (
        value
        for launches in versions
        for launch in launches
        for value in (*(e.value for e in launch.env), *launch.argv)
    )
    return list(dict.fromkeys(n for v in values if isinstance(v, Unknown) for n in v.names))


def _compared(before: list[LaunchConfig], after: list[LaunchConfig], trial: _Trial) -> None:
    symbols = [c.symbol for c in before], [c.symbol for c in after]
    if symbols[0] != symbols[1]:
        told = " and ".join(f"{len(s)} ({', '.join(str(n) for n in s)})" for s in symbols)
        trial.wrong(f"{trial.path}: the launches aren't the same: {told}")
        return
    for one, two in zip(before, after, strict=True):
        _launch(one, two, trial)


def _launch(one: LaunchConfig, two: LaunchConfig, trial: _Trial) -> None:
    proof, inputs = trial.proof, trial.inputs

    def wrong(what: str, a: object, b: object, where: Location | None) -> None:
        trial.wrong(f"{where or one.location}: {what} was {a} and would be {b}")

    # What isn't known any more is why all else differs: it comes first.
    for note in _added(_known(one), _known(two)):
        trial.wrong(f"{one.location}: it couldn't be known any more what is launched: {note}")
    for note in _added(_known(two), _known(one)):
        trial.wrong(
            f"{one.location}: it isn't known what is launched, and then seems to be: {note}"
        )
    a, b = _variables(one), _variables(two)
    for name in dict.fromkeys([*a, *b]):
        mine, theirs = a.get(name, []), b.get(name, [])
        if _plain_env(mine) == _plain_env(theirs):
            continue
        if not (mine and theirs) and all(_handed_on(e, inputs) for e in (*mine, *theirs)):
            continue
        if inputs.get(name) == "" and [e.value for e in mine] == [""]:
            proof.note(
                f"{name} that is set but empty isn't handed on any more: "
                f"then it is {_shown_env(name, theirs)}",
                one.location,
            )
            continue
        place = next((e.location for e in (*mine, *theirs)), None)
        wrong(name, _shown_env(name, mine), _shown_env(name, theirs), place)
    _arguments(one, two, wrong, trial.known.releases(), proof)
    if _placeless(one.condition) != _placeless(two.condition):
        old, new = (f"when {c.condition}" if c.condition else "always" for c in (one, two))
        trial.wrong(f"{one.location}: it was launched {old} and would be {new}")
    if one.timeout != two.timeout:
        old, new = ("unset" if c.timeout is None else f"{c.timeout}" for c in (one, two))
        wrong("the timeout", old, new, None)
    if _needed(one) != _needed(two):
        old, new = (", ".join(_needed(c)) or "nothing" for c in (one, two))
        wrong("what it needs from the environment", old, new, None)
    if list(map(_plain, one.command)) != list(map(_plain, two.command)):
        old, new = (_words("", c.command) for c in (one, two))
        wrong("its command", old, new, None)


def _added(one: Sequence[str], two: Sequence[str]) -> list[str]:
    """What *two* says besides."""
    return [note for note in two if note not in one]


def _handed_on(setting: EnvVar, inputs: Mapping[str, str]) -> bool:
    """Whether a variable is set to what the environment has it set to anyway."""
    name, value = setting.name, setting.value
    if isinstance(value, str):
        return inputs.get(name) == value
    return value.names == (name,) and value.default is None and "[" in value.text


def _variables(launch: LaunchConfig) -> dict[str, list[EnvVar]]:
    found: dict[str, list[EnvVar]] = {}
    for each in launch.env:
        if not each.superseded:
            found.setdefault(each.name, []).append(each)
    return found


def _known(launch: LaunchConfig) -> list[str]:
    """What keeps a launch from being known."""
    notes = [_placeless(n.message) for n in launch.notes if not n.profile]
    return sorted([*notes, *(["partial"] if launch.partial else [])])


def _needed(launch: LaunchConfig) -> list[str]:
    """The variables that have to be there."""
    return sorted({r.name for r in launch.required})


def _plain(value: Value) -> Any:
    """A value without how it is spelled, where what decides it is known."""
    if isinstance(value, str):
        return value
    if value.names and value.default is not None:
        return (value.names, value.default, value.splits)
    return (_placeless(value.text), value.names, value.default, value.splits)


_LINE = re.compile(r"\bline \d+")


def _placeless(thing: object) -> str:
    """A text without the lines that it names, which move."""
    return _LINE.sub("line …", str(thing))


def _plain_env(entries: list[EnvVar]) -> list[tuple[Any, str]]:
    return sorted([(_plain(e.value), _placeless(e.condition)) for e in entries], key=repr)


def _shown(name: str, value: Value) -> str:
    """A value, and of one that isn't known why, so that it isn't taken for its text."""
    if isinstance(value, str):
        return f'"{shortened(masked(name, value), 200)}"'
    shown = shortened(masked(name, value.text), 200)
    if value.names and value.default is not None:
        return f'"{shortened(masked(name, value.default), 200)}" unless it is set (`{shown}`)'
    return f"unknown (`{shown}`: {value.reason})"


def _shown_env(name: str, entries: list[EnvVar]) -> str:
    told = [
        _shown(name, e.value) + (f" when {e.condition}" if e.condition else "") for e in entries
    ]
    return " or ".join(told) or "unset"


def _arguments(
    one: LaunchConfig, two: LaunchConfig, wrong: _Tell, releases: Iterable[str], proof: Proof
) -> None:
    mine, theirs = list(one.args or ()), list(two.args or ())
    for release in (None, *releases):
        a, b = ([_plain_arg(x, release) for x in side] for side in (mine, theirs))
        if a == b or moved(a, b):
            break
    else:
        _told_arguments(mine, theirs, wrong, next(iter(releases), None))
        return
    said = [(x.flag, spelled_word(x.flag, release)) for x in mine if x.flag and release]
    for flag, spelled in said:
        if flag != spelled:
            message = f"{flag} would be spelled {spelled}, as SGLang {release} has it"
            proof.note(message, one.location)
    if a != b:
        proof.note(MOVED, one.location)


def _told_arguments(
    mine: Sequence[ServerArg], theirs: Sequence[ServerArg], wrong: _Tell, release: str | None
) -> None:
    """Tell each flag that differs by itself, whatever stands beside it; else the order of words."""
    sides: list[dict[str, list[ServerArg]]] = [{}, {}]
    for side, args in zip(sides, (mine, theirs), strict=True):
        for arg in args:
            side.setdefault(
                spelled_word(arg.flag, release) if arg.flag and release else arg.flag or "", []
            ).append(arg)
    told = False
    for flag in dict.fromkeys([*sides[0], *sides[1]]):
        old, new = (side.get(flag, []) for side in sides)
        if [_plain_arg(x, release) for x in old] == [_plain_arg(x, release) for x in new]:
            continue
        told = True
        place = next((x.location for x in (*old, *new)), None)
        wrong(flag or "a word without a flag", _shown_args(old), _shown_args(new), place)
    if told:
        return
    rows = [[_plain_arg(x, release) for x in side] for side in (mine, theirs)]
    at = next(i for i, (x, y) in enumerate(zip(*rows, strict=True)) if x != y)
    first, other = (_shown_args([side[at]]) for side in (mine, theirs))
    wrong(first, f"before {other}", "behind it", mine[at].location)


MOVED = "some flags would come behind others, which makes no difference to SGLang"


def moved(one: Sequence[tuple[Any, ...]], two: Sequence[tuple[Any, ...]]) -> bool:
    """Whether two lists of arguments, of which each begins with its flag, are one in another order.

    The parser takes flags in any order, but of two times the same flag the last counts, and words
    without one belong where they stand.
    """
    sides: list[dict[str, list[tuple[Any, ...]]]] = [{}, {}]
    for side, rows in zip(sides, (one, two), strict=True):
        for row in rows:
            if not isinstance(row[0], str) or not row[0].startswith("--"):
                return False
            side.setdefault(row[0].partition("=")[0], []).append(row)
    return sides[0] == sides[1]


def _plain_arg(arg: ServerArg, release: str | None) -> tuple[Any, ...]:
    words = [_plain(w) for w in arg.words]
    if arg.flag is not None and release is not None and isinstance(words[0], str):
        words[0] = spelled_word(words[0], release)
    return (*words, _placeless(arg.condition))


def _shown_args(args: Sequence[ServerArg]) -> str:
    return (
        " and ".join(
            _words(a.flag or "", a.words) + (f" when {a.condition}" if a.condition else "")
            for a in args
        )
        or "not given"
    )


def _words(flag: str, words: Sequence[Value]) -> str:
    """Words as they are spelled; of those that aren't known that is said."""
    text = " ".join(w if isinstance(w, str) else w.text for w in words)
    unknown = next((w for w in words if isinstance(w, Unknown) and w.default is None), None)
    why = f" (unknown: {unknown.reason})" if unknown else ""
    return f"`{shortened(masked(flag, text), 200)}`{why}"
