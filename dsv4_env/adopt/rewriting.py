"""A test put onto profiles: what its launches set comes from ``load_profile``, the rest stays.

The edits follow how the test makes its arguments and its environment. They are proposals:
:mod:`dsv4_env.adopt.proof` tells whether the launches are the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from dsv4_env.adopt.code import (
    WIDTH,
    Code,
    assigned,
    changed_parts,
    parts_of,
    spliced,
    with_import,
    without_unused,
)
from dsv4_env.adopt.fitting import fitted
from dsv4_env.adopt.making import (
    Given,
    Making,
    Step,
    by_flag,
    copied,
    given_to,
    members_of,
    shown_words,
)
from dsv4_env.catalogue import load
from dsv4_env.catalogue.history import flag_in
from dsv4_env.lang.python.syntax.trees import callee, walk_tree
from dsv4_env.model import (
    EnvVar,
    LaunchConfig,
    Location,
    Value,
    is_flag,
    own_default,
    text_of,
)
from dsv4_env.model.errors import Dsv4Error, shortened
from dsv4_env.model.secrets import masked
from dsv4_env.profile import Profile
from dsv4_env.writeback.edits import Edit, applied

LOADER = "load_profile"
PACKAGE = "dsv4_env"
_ENVIRON = "os.environ"
_PROCESS = re.compile(r"\A(?:\w+\.)*(?:environ\b|putenv\b|envs\.|setenv\b|patch\b)|\(os\.environ\b")


class CannotRewrite(Dsv4Error):  # noqa: N818 - it says what is so, and isn't always an error
    """A test that can't be put onto a profile safely: *reason*, and where."""

    def __init__(self, reason: str, location: Location | None = None) -> None:
        super().__init__(reason, where=location)
        self.reason = reason
        self.location = location


class _ElsewhereError(Exception):
    """An environment that isn't made where it is handed to a launch."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where profiles lie, from a test: *below* that of its parents which is the *up*-th, from 0."""

    up: int
    below: str

    def __str__(self) -> str:
        parent = f"parents[{self.up}]" if self.up else "parent"
        place = f"Path(__file__).resolve().{parent}"
        quoted = self.below.replace("\\", "\\\\").replace('"', '\\"')
        return f'{place} / "{quoted}"' if self.below not in ("", ".") else place


def folder_from(test: Path, folder: Path) -> Folder:
    """How a test names a folder; both are absolute. Raises ValueError where they share nothing."""
    for up, parent in enumerate(test.parents):
        if folder.is_relative_to(parent):
            return Folder(up, str(PurePosixPath(folder.relative_to(parent))))
    raise ValueError(folder)


@dataclass(frozen=True, slots=True)
class Use:
    """A launch of a test and the profile that it is to take.

    *name* is what the test says, with overlays and hardware; *folder* is None for the shipped
    profiles; *target* are the keywords that load_profile gets besides.
    """

    launch: LaunchConfig
    profile: Profile
    name: str
    folder: Folder | None = None
    target: tuple[tuple[str, str | int], ...] = ()

    @property
    def load(self) -> str:
        """The call that loads the profile."""
        return f"{LOADER}({', '.join(self.words)})"

    @property
    def words(self) -> list[str]:
        """The arguments of that call as spelled."""
        words = [_quoted(self.name)]
        if self.folder is not None:
            words.append(str(self.folder))
        return words + [
            f"{key}={_quoted(v) if isinstance(v, str) else v}" for key, v in self.target
        ]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rewritten(text: str, path: str, uses: Sequence[Use]) -> str:
    """The text of a test whose launches take their settings from profiles.

    All else stays as it is; what nothing uses any more goes. The same text where the launches take
    them from there already. Raises CannotRewrite, and ReadError where it is no Python.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    code = Code(text.removeprefix(mark), path)
    todo = [u for u in uses if not taken(u.launch)]
    if not todo:
        return text
    names = _constants(code, todo)
    _check_names(code, todo)
    work = _Rewriting(code, Making(code))
    try:
        for use in todo:
            work.launch(use, names[use.load])
    except RecursionError:
        raise CannotRewrite("it is nested too deeply", Location(path)) from None
    new = applied(code.text, work.agreed())
    new = without_unused(new, path, code.unused(), lambda name: False)
    for use in {u.load: u for u in todo}.values():
        new = _with_constant(new, path, names[use.load], use)
    return mark + fitted(new, code.text, path)


@lru_cache(maxsize=4096)
def spelled_word(word: str, release: str) -> str:
    """A word as a release spells it, where it is a flag, which has other names in others."""
    return flag_in(load(release), word) if is_flag(word) and "=" not in word else word


def taken(launch: LaunchConfig) -> bool:
    """Whether a launch takes settings from a profile already."""
    return any(n.profile for n in launch.notes)


def _check_names(code: Code, uses: Sequence[Use]) -> None:
    """Raise CannotRewrite where a name that comes in means something else in the test."""
    wanted = {LOADER: f"{PACKAGE}.{LOADER}", "os": "os"}
    if any(use.folder is not None for use in uses):
        wanted["Path"] = "pathlib.Path"
    for name, meaning in wanted.items():
        if name in code.bound[code.tree] and code.imported.get(name) != meaning:
            raise CannotRewrite(
                f"{name} means something else in it, and is needed for {meaning}; under another "
                "name that can stay",
                Location(code.path),
            )


def _constants(code: Code, uses: Sequence[Use]) -> dict[str, str]:
    """What each profile is called in the test, by the call that loads it."""
    found: dict[str, str] = {}
    taken_names = set(code.identifiers)
    for node in code.tree.body:
        target = assigned(node)
        value = getattr(node, "value", None)
        if target is not None and isinstance(value, ast.Call) and callee(value) == LOADER:
            found.setdefault(ast.unparse(value), target.id)
    loads = list(dict.fromkeys(u.load for u in uses))
    names: dict[str, str] = {}
    for call in loads:
        known = found.get(ast.unparse(ast.parse(call)))
        if known is not None:
            names[call] = known
            continue
        use = next(u for u in uses if u.load == call)
        stem = "PROFILE" if len(loads) == 1 else f"{_upper(use.name)}_PROFILE"
        name, number = stem, 2
        while name in taken_names:
            name, number = f"{stem}_{number}", number + 1
        taken_names.add(name)
        names[call] = name
    return names


def _upper(name: str) -> str:
    text = "".join(c if c.isalnum() else "_" for c in name.upper())
    return f"_{text}" if text[:1].isdigit() else text


def _with_constant(text: str, path: str, name: str, use: Use) -> str:
    """The text with the constant that holds a profile, right before its first use."""
    code = Code(text, path)
    first = None
    for node in code.tree.body:
        found = assigned(node)
        if found is not None and found.id == name:
            return text
        if any(isinstance(n, ast.Name) and n.id == name for n in walk_tree(node)):
            first = node
            break
    if first is None:
        return text
    newline = code.newline
    line = newline.join(_load_lines(name, use))
    head = code.span(first)[0]
    if isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        head = min([head, *(code.span(d)[0] for d in first.decorator_list)])
    number = code.line_of(head)
    while number and code.line(number - 1).startswith("#"):
        number -= 1
    body = code.tree.body
    index = body.index(first)
    if isinstance(first, ast.Assign | ast.AnnAssign | ast.Expr) or index == 0:
        edit = Edit(code.starts[number], code.starts[number], f"{line}{newline}")
    else:
        before = body[index - 1]
        after = code.line_of(code.span(before)[1]) + 1
        at = code.starts[after] if after < len(code.starts) else len(code.text)
        gap = newline * (2 if hasattr(before, "body") else 1)
        edit = Edit(at, at, f"{gap}{line}{newline}")
    text = applied(text, [edit])
    modules = [(PACKAGE, LOADER)]
    if use.folder is not None and code.imported.get("Path") != "pathlib.Path":
        modules.append(("pathlib", "Path"))
    wanted: list[tuple[str, str | None]] = [*modules]
    if any(_ENVIRON in code.raw(n) for n in _calls_of(code, name)):
        wanted.append(("os", None))
    for module, member in wanted:
        code = Code(text, path)
        brought = with_import(code, module, member)
        if brought is not None:
            text = applied(text, [brought])
    return text


def _calls_of(code: Code, name: str) -> list[ast.Call]:
    """The calls of a profile's methods."""
    calls = [n for n in walk_tree(code.tree) if isinstance(n, ast.Call)]
    return [
        c for c in calls
        if isinstance(c.func, ast.Attribute)
        and isinstance(c.func.value, ast.Name)
        and c.func.value.id == name
    ]  # fmt: skip


def _load_lines(name: str, use: Use) -> list[str]:
    whole = f"{name} = {use.load}"
    if len(whole) <= WIDTH:
        return [whole]
    inner = f"    {', '.join(use.words)}"
    if len(inner) <= WIDTH:
        return [f"{name} = {LOADER}(", inner, ")"]
    return [f"{name} = {LOADER}(", *(f"    {word}," for word in use.words), ")"]


# How a test makes arguments and environments


@dataclass(slots=True, eq=False)
class _Mine:
    """Which words of a list the profile has, by their numbers: they are met one by one."""

    words: Sequence[int]
    at: int = -1

    def next(self) -> bool:
        """Whether the next word is one of them."""
        self.at += 1
        return self.at in self.words

    @property
    def begins(self) -> bool:
        """Whether the word that was met last is the first of them."""
        return self.at == self.words[0]


@dataclass(slots=True, eq=False)
class _Rewriting:
    """The edits that put the launches of a file onto profiles."""

    code: Code
    making: Making
    edits: dict[tuple[int, int], Edit] = field(default_factory=dict)
    offers: dict[tuple[int, int], set[str | None]] = field(default_factory=dict)
    profile: str = ""  # the name of its constant
    gone: frozenset[str] = frozenset()  # the variables that the profile sets
    based: bool = False  # whether the process's environment lies under the variables
    met: set[str] = field(default_factory=set)  # of those, what was taken out
    other: set[int] = field(default_factory=set)  # where they are set to something else
    told: dict[int, tuple[Value, ...]] = field(default_factory=dict)  # of the flags, by place
    seen: list[ast.AST] = field(default_factory=list)
    release: str = ""

    def launch(self, use: Use, name: str) -> None:
        """Propose the edits for one launch."""
        self.profile, self.release = name, use.profile.sglang
        self.told = {
            self._position(a.location): a.values
            for a in use.launch.args or ()
            if a.flag is not None and not a.joined
        }
        call = self._call(use.launch)
        given = given_to(call) if call is not None else None
        if use.profile.server_args:
            self._arguments(use, given)
        if use.profile.config.env:
            self._environment(use, given)
        if given is not None:
            self._model(use, given)
            self._timeout(use, given)

    def put(self, start: int, end: int, text: str) -> None:
        """Keep an edit. Raises CannotRewrite where another one wants something else there."""
        edit = Edit(start, end, text)
        for each in self.edits.values():
            apart = each.end <= start or end <= each.start
            if each != edit and not apart:
                where = Location(self.code.path, *self.code.place(start))
                raise CannotRewrite(
                    f"`{shortened(self.code.text[start:end], 60)}` is used by several launches, "
                    "whose profiles want different things there; one for each can be replaced",
                    where,
                )
        if self.code.text[start:end] != text:
            self.edits[start, end] = edit

    def _call(self, launch: LaunchConfig) -> ast.Call | None:
        """The call that a launch is made by; None where it stands elsewhere."""
        where = launch.location
        if where is None or where.path != self.code.path:
            return None
        at = self.code.starts[(where.line or 1) - 1] + (where.column or 1) - 1
        calls = [n for n in walk_tree(self.code.tree) if isinstance(n, ast.Call)]
        found = [c for c in calls if self.code.span(c)[0] == at]
        return min(found, key=lambda c: self.code.span(c)[1], default=None)

    # What lists and dicts have in common

    def _made(self, node: ast.expr, *, top: bool) -> tuple[list[Step] | None, ast.expr | None]:
        """How what a name holds is made: by steps, or as the constant that it is.

        At the *top*, where a launch is handed it, steps come first.
        """
        if not top and (value := self.making.constant(node)) is not None:
            return None, value
        steps = self.making.history(node)
        return (None, self.making.constant(node)) if top and steps is None else (steps, None)

    def _joined(self, node: ast.BinOp, left: str | None, right: str | None) -> str | None:
        """Two sides as they are now; where one is all gone, the other one."""
        if left is None or right is None:
            return right if left is None else left
        span = self.code.span
        edits = [Edit(*span(node.left), left), Edit(*span(node.right), right)]
        return spliced(self.code, node, edits)

    def _copy(self, node: ast.expr, inner: ast.expr, text: str | None, whole: str) -> str | None:
        """A copy of what is now *text*; of nothing, or of the profile's *whole*, none is needed."""
        if text is None or text == whole:
            return text
        return spliced(self.code, node, [Edit(*self.code.span(inner), text)])

    # Arguments

    def _arguments(self, use: Use, given: Given | None) -> None:
        expression = given.args if given is not None else None
        words = use.profile.server_args
        if expression is not None:
            found = self._words(expression, top=True) or []
            mine = self._mine(found, words)
            if mine:
                run = _Mine(mine)
                text = self._list(expression, run, top=True)
                if text is None:
                    text = self._all_args
                self.put(*self.code.span(expression), text)
                return
        self._display(use, words, expression)

    def _mine(self, items: Sequence[str | None], words: Sequence[str]) -> Sequence[int]:
        """Which items are a profile's words, by the release's spelling: in one run, else in order.

        None where some lack. Those between them would come behind: the proof tells whether that
        makes a difference.
        """
        spelled = [None if i is None else spelled_word(i, self.release) for i in items]
        size = len(words)
        for first in range(len(items) - size + 1):
            if spelled[first : first + size] == list(words):
                return range(first, first + size)
        found: list[int] = []
        for at, item in enumerate(spelled):
            if len(found) < size and item == words[len(found)]:
                found.append(at)
        return found if len(found) == size else []

    @property
    def _all_args(self) -> str:
        return f"{self.profile}.server_args"

    def _display(self, use: Use, words: list[str], expression: ast.expr | None) -> None:
        """Put the profile's arguments into the one list that has all of them, wherever it is."""
        code = self.code
        flags = [a for a in use.launch.args or () if a.flag == words[0] and a.location is not None]
        for flag in flags:
            where = flag.location
            if where is None or where.path != code.path:
                continue
            at = code.starts[(where.line or 1) - 1] + (where.column or 1) - 1
            holders = [
                n for n in walk_tree(code.tree)
                if isinstance(n, ast.List | ast.Tuple)
                and code.span(n)[0] < at < code.span(n)[1]
            ]  # fmt: skip
            for holder in sorted(holders, key=lambda n: code.span(n)[1] - code.span(n)[0]):
                items = self._plain_words(holder.elts)
                gone = self._mine(items, words)
                if not gone:
                    continue
                if len(gone) == len(items):
                    whole = isinstance(holder, ast.List)
                    text = self._all_args if whole else f"tuple({self._all_args})"
                    self.put(*code.span(holder), text)
                    return
                parts = parts_of(code, holder)
                for edit in changed_parts(code, parts, gone, {gone[0]: f"*{self._all_args}"}):
                    self.put(edit.start, edit.end, edit.text)
                return
        where = code.location(expression) if expression is not None else use.launch.location
        known = self._words(expression, top=True) if expression is not None else []
        lacking = self._first_missing(known or [], words, use.name)
        raise CannotRewrite(
            lacking
            or f"the arguments of {use.name} don't stand in one list; in one they can be replaced",
            where,
        )

    def _first_missing(
        self, items: Sequence[str | None], words: Sequence[str], profile: str
    ) -> str | None:
        """What is to be said of the first flag that items don't have as a profile has it."""
        spelled = [None if i is None else spelled_word(i, self.release) for i in items]
        here = [[w or "…" for w in group] for group in by_flag(spelled)]
        for wanted in by_flag(words):
            if wanted in here:
                continue
            shown = shown_words(wanted)
            other = next((g for g in here if g[0] == wanted[0]), None)
            if other is not None:
                return (
                    f"{shown_words(other)} stands there, and {profile} has {shown}; only what is "
                    "alike can be replaced"
                )
            return (
                f"{shown}, which {profile} has, isn't spelled out among the arguments; written "
                "there it can be replaced"
            )
        return None

    def _words(self, node: ast.expr, *, top: bool = False) -> list[str | None] | None:
        """The words that an expression of lists makes, None for those that aren't known."""
        if node in self.seen:
            return [None]
        self.seen.append(node)
        try:
            return self._words_of(node, top=top)
        finally:
            self.seen.pop()

    def _words_of(self, node: ast.expr, *, top: bool) -> list[str | None]:
        if isinstance(node, ast.List | ast.Tuple):
            found: list[str | None] = []
            plain = self._plain_words(node.elts)
            for each, word in zip(node.elts, plain, strict=True):
                if isinstance(each, ast.Starred):
                    found += self._words(each.value) or []
                else:
                    found.append(word)
            return found
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [*(self._words(node.left) or []), *(self._words(node.right) or [])]
        if (inner := copied(node)) is not None:
            return self._words(inner) or []
        if isinstance(node, ast.Name | ast.Attribute):
            steps, value = self._made(node, top=top)
            if steps is not None:
                found = []
                for step in steps:
                    if step.kind == "append" and step.value is not None:
                        found.append(self.making.word(step.value))
                    else:
                        found += (self._words(step.value) or []) if step.value else [None]
                return found
            return [None] if value is None else self._words(value) or []
        return [None]

    def _plain_words(self, nodes: Sequence[ast.expr]) -> list[str | None]:
        """The words that elements of a list are, also where the reader alone could tell a value."""
        found = [None if isinstance(n, ast.Starred) else self.making.word(n) for n in nodes]
        for at, node in enumerate(nodes):
            values = self.told.get(self.code.span(node)[0], ())
            for index, value in enumerate(values, at + 1):
                if index >= len(nodes) or isinstance(nodes[index], ast.Starred):
                    break
                if found[index] is None and isinstance(value, str):
                    found[index] = value
        return found

    def _list(self, node: ast.expr, run: _Mine, *, top: bool = False) -> str | None:
        """An expression without the words of a run, where the profile's stand; None: all gone."""
        code = self.code
        if isinstance(node, ast.List | ast.Tuple):
            return self._elements(node, run)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined(node, self._list(node.left, run), self._list(node.right, run))
        if (inner := copied(node)) is not None:
            return self._copy(node, inner, self._list(inner, run), self._all_args)
        if isinstance(node, ast.Name | ast.Attribute):
            steps, value = self._made(node, top=top)
            if steps is not None:
                for step in steps:
                    self._step_args(step, run)
                return code.raw(node)
            if value is not None:
                return self._constant_args(node, value, run)
        run.next()
        return code.raw(node)

    def _constant_args(self, node: ast.expr, value: ast.expr, run: _Mine) -> str | None:
        """A name of a list in which no word, some or all are the profile's."""
        kept = dict(self.edits)
        text = self._list(value, run)
        if text is None or text == self._all_args:
            return text
        if text == self.code.raw(value):
            return self.code.raw(node)
        if not self.making.alone(node):
            self.edits = kept
            where = self.code.location(node)
            raise CannotRewrite(
                f"{self.code.raw(node)} has arguments besides the profile's, and is used "
                "elsewhere, too; a list of the launch's own can be replaced",
                where,
            )
        self.put(*self.code.span(value), text)
        return self.code.raw(node)

    def _elements(self, node: ast.List | ast.Tuple, run: _Mine) -> str | None:
        code = self.code
        parts = parts_of(code, node)
        gone: list[int] = []
        put: dict[int, str] = {}
        changed: list[Edit] = []
        for at, each in enumerate(node.elts):
            if not isinstance(each, ast.Starred):
                if run.next():
                    gone.append(at)
                    if run.begins:
                        put[at] = f"*{self._all_args}"
                continue
            text = self._list(each.value, run)
            if text is None:
                gone.append(at)
            elif text == self._all_args and code.raw(each.value) != text:
                gone.append(at)
                put[at] = f"*{text}"
            elif text != code.raw(each.value):
                changed.append(Edit(*code.span(each.value), text))
        if len(gone) == len(node.elts) and node.elts:
            return self._all_args if put else None
        if not gone and not changed:
            return code.raw(node)
        return spliced(code, node, [*changed_parts(code, parts, gone, put), *changed])

    def _step_args(self, step: Step, run: _Mine) -> None:
        code = self.code
        if step.value is None:
            run.next()
            return
        if step.kind == "append":
            if run.next():
                if run.begins:
                    self._extend(step.statement)
                    return
                self._drop(step.statement)
            return
        before = run.at
        text = self._list(step.value, run)
        if text is None and run.at > before and step.kind != "assign":
            self._drop(step.statement)
        elif text is None:
            self.put(*code.span(step.value), "[]")
        else:
            self.put(*code.span(step.value), text)

    def _extend(self, statement: ast.stmt) -> None:
        """``args.append(…)``, of the first word of a profile, as what adds all of them."""
        call = getattr(statement, "value", None)
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Attribute)
        owner = self.code.raw(call.func.value)
        self.put(*self.code.span(statement), f"{owner}.extend({self._all_args})")

    def _drop(self, statement: ast.stmt) -> None:
        edits = self.code.removed([statement])
        if not edits:
            raise CannotRewrite(
                f"`{shortened(self.code.raw(statement), 60)}` stands on one line with others; on "
                "a line of its own it can be replaced",
                self.code.location(statement),
            )
        for edit in edits:
            self.put(edit.start, edit.end, edit.text)

    # Environments

    def _environment(self, use: Use, given: Given | None) -> None:
        profile, launch = use.profile, use.launch
        self.gone = frozenset(n for n in profile.config.effective_env if agrees(launch, profile, n))
        self.other = {
            self._position(e.location)
            for e in launch.env
            if e.name in self.gone and not e.superseded and not _same(e, profile)
        }
        self.met, self.based = set(), False
        expression = given.env if given is not None and not given.entry else None
        kept = dict(self.edits)
        if expression is not None and given is not None:
            try:
                self._handed(expression, exact=given.exact)
                missing = self._unmet(launch)
            except _ElsewhereError:
                missing = set(self.gone)
            if not missing:
                return
            self.edits = kept
        self._dict_of(use, expression)

    def _handed(self, expression: ast.expr, *, exact: bool) -> None:
        """Change how the environment is made that a launch is handed."""
        named = isinstance(expression, ast.Name | ast.Attribute)
        if named and not self._made_here(expression):
            raise _ElsewhereError
        text = self._variables(expression, top=True)
        if not self.based:
            base = f"{self.profile}.launch_env({{}})" if exact else self._base
            text = base if text is None else self._over(expression, text, base)
        assert text is not None
        self.put(*self.code.span(expression), text)

    def _unmet(self, launch: LaunchConfig) -> set[str]:
        """The variables that the profile would set, and something in the file still does."""
        return {
            e.name
            for e in launch.env
            if e.name in self.gone - self.met and not self._of_process(e.location)
        }

    def _position(self, location: Location | None) -> int:
        if location is None or location.path != self.code.path:
            return -1
        return self.code.starts[(location.line or 1) - 1] + (location.column or 1) - 1

    def _of_process(self, location: Location | None) -> bool:
        """Whether what stands at a place sets a variable of the process's own environment."""
        at = self._position(location)
        if at < 0:
            return False
        found = [
            n for n in walk_tree(self.code.tree)
            if isinstance(n, ast.Assign | ast.Expr | ast.withitem | ast.Call)
            and not isinstance(n, ast.withitem)
            and self.code.span(n)[0] <= at < self.code.span(n)[1]
        ]  # fmt: skip
        return any(_PROCESS.search(self.code.raw(n)[:200]) for n in found)

    def _goes(self, key: str | None, node: ast.AST, first: object = None) -> bool:
        """Whether a variable that is set here is the profile's from now on."""
        start, end = self.code.span(node)
        if isinstance(first, ast.expr):
            start = self.code.span(first)[0]
        if key not in self.gone or any(start <= at < end for at in self.other):
            return False
        self.met.add(str(key))
        return True

    def _made_here(self, node: ast.expr) -> bool:
        return self.making.history(node) is not None or self.making.constant(node) is not None

    @property
    def _base(self) -> str:
        return f"{self.profile}.launch_env({_ENVIRON})"

    def _over(self, node: ast.expr, text: str, base: str) -> str:
        """What is left of a dict, over the profile's variables."""
        if not isinstance(node, ast.Dict) or not text.startswith("{"):
            return f"{{**{base}, **{text}}}"
        inner = text[1:]
        blanks = inner[: len(inner) - len(inner.lstrip())]
        if "\n" in blanks or "\r" in blanks:
            return f"{{{blanks}**{base},{blanks}{inner.lstrip()}"
        return f"{{**{base}, {inner}"

    def _variables(self, node: ast.expr, *, top: bool = False) -> str | None:
        """An expression without the variables that the profile sets; None: all gone."""
        if node in self.seen:
            return self.code.raw(node)
        self.seen.append(node)
        try:
            return self._variables_of(node, top=top)
        finally:
            self.seen.pop()

    def _variables_of(self, node: ast.expr, *, top: bool) -> str | None:
        code = self.code
        if self._is_environ(node):
            self.based = True
            return self._base
        if isinstance(node, ast.Dict):
            return self._entries(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._joined(node, self._variables(node.left), self._variables(node.right))
        if isinstance(node, ast.Call) and code.dotted(node.func) == "dict":
            return self._entries(node)
        if (inner := copied(node)) is not None:
            return self._copy(node, inner, self._variables(inner), self._base)
        if isinstance(node, ast.Name | ast.Attribute):
            steps, value = self._made(node, top=top)
            if steps is not None:
                return self._steps_env(node, steps)
            if value is not None:
                text = self._variables(value)
                if text is None or text == self._base:
                    return text
                return code.raw(node) if text == code.raw(value) else self._in_place(node, text)
        return code.raw(node)

    def _in_place(self, node: ast.expr, text: str) -> str:
        """A name of a dict that has more than the profile sets, changed where it is made."""
        value = self.making.constant(node)
        assert value is not None
        if not self.making.alone(node):
            raise CannotRewrite(
                f"{self.code.raw(node)} has variables besides the profile's, and is used "
                "elsewhere, too; a dict of the launch's own can be replaced",
                self.code.location(node),
            )
        self.put(*self.code.span(value), text)
        return self.code.raw(node)

    def _is_environ(self, node: ast.expr) -> bool:
        """Whether an expression is the process's environment, or a plain copy of it."""
        if self.code.dotted(node) == _ENVIRON:
            return True
        inner = copied(node)
        return inner is not None and self.code.dotted(inner) == _ENVIRON

    def _entries(self, node: ast.Dict | ast.Call) -> str | None:
        """``{**X, "A": "1"}``, and ``dict(os.environ, A="1")``."""
        code = self.code
        members = members_of(node)
        if members is None:
            return code.raw(node)
        gone, bases, changed = self._left(members)
        if len(gone) == len(members):
            return None
        if len(gone) + len(bases) == len(members) and len(bases) == 1:
            return self._base
        if not gone and not changed:
            return code.raw(node)
        return spliced(code, node, [*changed_parts(code, parts_of(code, node), gone), *changed])

    def _left(
        self, members: Sequence[tuple[str | ast.expr | None, ast.expr]]
    ) -> tuple[list[int], list[int], list[Edit]]:
        """Which members go, which are the process's environment, and the edits of the others."""
        gone: list[int] = []
        bases: list[int] = []
        under: list[int] = []  # what is laid in as it is
        changed: list[Edit] = []
        for at, (key, value) in enumerate(members):
            if key is not None:
                word = key if isinstance(key, str) else self.making.word(key)
                if self._goes(word, value, key):
                    gone.append(at)
                continue
            text = self._variables(value)
            if text is None:
                gone.append(at)
            elif text == self._base:
                bases.append(at)
            elif text == self.code.raw(value):
                under.append(at)
            if text is not None and text != self.code.raw(value):
                changed.append(Edit(*self.code.span(value), text))
        if under and gone and under[0] < gone[-1]:
            raise _ElsewhereError  # the profile's own stay over it
        return gone, bases, changed

    def _steps_env(self, node: ast.expr, steps: list[Step]) -> str:
        """Change the statements that make a dict where they stand; its name stays."""
        code = self.code
        first, *rest = steps
        assert first.value is not None
        self.based = False
        text = self._variables(first.value)
        if not self.based:
            under = first.value
            text = self._base if text is None else self._over(under, text, self._base)
        self.based = True
        self.put(*code.span(first.value), text or self._base)
        for step in rest:
            if step.kind == "item":
                if self._goes(step.key, step.statement):
                    self._drop(step.statement)
            elif step.value is not None or step.call is not None:
                self._merge(step)
        return code.raw(node)

    def _merge(self, step: Step) -> None:
        """``env.update(X, A="1")`` and ``env |= X``."""
        code = self.code
        call = step.call
        if call is None:
            assert step.value is not None
            text = self._variables(step.value)
            if text is None:
                self._drop(step.statement)
            else:
                self.put(*code.span(step.value), text)
            return
        members = members_of(call)
        if members is None or any(self._is_environ(v) for k, v in members if k is None):
            return
        gone, _, changed = self._left(members)
        if gone and len(gone) == len(members):
            self._drop(step.statement)
            return
        for edit in [*changed_parts(code, parts_of(code, call), gone), *changed]:
            self.put(edit.start, edit.end, edit.text)

    def _dict_of(self, use: Use, expression: ast.expr | None) -> None:
        """Put the profile's variables into the one dict that has them, wherever it is."""
        code, profile = self.code, use.profile
        found: dict[ast.Dict, set[int]] = {}
        for each in use.launch.env:
            if each.name not in self.gone or self._of_process(each.location):
                continue
            at = self._position(each.location)
            holder, index = self._dict_at(at)
            if holder is None:
                where = each.location if at < 0 else Location(code.path, *code.place(at))
                said = each.value if isinstance(each.value, str) else each.value.text
                raise CannotRewrite(
                    f"{each.name} is set to `{shortened(masked(each.name, said), 200)}`, as in "
                    f"{use.name}, by what isn't the key of a dict; as one it can be replaced",
                    where,
                )
            if at not in self.other:
                found.setdefault(holder, set()).add(index)
        if not found:
            return  # all is set in the process's own environment, where it stays
        where = code.location(next(iter(found)))
        if profile.overridable or profile.required:
            names = ", ".join([*profile.overridable, *profile.required])
            raise CannotRewrite(
                f"the environment may override {names} of {use.name}, which a dict in another "
                "place can't say; with `env=` handed to the launch here it can",
                code.location(expression) if expression is not None else where,
            )
        if len(found) > 1:
            raise CannotRewrite(
                f"the variables of {use.name} stand in several dicts; in one they can be replaced",
                where,
            )
        ((node, gone),), text = found.items(), f"{self.profile}.env"
        if len(gone) == len(node.keys):
            self.put(*code.span(node), text)
            return
        for edit in changed_parts(code, parts_of(code, node), gone, {min(gone): f"**{text}"}):
            self.put(edit.start, edit.end, edit.text)

    def _dict_at(self, at: int) -> tuple[ast.Dict | None, int]:
        """The dict that sets a variable of the profile at a place, and which of its keys it is."""
        code = self.code
        for node in walk_tree(code.tree) if at >= 0 else ():
            for index, key in enumerate(node.keys) if isinstance(node, ast.Dict) else ():
                value = node.values[index]  # type: ignore[attr-defined]
                if key is None or not code.span(key)[0] <= at < code.span(value)[1]:
                    continue
                if self.making.word(key) in self.gone:
                    return node, index  # type: ignore[return-value]
        return None, 0

    # The model, and how long the server may take

    def _model(self, use: Use, given: Given) -> None:
        profile = use.profile
        variable, default = profile.model_path_variable, profile.default_model_path
        node = self._source(given.model)
        if node is None:
            return
        same = False
        if isinstance(node, ast.Call) and self.code.dotted(node.func) in _GETTERS:
            words = [self.making.word(a) for a in node.args]
            same = None not in words and words == [variable, default] and not node.keywords
        elif isinstance(node, ast.Constant):
            same = variable is None and default is not None and node.value == default
        self._offer(node, f"{self.profile}.model_path({_ENVIRON})" if same else None)

    def _timeout(self, use: Use, given: Given) -> None:
        seconds = use.profile.launch_timeout_seconds
        node = self._source(given.timeout)
        if node is not None:
            same = seconds is not None and _number(node) == seconds
            self._offer(node, f"{self.profile}.launch_timeout_seconds" if same else None)

    def _offer(self, node: ast.expr, text: str | None) -> None:
        """Note what a value would be for one launch: it is only that where all agree."""
        self.offers.setdefault(self.code.span(node), set()).add(text)

    def agreed(self) -> list[Edit]:
        """The edits of all launches."""
        for (start, end), texts in self.offers.items():
            text = next(iter(texts)) if len(texts) == 1 else None
            if text is not None:
                self.put(start, end, text)
        return list(self.edits.values())

    def _source(self, node: ast.expr | None) -> ast.expr | None:
        """The expression that makes a value which is used for nothing but launches of a profile."""
        for _ in range(4):
            if not isinstance(node, ast.Name | ast.Attribute):
                return node
            steps = self.making.history(node)
            if steps is not None:
                node = steps[0].value if len(steps) == 1 else None
                continue
            value = self.making.constant(node)
            if value is None or (isinstance(node, ast.Name) and self._shared(node)):
                return None
            node = value
        return None

    def _shared(self, node: ast.Name) -> bool:
        """Whether other functions use a name, too."""
        code = self.code
        places = code.names.get(code.key(node.id, node), [])
        functions = {code.function(p) for p in places if isinstance(p.ctx, ast.Load)}
        return len(functions) > 1


_GETTERS = frozenset({"os.environ.get", "os.getenv"})


def _number(node: ast.expr) -> int | None:
    """A whole number, or a product of some."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _number(node.left), _number(node.right)
        return left * right if left is not None and right is not None else None
    return None


def agrees(launch: LaunchConfig, profile: Profile, name: str) -> bool:
    """Whether a launch sets a variable to what the profile does, with or without a condition."""
    return any(_same(e, profile) for e in launch.env if e.name == name and not e.superseded)


def _same(setting: EnvVar, profile: Profile) -> bool:
    """Whether a setting is the profile's."""
    mine, theirs = setting.value, profile.config.effective_env[setting.name].value
    if isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    own = own_default(setting.name, mine)
    return own is not None and own == own_default(setting.name, theirs) == text_of(theirs)
