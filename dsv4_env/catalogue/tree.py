"""The catalogue of a checkout's own SGLang: what its ``python/sglang`` understands, as it is now.

It is extracted by syntax, as that of a wheel, and kept in the user's cache until one of the files
that it is read from changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from dsv4_env.catalogue.checkout import SERVER_ARGS, find as find, walk
from dsv4_env.catalogue.entries import TREE, Catalogue
from dsv4_env.catalogue.releases import fitting
from dsv4_env.catalogue.resolution import Steps, resolution
from dsv4_env.catalogue.store import (
    RELEASES,
    SnapshotLines,
    from_lines,
    shipped,
    to_lines,
)
from dsv4_env.guard import cache, git
from dsv4_env.guard.asked import Place, question, told_elsewhere
from dsv4_env.guard.kept import is_keeping, kept
from dsv4_env.model.errors import Dsv4Error, ReadError
from dsv4_env.model.style import plain

_FORMAT = "dsv4-env tree 1"
_SETTLED = 50_000_000  # nanoseconds: a file that changes again may have the same time before
_EXPECTED = "SGLang 0.5.11 or newer in python/sglang, or --sglang RELEASE"


def load_tree(path: Path) -> Catalogue:
    """The catalogue of the checkout at *path*, whose release is ``tree``.

    Nothing of it runs, and nothing is written there. Raises ReadError where it can't be read, or
    isn't laid out as SGLang 0.5.11 or newer.
    """
    return kept("tree", path, partial(_load_tree, path))


def _load_tree(path: Path) -> Catalogue:
    key = _key(path)
    name = _file("tree", path)
    found = _decoded(cache.read(name, apart_from=path), key)
    if found is None:
        now = time.time_ns()
        with told_elsewhere():  # by the key
            found = _extracted(path)
        _keep(name, path, key, now, found.encoded(key))
    at = _commit(path) or found.version
    label = f"the tree's own SGLang (python/sglang{', at ' + at if at else ''})"
    return replace(from_lines(TREE, found.lines, label), base=found.base, root=str(path))


def steps_of(catalogue: Catalogue) -> Steps | None:
    """What the release of a catalogue makes of launches, as ``catalogue.resolution`` has it.

    Of a checkout's own SGLang it is taken out of the checkout, and kept in the cache. None where
    it isn't known.
    """
    if catalogue.release != TREE:
        return resolution(catalogue.release)
    path = Path(catalogue.root)
    if is_keeping():
        return kept("steps", path, partial(_tree_steps, path))
    return _steps_once(path)


def _tree_steps(path: Path) -> Steps | None:
    key = _key(path)
    name = _file("steps", path)
    head, _, body = (cache.read(name, apart_from=path) or b"").partition(b"\n")
    if head.decode("ascii", "replace") == f"{_FORMAT} {key} {_digest(body)}":
        kept: Steps = json.loads(body)
        return kept or None
    from dsv4_env.catalogue import extract  # 50 ms, for the first reading of a tree alone

    now = time.time_ns()
    try:
        with told_elsewhere():
            data = extract.build_resolution(path)[1].encode()
    except (Dsv4Error, *_ODD):
        data = b"[]"  # it isn't laid out as it's known to be
    _keep(name, path, key, now, f"{_FORMAT} {key} {_digest(data)}\n".encode() + data)
    found: Steps = json.loads(data)
    return found or None


@lru_cache(maxsize=2)
def _steps_once(path: Path) -> Steps | None:
    """The same for a command that answers once: it asks for each launch."""
    return _tree_steps(path)


def _file(kind: str, path: Path) -> str:
    """The name of a tree's file in the cache."""
    return f"{kind}-{_digest(str(path).encode(errors='surrogateescape'))[:16]}.txt"


def _keep(name: str, path: Path, key: str, since: int, data: bytes) -> None:
    """Keep what was read of a tree, where the tree is still as it was *since* the reading began."""
    if key == _key(path) and _newest(path) < since - _SETTLED:
        cache.write(name, data, apart_from=path)


@dataclass(frozen=True, slots=True)
class _Tree:
    """What is kept of a tree: its *lines*, the shipped release nearest to it, its version or ""."""

    lines: SnapshotLines
    base: str
    version: str

    def encoded(self, key: str) -> bytes:
        """The file in the cache: a line of what it is of and a digest of the rest, and the rest."""
        body = json.dumps([[*key, text] for key, text in self.lines.items()]).encode()
        head = (_FORMAT, key, self.base, self.version or "-", _digest(body))
        return " ".join(head).encode() + b"\n" + body


def _decoded(data: bytes | None, key: str) -> _Tree | None:
    """What a file of the cache holds; None where it is of other files, or not whole."""
    head, _, body = (data or b"").partition(b"\n")
    words = head.decode("ascii", "replace").removeprefix(_FORMAT).split()
    if len(words) != 4 or words[0] != key or words[3] != _digest(body):
        return None
    version = "" if words[2] == "-" else words[2]
    # No snapshot: a stranger's flags and files may have blanks and line breaks in their names.
    return _Tree({(kind, name): text for kind, name, text in json.loads(body)}, words[1], version)


# The extractor knows SGLang; what else a stranger may write there is no error of ours.
_ODD = (
    ArithmeticError, AssertionError, AttributeError, LookupError,
    MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


def _extracted(path: Path) -> _Tree:
    from dsv4_env.catalogue import extract  # 50 ms, for the first reading of a tree alone

    try:
        found = extract.extract(path)
        lines = {(kind, plain(name)): text for (kind, name), text in to_lines(found).items()}
        "".join(f"{name}{text}" for (_, name), text in lines.items()).encode()  # no half character
    except ReadError as error:
        error.hint = None
        error.expected = error.expected or _EXPECTED
        raise
    except _ODD as exc:
        why = f"its source is none that SGLang ever had ({type(exc).__name__})"
        raise ReadError(why, where=path / "python" / "sglang", expected=_EXPECTED) from None
    version = "" if found.release == extract.CHECKOUT else found.release
    return _Tree(lines, _nearest(lines), version)


def _nearest(lines: SnapshotLines) -> str:
    """The newest of the shipped releases from whose names the tree's differ least."""
    mine = {key for key in lines if key[0] in "VA"}

    def differ(release: str) -> int:
        return len(mine ^ {key for key in shipped(release) if key[0] in "VA"})

    return min(reversed(RELEASES), key=differ)


def _folders(path: Path) -> Iterator[Place]:
    """Where files may come and go that decide the result."""
    try:
        names = [name for name, _ in walk(path / "python")]
    except Dsv4Error:
        names = []
    for folder in {os.path.dirname(name) for name in names}:  # noqa: PTH120  # thousands
        yield Place(str(path / "python" / folder), listed=True)


@partial(question, about=_folders)
def _key(path: Path) -> str:
    """A digest of what decides the result: the files' places, sizes and times, and what reads them.

    The time of a change of state (ctime) can't be set, so a file that is put there with the
    time and size of another is seen, too.
    """
    found = hashlib.blake2b(f"{_reader()} {sys.version_info[:2]} {path}".encode("utf-8", "replace"))
    for name, s in walk(path / "python"):
        stamp = f"{name}\0{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino}\n"
        found.update(stamp.encode(errors="surrogateescape"))
    return found.hexdigest()[:32]


def _newest(path: Path) -> int:
    """When the last of the files changed, in nanoseconds."""
    return max((max(s.st_mtime_ns, s.st_ctime_ns) for _, s in walk(path / "python")), default=0)


@lru_cache(maxsize=1)
def _reader() -> str:
    """A digest of the code that extracts and of the releases that ship."""
    own = Path(__file__).parent
    files = [*sorted((own / "extract").rglob("*.py")), own / "entries.py", own / "store.py"]
    code = b"".join(f.read_bytes() for f in files if f.is_file())
    return _digest(code + " ".join(RELEASES).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@partial(question, about=lambda path: (Place(str(path / ".git" / "HEAD")),))
def _commit(path: Path) -> str:
    """The commit that is checked out, nine digits of it; empty where there is none."""
    if git.repository(path) != path:
        return ""  # a repository around it has commits of its own
    try:
        return git.ask(path, "rev-parse", "HEAD").decode("ascii", "replace").strip()[:9]
    except Dsv4Error:
        return ""


@dataclass(slots=True)
class Trees:
    """The trees that one command has read, and what is wrong with those that it couldn't."""

    _found: dict[Path, Catalogue | ReadError] = field(default_factory=dict)

    def own(self, places: Sequence[Path]) -> Catalogue | ReadError | None:
        """The catalogue of the first of these folders that lies in a checkout, or its error."""
        path = next((p for p in map(find, places) if p is not None), None)
        if path is None:
            return None
        if path not in self._found:
            try:
                self._found[path] = load_tree(path)
            except ReadError as error:
                self._found[path] = error
        return self._found[path]

    def asked(self, places: Sequence[Path]) -> Catalogue:
        """The same for who asked for it. Raises ReadError."""
        found = self.own(places)
        if isinstance(found, ReadError):
            raise found
        if found is None:
            raise ReadError(
                "there is no SGLang to read as the tree's own",
                where=places[0],
                expected=f"python/{SERVER_ARGS} in it or in a folder above, or --sglang RELEASE",
            )
        return found

    def chosen(
        self,
        release: str | None,
        ranges: Collection[str | None],
        places: Sequence[Path],
        *,
        tree: bool = True,
    ) -> tuple[Catalogue, str | None]:
        """As :meth:`fitting`; a checkout's own counts unasked only where *tree* says so."""
        if release == TREE or (tree and not release):
            return self.fitting(release, ranges, places)
        return fitting(release, ranges)

    def fitting(
        self, release: str | None, ranges: Collection[str | None], places: Sequence[Path]
    ) -> tuple[Catalogue, str | None]:
        """As :func:`dsv4_env.catalogue.fitting`, but within a checkout the tree's own counts.

        That is: where *release* is ``tree``, and where it is None and one of the *places* lies in
        a checkout; then ranges don't count. Where such a tree can't be read, the note says why.
        """
        if release == TREE:
            return self.asked(places), None
        own = self.own(places) if release is None else None
        if isinstance(own, Catalogue):
            return own, None
        found, note = fitting(release, ranges)
        if own is not None:
            note = f"the tree's own SGLang can't be read: {own}"
        return found, note
