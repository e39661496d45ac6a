"""What a script may still do, by its text: what can lead to a launch, and what counts for one.

Nothing is followed here. Whatever could matter counts: every name that stands in the text of a
command is one that it may read, and every word that is a function's name may call it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from dsv4_env.lang.bash.syntax.nodes import (
    AndOr,
    ArithCmd,
    Assign,
    Background,
    Block,
    Case,
    Cond,
    For,
    ForArith,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Redirect,
    Simple,
    Unsupported,
    While,
    Word,
)

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_REF = re.compile(r"\$\{?[#!]?([A-Za-z_]\w*)", re.ASCII)
_WORD = re.compile(r"[^\s;&|<>(){}\"'$`=]+")
_SET = re.compile(r"\$\{(\w++)(?:\[[^]]{0,100}\])?:?=", re.ASCII)
_WRITTEN = re.compile(  # by arithmetic
    r"\b([A-Za-z_]\w*+)(?:\[[^]]{0,100}\])?\s{0,9}(?:[-+*/%&|^]|<<|>>)?=(?!=)"
    r"|(?:\+\+|--)\s{0,9}([A-Za-z_]\w*+)|\b([A-Za-z_]\w*+)\s{0,9}(?:\+\+|--)",
    re.ASCII,
)
_BESIDES = {
    "getopts": ["OPTARG", "OPTIND"],
    "read": ["REPLY"],
    "mapfile": ["MAPFILE"],
    "readarray": ["MAPFILE"],
}
_ROUNDS = 20  # in which all has to be found
_OWN = re.compile(r"\$(?:[1-9@*]|\{[1-9@*])")
_ASSIGNERS = frozenset(
    "read mapfile readarray printf getopts let export declare typeset local readonly".split()
)
# Commands after which all may be otherwise: they always count.
_TURNING = frozenset(
    ". source eval exit exec export trap set shift cd pushd popd unset alias shopt".split()
)
_EXPORTING = re.compile(r"(?:declare|typeset|local)\b.*\s-[A-Za-z]*x", re.DOTALL)
_ALL = re.compile(r"set\s.*(?:-[A-Za-z]*a|allexport)", re.DOTALL)
_FILE = re.compile(r"\.(?:sh|bash|slurm|sbatch)\b")  # what may be run as a script
_SPEAKING = frozenset("echo printf [ test cat chmod curl rm ls git cp mv wget".split())
# Commands that look for processes by their words, and run nothing.
_SEEKING = frozenset({"pgrep", "pkill", "killall"})
_SUBSTITUTED = re.compile(r"[$<>]\(|`")
_WRITING = frozenset("tee cp mv ln sed dd install envsubst".split())
# Those that may run text that isn't seen here.
_RUNNING = frozenset({".", "source", "eval", "alias"})
_SOURCING = frozenset({".", "source"})


@dataclass(slots=True, eq=False)
class Leaf:
    """A command by its text: the names in it, those it assigns, the functions it may call."""

    text: str
    names: frozenset[str]
    refs: frozenset[str]  # those of them that stand behind a $
    assigns: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    first: str = ""
    node: Node | None = None
    own: bool = False  # it reads arguments of the function that it stands in
    told: bool | None = None  # it holds words of what is looked for
    writes: bool = False  # it may write a file that is read later


@dataclass(slots=True, eq=False)
class Branch:
    """Commands that run or don't, or run again, as *tests* decide; those stand in *body*, too."""

    tests: list[Leaf]
    body: list[Shape]


Shape: TypeAlias = "Leaf | Branch"


@dataclass(slots=True, eq=False)
class Outline:
    """The texts that a script runs, as far as they're known: what counts in them for a launch.

    *told* says whether a text holds words of what is looked for, *spend* counts what this takes.
    """

    told: Callable[[str], bool]
    spend: Callable[[int], None]
    texts: list[Block] = field(default_factory=list)
    sourced: set[Node] = field(default_factory=set)
    shapes: dict[Node, list[Shape]] = field(default_factory=dict)
    defined: dict[str, list[Function]] = field(default_factory=dict)
    _live: frozenset[str] = frozenset()
    _called: list[str] = field(default_factory=list)
    _unread: set[Node] = field(default_factory=set)  # what sources files that aren't known yet
    _all: bool = False  # all variables count
    _marks: _Marks | None = None
    _counting: dict[Node, bool] = field(default_factory=dict)
    _known: int = -1
    _led: int = -1
    _carrying: set[str] = field(default_factory=set)  # variables that may hold a launch
    _leading: set[str] = field(default_factory=set)  # functions that may lead to one
    _anywhere: bool = False  # any command may lead to one
    _leads: dict[Node, bool] = field(default_factory=dict)
    _lasts: dict[Block, int] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Take in a text that is run from now on, with the functions it defines."""
        if block in self.shapes:
            return
        self.texts.append(block)
        self._of(block)

    def resolve(self, node: Node) -> None:
        """Say that the file which a command sources is known, or will never be."""
        self.sourced.add(node)
        self._unread.discard(node)

    def live(self) -> frozenset[str] | None:
        """The variables that may count for a launch; None where they can't be told."""
        if self._known != len(self.texts):
            self._known, self._marks = len(self.texts), None
            self._counting.clear()
            self._scan()
        if self._unread or self._all:
            return None
        if self._marks is None:
            self._mark()
        return self._live

    def whole(self) -> AbstractSet[str]:
        """The functions of which it matters what they print and return."""
        return frozenset() if self.live() is None or self._marks is None else self._marks.whole

    def counts(self, node: Node) -> bool:
        """Whether something in a command may count for a launch."""
        if self.live() is None or self._marks is None:
            return True
        known = self._counting.get(node)
        if known is None:
            known = self._counting[node] = self._marks.counts(self._of(node))
        return known

    def text(self, node: Node) -> str:
        """A command as told: its first words."""
        return next((leaf.text for leaf in _leaves(self._of(node)) if leaf.text), "…")

    def leads(self, node: Node) -> bool:
        """Whether a command may lead to a launch."""
        self._find_leading()
        if self._anywhere:
            return True
        known = self._leads.get(node)
        if known is None:
            leaves = list(_leaves(self._of(node)))
            self.spend(len(leaves) >> 2)
            known = self._leads[node] = any(self._may_lead(x) for x in leaves)
        return known

    def carrying(self) -> list[str]:
        """The variables that may hold a launch, by what is told where they are assigned."""
        self._find_leading()
        return sorted(self._carrying)

    def given(self, name: str) -> list[str]:
        """The texts of the commands that may set a variable to a launch."""
        self._find_leading()
        if name not in self._carrying:
            return []
        places = [self._of(t) for t in self.texts]
        places += [body for _, body in self._bodies(sorted(self.defined))]
        leaves = [leaf for shapes in places for leaf in _leaves(shapes)]
        self.spend(len(leaves) >> 2)
        return [leaf.text for leaf in leaves if name in leaf.assigns and self._told(leaf)]

    def last(self, block: Block) -> int:
        """The place in a text of the last command that may lead to a launch, -1 without any."""
        self._find_leading()
        known = self._lasts.get(block)
        if known is None:
            places = (i for i in reversed(range(len(block.items))) if self.leads(block.items[i]))
            known = self._lasts[block] = next(places, -1)
        return known

    def _of(self, node: Node) -> list[Shape]:
        found = self.shapes.get(node)
        if found is None:
            found = self.shapes[node] = list(_shapes(node, self.defined))
            self.spend(sum(1 + (len(leaf.text) >> 6) for leaf in _leaves(found)))
        return found

    def _bodies(self, names: Iterable[str]) -> Iterator[tuple[str, list[Shape]]]:
        for name in names:
            for function in self.defined.get(name, ()):
                yield name, self._of(function.body)

    def _reached(self) -> set[str]:
        """The functions that may be called."""
        found: set[str] = set()
        todo = [self._of(t) for t in self.texts]
        while todo:
            for leaf in _leaves(todo.pop()):
                fresh = {c for c in leaf.calls if c in self.defined} - found
                found |= fresh
                todo += [body for _, body in self._bodies(sorted(fresh))]
        return found

    def _scan(self) -> None:
        """Find the functions that may be called, and the files whose texts aren't known yet."""
        self._called = sorted(self._reached())
        parts = [self._of(t) for t in self.texts]
        parts += [body for _, body in self._bodies(self._called)]
        leaves = [leaf for shapes in parts for leaf in _leaves(shapes)]
        sources = {x.node for x in leaves if x.first in _SOURCING and x.node is not None}
        self._unread = sources - self.sourced
        # What is set from there on is for every command.
        self._all = any(x.first == "set" and _ALL.match(x.text) for x in leaves)

    def _mark(self) -> None:
        """Find what counts for a launch."""
        parts = [self._of(t) for t in self.texts]
        bodies = list(self._bodies(self._called))
        marks = _Marks(self._told, frozenset(self._called))
        size, rounds = -1, 0
        while size != (size := marks.size()):
            rounds += 1
            if rounds > _ROUNDS:
                self._all = True
                return
            for shapes in parts:
                marks.visit(shapes, whole=False)
            for name, shapes in bodies:
                if marks.visit(shapes, whole=name in marks.whole):
                    marks.functions.add(name)
            self.spend(sum(map(len, parts)) + sum(len(b) for _, b in bodies))
        self._marks, self._live = marks, frozenset(marks.live)

    def _find_leading(self) -> None:
        """Find the variables that may hold a launch, and the functions that may lead to one."""
        if self._led == len(self.texts):
            return
        self._led = len(self.texts)
        self._leads.clear()
        self._lasts.clear()
        self._anywhere = False
        carrying, leading = self._carrying, self._leading
        handed = set[str]()  # functions that are given a part of a launch
        places = [("", list(_leaves(self._of(t)))) for t in self.texts]
        places += [(n, list(_leaves(b))) for n, b in self._bodies(sorted(self.defined))]
        size = -1
        while size != (size := len(carrying) + len(leading) + len(handed)):
            self.spend(sum(len(leaves) for _, leaves in places) >> 2)
            for name, leaves in places:
                for leaf in leaves:
                    tells = self._tells(leaf) or (leaf.own and name in handed)
                    if tells and leaf.first in self.defined:
                        handed.add(leaf.first)
                    if tells and "$(" in leaf.text:
                        handed |= leaf.calls & self.defined.keys()
                    if leaf.first == "alias" or (tells and leaf.first == "trap"):
                        self._anywhere = True  # any command may be one, or lead to it
                    if leaf.assigns and (tells or (not leaf.first and _names_file(leaf))):
                        carrying |= leaf.assigns
                    speaks = tells and not leaf.assigns and not self._seeks(leaf)
                    if name and (self._may_lead(leaf) or speaks):
                        leading.add(name)

    def _tells(self, leaf: Leaf) -> bool:
        read = leaf.names if "${!" in leaf.text else leaf.refs
        return self._told(leaf) or not read.isdisjoint(self._carrying)

    def _told(self, leaf: Leaf) -> bool:
        if leaf.told is None:
            leaf.told = self.told(leaf.text)
        return leaf.told

    def _may_lead(self, leaf: Leaf) -> bool:
        return (
            leaf.first in _RUNNING
            or (leaf.first not in _SPEAKING and leaf.first != "" and _names_file(leaf))
            or not leaf.calls.isdisjoint(self._leading)
            or (
                self._tells(leaf)
                and not (leaf.assigns and not leaf.first)
                and not self._seeks(leaf)
            )
        )

    def _seeks(self, leaf: Leaf) -> bool:
        """Whether a command only looks for the processes that its words are of."""
        if leaf.first not in _SEEKING or leaf.first in self.defined:
            return False
        return _SUBSTITUTED.search(leaf.text) is None


class _Marks:
    """What counts for a launch, found from the launches backwards."""

    def __init__(self, told: Callable[[Leaf], bool], known: frozenset[str]) -> None:
        self.told = told
        self.known = known  # the functions there are
        self.live: set[str] = set()
        self.functions: set[str] = set()  # in which something counts
        self.whole: set[str] = set()  # in which all counts: what they print or return does

    def size(self) -> int:
        """How much has been found so far."""
        return len(self.live) + len(self.functions) + len(self.whole)

    def counts(self, shapes: list[Shape]) -> bool:
        """Whether anything counts in some commands, or writes a file that may."""
        return any(
            self.counts(s.body) if isinstance(s, Branch) else self._counts(s) or s.writes
            for s in shapes
        )

    def _counts(self, leaf: Leaf) -> bool:
        return (
            leaf.first in _TURNING
            or _EXPORTING.match(leaf.text) is not None
            or self.told(leaf)
            or not leaf.assigns.isdisjoint(self.live)
            or not leaf.calls.isdisjoint(self.functions)
        )

    def visit(self, shapes: list[Shape], *, whole: bool) -> bool:
        """Mark what counts in some commands; whether anything does."""
        counts = False
        for shape in reversed(shapes):  # what is read was mostly set before
            if isinstance(shape, Branch):
                if self.visit(shape.body, whole=whole):
                    counts = True
                    for test in shape.tests:
                        self.live |= test.names
                        self.whole |= test.calls & self.known
            elif whole or self._counts(shape):
                counts = True
                self.live |= shape.names
                called = shape.calls & self.known
                self.whole |= called if whole else called - {shape.first}
        return counts


def _names_file(leaf: Leaf) -> bool:
    """Whether a script's name stands in a text; one that is fetched from elsewhere isn't run."""
    text = leaf.text
    ends = (m.start() for m in _FILE.finditer(text))
    return any("://" not in text[max(0, end - 200) : end].rpartition(" ")[2] for end in ends)


def _leaves(shapes: Iterable[Shape]) -> Iterator[Leaf]:
    for shape in shapes:
        if isinstance(shape, Leaf):
            yield shape
        else:
            yield from _leaves(shape.body)


def _text(word: Word | Assign) -> str:
    if isinstance(word, Assign):
        return word.text
    return word.plain if word.plain is not None else "".join(p.text for p in word.parts)


def _leaf(
    text: str, assigns: Iterable[str] = (), first: str = "", node: Node | None = None
) -> Leaf:
    names = frozenset(_NAME.findall(text))
    changed = {*assigns, *_SET.findall(text)}
    if "((" in text or first == "let":
        sums = text if first == "let" else text[text.index("((") : text.rfind("))") + 2]
        changed |= {n for m in _WRITTEN.findall(sums) for n in m if n}
    if "=~" in text:
        changed.add("BASH_REMATCH")
    own = _OWN.search(text) is not None
    refs, calls = frozenset(_REF.findall(text)), frozenset(_WORD.findall(text))
    return Leaf(text, names, refs, frozenset(changed), calls, first, node, own)


def _simple(node: Simple) -> Leaf:
    words = [_text(w) for w in node.words]
    while len(words) > 1 and words[0] in ("builtin", "command"):
        del words[0]
    first = words[0] if words else ""
    assigns = [a.name for a in node.assigns]
    if first in _ASSIGNERS:
        operands = words[1:3] if first == "printf" and words[1:2] == ["-v"] else words[1:]
        if first != "printf" or len(operands) == 2:
            assigns += [m[0] for w in operands if (m := _NAME.match(w))]
        assigns += _BESIDES.get(first, ())
    pieces = [*(a.text for a in node.assigns), *words, *(_text(r.word) for r in node.redirs)]
    found = _leaf(" ".join(pieces), assigns, first, node)
    found.writes = first in _WRITING or _writes(node.redirs)
    return found


def _writes(redirs: list[Redirect]) -> bool:
    return any(">" in r.op and not re.match(r"/dev/|\d|-", _text(r.word)) for r in redirs)


def _shapes(node: Node, defined: dict[str, list[Function]]) -> Iterator[Shape]:
    """A command by its text; the functions that it defines are put into *defined*."""

    def within(*nodes: Node) -> list[Shape]:
        return [s for n in nodes for s in _shapes(n, defined)]

    def branch(tests: list[Shape], *body: Node) -> Branch:
        return Branch(list(_leaves(tests)), [*tests, *within(*body)])

    match node:
        case Simple():
            yield _simple(node)
        case Block():
            yield from within(*node.items)
        case Function():
            defined.setdefault(node.name, []).append(node)
        case Cond() | ArithCmd() | Unsupported():
            yield _leaf(node.text, node=node)
        case AndOr():
            *tests, last = [node.first, *(n for _, n in node.rest)]
            yield branch(within(*tests), last)
        case Pipeline():
            yield from within(*node.commands)
        case Background():
            yield from within(node.body)
        case Group():
            if node.redirs:
                leaf = _leaf(" ".join(_text(r.word) for r in node.redirs))
                leaf.writes = _writes(node.redirs)
                yield leaf
            yield from within(node.body)
        case If():
            bodies = [b for _, b in node.branches] + ([node.other] if node.other else [])
            yield branch(within(*(t for t, _ in node.branches)), *bodies)
        case While():
            yield branch(within(node.test), node.body)
        case For():
            text = " ".join(_text(w) for w in node.words or ())
            yield branch([_leaf(text, [node.name])], node.body)
        case ForArith():
            text = " ".join(_text(w) for w in (node.init, node.test, node.step))
            yield branch([_leaf(f"(({text}))")], node.body)
        case Case():
            patterns = [_text(p) for i in node.items for p in i[0]]
            head = _leaf(" ".join([_text(node.subject), *patterns]))
            yield branch([head], *(b for _, b, _ in node.items))
