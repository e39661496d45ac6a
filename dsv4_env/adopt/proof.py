"""Whether a rewritten test launches what it launched before: both are read, and compared.

Each variable that either may be overridden by is tried unset, set and empty.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
_MOST = 30  # variables that are tried


@dataclass(frozen=True, slots=True)
class Tried:
    """Variables that are tried: all of *own*, and of others so many.

    What a script makes of others stands the same in both versions, whatever they hold.
    """

    own: frozenset[str]
    others: int


@dataclass(slots=True)
class Proof:
    """What two versions of a test differ in; nothing where they launch the same.

    *wrong* are differences, each with its place. *asides* are what differs and makes no difference
    to SGLang, or is meant: how a flag is spelled, the order of flags, and that a variable which is
    set but empty overrides nothing.
    """

    wrong: list[str] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)

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
                for name, text in self.inputs.items()
            ),
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
    *read* is what reads such a file, *tried* which variables are, where that isn't all of them.
    """
    proof = Proof()
    trial = _Trial(path, known, proof, read)
    before, after = trial.read(old, "before"), trial.read(new, "afterwards")
    if before is None or after is None:
        return proof
    _compared(before, after, trial)
    for message in needed_elsewhere(old, new, Path(path)) if read is read_all else ():
        proof.tell(message)
    names = outside_names(before, after)
    if tried is not None:
        names = [*(n for n in names if n in tried.own), *(n for n in names if n not in tried.own)]
        own = sum(n in tried.own for n in names)
        names = names[: own + tried.others]
    if len(names) > _MOST:
        proof.tell(f"{path}: {len(names)} variables may override it, and {_MOST} are tried at most")
        return proof
    for name in names:
        for text in (PROBE, ""):
            trial = _Trial(path, known, proof, read, {name: text})
            one, two = trial.read(old, "before"), trial.read(new, "afterwards")
            if one is not None and two is not None:
                _compared(one, two, trial)
    proof.asides = list(dict.fromkeys(proof.asides))
    return proof


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

    a, b = _variables(one), _variables(two)
    for name in dict.fromkeys([*a, *b]):
        mine, theirs = a.get(name, []), b.get(name, [])
        if _plain_env(mine) == _plain_env(theirs):
            continue
        if not (mine and theirs) and all(_handed_on(e, inputs) for e in (*mine, *theirs)):
            continue
        if inputs.get(name) == "" and [e.value for e in mine] == [""]:
            proof.asides.append(
                f"{one.location}: {name} that is set but empty isn't handed on any more: "
                f"then it is {_shown_env(name, theirs)}"
            )
            continue
        place = next((e.location for e in (*mine, *theirs)), None)
        wrong(name, _shown_env(name, mine), _shown_env(name, theirs), place)
    _arguments(one, two, wrong, trial.known.releases(), proof)
    for what, x, y in (
        ("the condition", _placeless(one.condition), _placeless(two.condition)),
        ("the timeout", one.timeout, two.timeout),
        ("how much is known", _known(one), _known(two)),
        ("what it needs", _needed(one), _needed(two)),
        ("its command", list(map(_plain, one.command)), list(map(_plain, two.command))),
    ):
        if x != y:
            wrong(what, x, y, None)


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
    text = value if isinstance(value, str) else value.text
    shown = shortened(masked(name, text), 200)
    return f'"{shown}"' if isinstance(value, str) else f"`{shown}`"


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
        a, b = ([_plain_arg(x, None) for x in side] for side in (mine, theirs))
        at = next(
            (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
        )
        old, new = (side[at] if at < len(side) else None for side in (mine, theirs))
        place = next((x.location for x in (old, new) if x is not None), None)
        name = next((x.flag for x in (old, new) if x is not None and x.flag), "a word")
        wrong(name, _shown_arg(old), _shown_arg(new), place)
        return
    said = [(x.flag, spelled_word(x.flag, release)) for x in mine if x.flag and release]
    for flag, spelled in said:
        if flag != spelled:
            proof.asides.append(
                f"{one.location}: {flag} would be spelled {spelled}, as SGLang {release} has it"
            )
    if a != b:
        proof.asides.append(f"{one.location}: {MOVED}")


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


def _shown_arg(arg: ServerArg | None) -> str:
    if arg is None:
        return "not there"
    words = " ".join(w if isinstance(w, str) else w.text for w in arg.words)
    condition = f" when {arg.condition}" if arg.condition else ""
    return f"`{shortened(masked(arg.flag or '', words), 200)}`{condition}"
