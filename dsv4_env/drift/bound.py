"""What the launches of a test or a script can share with a profile at most, told by bytes alone.

A setting counts by its name, unless a launch has it without making it. A launch can only make it
where the file, or one that it imports, spells the name out, or begins it and has the words that
the rest is made of: ``f"--{key}"`` beside ``tp_size``. (A flag that is abbreviated must be spelled
out; those of a ``--config`` file may be any, and a file that uses dsv4-env may take all from a
profile.) So a file whose names don't weigh enough needn't be followed to know that no profile is
near; one whose names may is followed, whatever comes of it. A script is judged with the scripts
that it names, which it may source or run; one that sources what isn't found is followed.
"""

from __future__ import annotations

import ast
import bisect
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dsv4_env.drift.family import FamilyMarks
from dsv4_env.guard.files import read_open
from dsv4_env.lang.python.syntax.effects import root_name
from dsv4_env.lang.python.syntax.imports import ModuleFinder, named_imports
from dsv4_env.lang.python.syntax.text import decoded, parse_python
from dsv4_env.lang.python.syntax.trees import callee, children, walk_tree
from dsv4_env.model.errors import ReadError
from dsv4_env.readers.python.commands import LAUNCHERS, SUBPROCESS, is_runtime

MOST = 200  # files that one may bring in; of one that brings more, nothing is told
_KEPT = 4096

_ENDS = rb"(?=[\"'{%\\])"  # a text ends here, or something is put in
_CODES = re.compile(rb"\\(?:x([0-9a-f]{2})|u00([0-9a-f]{2})|U0{6}([0-9a-f]{2})|([0-7]{1,3}))", re.I)
_ENCODING = re.compile(rb"\A(?:[^\n]*\n)?[^\n]*coding[:=][ \t]*(?!utf-?8\b|ascii|latin)", re.I)
_WORD = re.compile(rb"[a-z0-9]+")
_CONFIG = re.compile(rb"--config\b(?!-)")
_ENV_FILE = re.compile(rb"\benv[-_]file\b")
_SOURCED = re.compile(rb"(?:^|[;&|({]|\b(?:then|do|else))[ \t]*(?:source|\.)[ \t]([^\n]+)", re.M)
_SCRIPT_NAME = re.compile(rb"(?<![\w./+-])[\w./+-]*[\w+-]\.(?:sh|bash|env)\b")
_LETTER = b"\\N{LATIN"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A setting of a profile: what a launch must name for it, and what it counts for.

    *names* are the variable, or all that argparse takes for the flag, in small letters (without
    any, a launch makes it by other ways), *whole* those that aren't abbreviated. *variable* says
    that it is one of the environment.
    """

    names: frozenset[bytes]
    whole: frozenset[bytes]
    weight: float
    variable: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a file holds: names spelled out, beginnings of names, and files that it may import.

    *config*: it names ``--config``; *profiles*: it may take settings from profiles.
    """

    spelled: frozenset[bytes]
    begun: frozenset[bytes]
    imports: tuple[str, ...]
    config: bool
    profiles: bool


@dataclass(slots=True)
class SimilarityBound:
    """Tells the files whose launches none of *profiles* can be near to, nor are of *family*.

    A profile whose settings a launch shares by less than *least* isn't near; *root* is the folder
    that imports must lie below; *family* is the pattern of the names of models (None: none),
    which count in what a script sources, too, where *sourced* says so; *mention* is what the bytes
    of any other file must have (None: anything may do).
    """

    profiles: Collection[Sequence[Weighed]]
    least: float
    root: str
    family: re.Pattern[str] | None = None
    sourced: bool = False
    mention: re.Pattern[bytes] | None = None
    _names: frozenset[bytes] = frozenset()
    _starts: dict[bytes, set[bytes]] = field(default_factory=dict)
    _tokens: list[re.Pattern[bytes]] = field(default_factory=list)
    _words: dict[str, frozenset[bytes]] = field(default_factory=dict)
    _marks: FamilyMarks | None = None
    _alone: list[re.Pattern[bytes]] = field(default_factory=list)
    _known: dict[str, _Facts | None] = field(default_factory=dict)
    _finder: ModuleFinder = field(init=False)
    _folders_real: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = os.path.realpath(self.root)
        self._finder = ModuleFinder(Path(self.root))
        self._names = frozenset(n for p in self.profiles for s in p for n in s.names)
        heads = {n: b"--" if n[:1] == b"-" else n.partition(b"_")[0] for n in self._names}
        for name in {n for p in self.profiles for s in p for n in s.whole}:
            head = heads[name]
            for end in range(len(head), len(name)):
                self._starts.setdefault(name[:end], set()).add(name)
        # One pattern for each: what starts with plain text is searched for much sooner.
        for head in set(heads.values()):
            word = rb"--[\w-]*" if head == b"--" else re.escape(head) + rb"_\w*"
            self._tokens.append(re.compile(rb"(" + word + rb")([\"'{%\\$])?"))
        firsts = [re.escape(h.upper()) for h in heads.values() if h != b"--"]
        self._alone = [re.compile(f + _ENDS) for f in set(firsts)]
        if self.family is not None:
            self._marks = FamilyMarks(self.family, _plain)

    def follow(self, path: str) -> bool:
        """Whether a launch of the file may be near a profile or of the family, by its bytes."""
        path = self._real(path)
        files = self._brought(path)
        if files is None or self._near(files):
            return True
        return self._marks is not None and self._marks.may(path, files)

    def follow_script(self, path: str) -> bool:
        """The same of a bash script."""
        path = self._real(path)
        found = {path}
        pending = [path]
        while pending:
            each = pending.pop()
            facts = self._script(each)
            if facts is None:
                return True
            pending += [i for i in facts.imports if i not in found]
            found.update(facts.imports)
            if len(found) > MOST:
                return True
        if self._near(found):
            return True
        # A library that all scripts source may know each model.
        named = found if self.sourced else [path]
        return self.family is None or any(map(self._of_family, named))

    def follow_other(self, path: str) -> bool:
        """The same of a file that is neither."""
        if self.mention is None:
            return True
        data = _plain(self._real(path))
        return data is None or self.mention.search(data) is not None

    def _of_family(self, path: str) -> bool:
        data = _plain(path)
        assert self.family is not None
        return data is None or self.family.search(data.decode("latin-1")) is not None

    def _script(self, path: str) -> _Facts | None:
        """What a script holds; None where its bytes don't say."""
        if path not in self._known:
            self._known[path] = self._looked_at_script(path)
        return self._known[path]

    def _looked_at_script(self, path: str) -> _Facts | None:
        data = _plain(path)
        if data is None or _ENV_FILE.search(data):
            return None
        scripts: set[str] = set()
        for line in _SOURCED.findall(data):
            there = set(self._scripts(path, line))
            if not there:
                return None
            scripts |= there
        scripts.update(self._scripts(path, data))
        return self._facts_of(data, tuple(sorted(scripts)))

    def _scripts(self, path: str, text: bytes) -> Iterator[str]:
        """The scripts that a text names, as far as they lie below a folder around a script."""
        for name in {os.fsdecode(n).lstrip("/") for n in _SCRIPT_NAME.findall(text)}:
            folder = os.path.dirname(path)  # noqa: PTH120
            while len(folder) >= len(self.root):
                place = os.path.normpath(f"{folder}/{name}")
                if place.startswith(f"{self.root}/") and os.path.isfile(place):  # noqa: PTH113
                    yield self._real(place)
                    break
                folder = os.path.dirname(folder)  # noqa: PTH120

    def near(self, path: str) -> bool:
        """Whether a profile may be near to a launch of the file, as far as its bytes tell."""
        files = self._brought(self._real(path))
        return files is None or self._near(files)

    def _real(self, path: str) -> str:
        """The path with all links followed, those of its folder once for all files in it."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folders_real:
            self._folders_real[folder] = os.path.realpath(folder or ".")
        whole = f"{self._folders_real[folder].rstrip('/')}/{name}"
        return os.path.realpath(whole) if os.path.islink(whole) else whole  # noqa: PTH114

    def _near(self, files: set[str]) -> bool:
        facts = [f for f in map(self._facts, files) if f is not None]
        if any(f.profiles for f in facts):
            return True
        named = {n for f in facts for n in f.spelled}
        if any(f.config for f in facts):
            named |= {n for p in self.profiles for s in p if not s.variable for n in s.names}
        if self._enough(named):
            return True
        begun = {b for f in facts for b in f.begun}
        wanted = self._completed(begun, named)
        # Whether the words are there is only looked for where it matters.
        if not self._enough(named | {n for n, _ in wanted}):
            return False
        words = {w for path in files for w in self._words_of(path)}
        there = {n for n, start in wanted if words.issuperset(_WORD.findall(n[len(start) :]))}
        return self._enough(named | there)

    def _enough(self, named: set[bytes]) -> bool:
        return any(self._may_be_near(settings, named) for settings in self.profiles)

    def _may_be_near(self, settings: Sequence[Weighed], named: set[bytes]) -> bool:
        # A launch that can't have arguments is held against the variables alone.
        for part in (settings, [s for s in settings if s.variable]):
            whole = got = half = 0.0
            for s in part:
                whole += s.weight
                if not s.names or not named.isdisjoint(s.names):
                    got += s.weight
                elif not s.variable:  # words that aren't known may give it
                    half += s.weight / 2
            share = got / whole if whole else 0.0
            if share >= self.least or (
                share >= self.least / 2 and share + half / whole >= self.least
            ):
                return True
        return False

    def _brought(self, path: str) -> set[str] | None:
        """A file and all that it may import, through others too; None where that isn't known."""
        found = {path}
        pending = [path]
        while pending:
            facts = self._facts(pending.pop())
            if facts is None:
                return None
            pending += [i for i in facts.imports if i not in found]
            found.update(facts.imports)
            if len(found) > MOST:
                return None
        return found

    def _facts(self, path: str) -> _Facts | None:
        """What a file holds; None where its bytes don't say."""
        if path not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
                self._finder = ModuleFinder(Path(self.root))
            self._known[path] = self._looked(path)
        return self._known[path]

    def _looked(self, path: str) -> _Facts | None:
        data = _plain(path)
        modules = None if data is None else named_imports(data)
        if data is None or modules is None:
            return None
        here = os.path.dirname(path)  # noqa: PTH120  # pathlib takes longer than all the rest
        brought = {
            self._finder.find(here, name, level)
            for name, level in modules
            if level or not is_runtime(name)
        }
        return self._facts_of(data, tuple(sorted(b for b in brought if b)))

    def _facts_of(self, data: bytes, imports: tuple[str, ...]) -> _Facts:
        lower = data.lower()
        met = {t for pattern in self._tokens for t in pattern.findall(lower)}
        tokens = {token for token, _ in met}
        begun = {token for token, end in met if end}
        begun |= {t.lower() for pattern in self._alone for t in pattern.findall(data)}
        return _Facts(
            self._names & tokens,
            frozenset(self._starts.keys() & begun),
            imports,
            b"--config" in tokens or _CONFIG.search(data) is not None,
            b"dsv4_" in data,
        )

    def _completed(self, begun: set[bytes], named: set[bytes]) -> list[tuple[bytes, bytes]]:
        """The names that aren't there and of which a beginning is, with that."""
        if not begun:
            return []
        open_ = {n for p in self.profiles for s in p if named.isdisjoint(s.names) for n in s.whole}
        return [(n, start) for start in begun for n in self._starts[start] & open_]

    def _words_of(self, path: str) -> frozenset[bytes]:
        if path not in self._words:
            if len(self._words) >= _KEPT:
                self._words.clear()
            self._words[path] = frozenset(_WORD.findall((_plain(path) or b"").lower()))
        return self._words[path]


def _plain(path: str) -> bytes | None:
    """The bytes of a file, letters given by their codes put in; None where they don't tell.

    The path is one without links.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        data = read_open(handle, path)
    except ReadError:
        return None
    finally:
        os.close(handle)
    if _ENCODING.match(data) or _LETTER in data:
        return None
    if b"\\" in data:
        data = _CODES.sub(_coded, data.replace(b"\\\r\n", b"").replace(b"\\\n", b""))
    return data


def _coded(match: re.Match[bytes]) -> bytes:
    *hexadecimal, octal = match.groups()
    code = int(octal, 8) if octal else int(next(filter(None, hexadecimal)), 16)
    return bytes([code]) if 32 < code < 127 else match[0]


_STARTERS = (*sorted(SUBPROCESS), "system", "launch_server_cmd", "execute_shell_command")
_ENGINES = ("Engine", "Runtime")
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_CALLS = re.compile(
    rf"\b(?:\w*popen_launch_(?:pd_)?server|{'|'.join(_STARTERS)}|sgl(?:ang)?\.(?:Engine|Runtime))\s*\("
)
# A server's command. What looks for such processes (pgrep) has it within a pattern.
_SERVER = re.compile(
    r"\A\s*sglang\.launch_server\s*\Z|-m\s+sglang\.launch_server\b"
    r"|\bsglang\s+serve\b(?!\s*\.\*)"
)


_CALLED = re.compile(rb"popen_launch_(?:pd_)?server\s*\(|\bsgl(?:ang)?\.(?:Engine|Runtime)\s*\(")
_DEFINED = re.compile(rb"\bdef +\w*popen_launch_(?:pd_)?server\s*\(")
_MODULE = re.compile(rb"sglang\.launch_server\b")
_RUN = re.compile(rb"(?:-m[\s\"',\\]+|[\"'])\Z")  # what stands before a module that is run
_SERVES = re.compile(rb"sglang[\s\"',]+serve\b(?!\s*\.\*)")


def in_plain_sight(data: bytes) -> int:
    """How many servers a file seems to start, as its bytes tell without being parsed."""
    called = len(_CALLED.findall(data))
    if called and b"def " in data:
        called -= len(_DEFINED.findall(data))
    if b"sglang" not in data:
        return called
    run = sum(
        _RUN.search(data, max(0, m.start() - 12), m.start()) is not None
        for m in _MODULE.finditer(data)
    )
    return called + run + len(_SERVES.findall(data))


def servers_started(data: bytes, path: str) -> list[tuple[int, str]]:
    """Where a Python file starts a server in plain sight: the line, and the name of what does.

    That is where ``popen_launch_server`` is called or an engine made, and where a process is
    started in a class or function that has the words of a server's command. Raises ReadError where
    the data isn't Python.
    """
    text = decoded(data, path)
    tree = parse_python(text, path)
    lines: list[int] = []  # in which something is called by such a name
    at, line = 0, 1
    for match in _CALLS.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        lines.append(line)
    found: dict[int, str] = {}
    pending: list[tuple[ast.AST, str, ast.AST]] = [(tree, "", tree)]
    while pending:
        node, name, block = pending.pop()
        if isinstance(node, ast.ClassDef | _FUNCTIONS):
            block = block if name else node
            name = f"{name}.{node.name}" if name else node.name
        if isinstance(node, ast.Call):
            word = callee(node)
            engine = word in _ENGINES and root_name(node) in ("sgl", "sglang")
            started = word in _STARTERS and _has_words(block)
            if word.endswith(LAUNCHERS) or engine or started:
                found.setdefault(node.lineno, name)
        pending += [(c, name, block) for c in children(node) if _holds_any(c, lines)]
    return sorted(found.items())


def _holds_any(node: ast.AST, lines: list[int]) -> bool:
    """Whether a node spans one of the lines, which are in order; what has no place may."""
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    if first is None or last is None:
        return True
    at = bisect.bisect_left(lines, first)
    return at < len(lines) and lines[at] <= last


@lru_cache(maxsize=256)
def _has_words(node: ast.AST) -> bool:
    """Whether words of a server's command are among the texts of a class, function or module."""
    parts = [node]
    if isinstance(node, ast.Module):  # of which the others are not a part
        parts = [s for s in node.body if not isinstance(s, ast.ClassDef | _FUNCTIONS)]
    nodes = [n for part in parts for n in walk_tree(part)]
    told = {n.value for n in nodes if isinstance(n, ast.Expr)}  # a docstring
    texts = [
        n.value
        for n in nodes
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and n not in told
    ]
    return any(map(_SERVER.search, texts)) or {"sglang", "serve"} <= set(texts)
