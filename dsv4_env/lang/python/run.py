"""The state of a reading: what can be undone, and every way through unknown conditions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsv4_env.lang.python.results import Found, Results, merged
from dsv4_env.lang.python.trees import remembered
from dsv4_env.lang.python.values import Const, Ext, Instance, Map, Module, Source, Val, walk
from dsv4_env.model import Location, Note, Unknown
from dsv4_env.model.budget import STEPS, Budget, BudgetError

COST = 2  # steps of the budget that following one statement or expression takes
ENOUGH_STEPS = STEPS * 3 // 4 // COST  # after them no further ways are followed
KEPT = 16  # modules whose facts are kept for the next file that imports them
_AT_ONCE = 32  # steps that are told to the budget together
MAX_WAYS = 1024  # ways through one test; beyond them a launch is marked partial
MAX_DECISIONS = 40  # on one way
MAX_TOLD = 80  # with those that are taken not to hold
MAX_DEPTH = 25  # calls within calls
MAX_NESTING = 150  # expressions within expressions, over all calls


class TooMuch(Exception):  # noqa: N818 - it steers
    """There is too much to follow to find out what a body changes."""


class Return(Exception):  # noqa: N818 - it steers
    """``return``; *unsure*: what it depends on whether it is met, where both ways are one."""

    def __init__(self, value: Val, unsure: str = "") -> None:
        super().__init__()
        self.value = value
        self.unsure = unsure


class Raised(Exception):  # noqa: N818 - it steers
    """``raise``: this way leads to no further launch; of a class of Python's own where known."""

    def __init__(self, kind: type[BaseException] | None = None) -> None:
        super().__init__()
        self.kind = kind


class Break(Exception):  # noqa: N818 - it steers
    """``break``."""


class Continue(Exception):  # noqa: N818 - it steers
    """``continue``."""


_MISSING = object()


@dataclass(slots=True, eq=False)
class Run:
    """One reading of a file."""

    root: Path | None
    given: Mapping[str, str]
    environ: Map
    modules: dict[str, Module | None] = field(default_factory=dict)
    trail: list[tuple[Any, Any, Any]] = field(default_factory=list)
    answers: dict[Any, Any] = field(default_factory=dict)
    path: list[tuple[str, bool]] = field(default_factory=list)
    plan: list[bool] = field(default_factory=list)
    keys: dict[int, tuple[Hashable, Unknown]] = field(default_factory=dict)
    steps: int = 0
    enough: int = ENOUGH_STEPS
    budget: Budget = field(default_factory=Budget)
    ended: BudgetError | None = None  # where the budget did: what was found before is kept
    at: tuple[Source, ast.AST] | None = None  # the statement that is followed
    cut: bool = False  # whether ways were left out since this was last asked
    lost: dict[str, Location] = field(default_factory=dict)  # what was cut before it launched
    taken: int = 0  # as steps, but none is ever given back
    tokens: int = 0  # of all modules
    depth: int = 0
    nesting: int = 0
    forking: bool = True
    recording: bool = True
    unit: str | None = None
    unit_at: tuple[int, int] = (0, 0)  # the line of the unit, and which it is
    main: str = ""
    counts: dict[Any, int] = field(default_factory=dict)
    found: dict[Any, Found] = field(default_factory=dict)
    records: tuple[Instance, ...] = ()
    subject: Instance | None = None
    notes: tuple[Note, ...] = ()
    launched: set[Location] = field(default_factory=set)
    hit: set[int] = field(default_factory=set)
    reaching: set[str] = field(default_factory=set)
    reach_nodes: dict[int, bool] = field(default_factory=dict)
    trying: bool = False  # a body that runs more than once is followed to see what it changes
    most: int | None = None  # how many steps there may be until that is given up
    tried: int = 0  # steps that were taken for it
    unseen: list[ast.Module] = field(default_factory=list)  # whose functions aren't in these yet:
    changing: set[str] = field(default_factory=set)
    callers: dict[str, set[str]] = field(default_factory=dict)
    asked: bool = False  # whether a call changes anything
    late: bool = False  # a module that was read after that has functions which do
    hidden: dict[int, bool] = field(default_factory=dict)
    limited: bool = False
    settled: bool = False  # no import made more names matter than were known to at the start
    scanned: set[str] = field(default_factory=set)
    flows_by_name: dict[str, list[Any]] = field(default_factory=dict)
    relevant: set[str] = field(default_factory=set)
    skippable: dict[int, bool] = field(default_factory=dict)

    def set(self, obj: Any, name: str, value: Any) -> None:
        """Set an attribute, undoably."""
        self.trail.append((obj, name, getattr(obj, name)))
        setattr(obj, name, value)

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an item, undoably."""
        self.trail.append((table, key, table.get(key, _MISSING)))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        """Delete an item, undoably."""
        if key in table:
            self.trail.append((table, key, table.pop(key)))

    def undo(self, mark: int) -> None:
        """Back to how things were when the trail was *mark* long."""
        while len(self.trail) > mark:
            obj, name, old = self.trail.pop()
            if not isinstance(obj, dict):
                setattr(obj, name, old)
            elif old is _MISSING:
                obj.pop(name, None)
            else:
                obj[name] = old

    def step(self) -> None:
        """Count one step of following the file."""
        self.steps += 1
        self.taken += 1
        if not self.taken % _AT_ONCE:
            self.budget.step(self.at, COST * _AT_ONCE)
        if self.most is not None and self.steps > self.most:
            raise TooMuch

    def spend(self, count: int) -> None:
        """Count what is done at one go, where it isn't little."""
        if count:
            self.budget.step(self.at, count)

    def place(self) -> Location | None:
        """The statement that cost the most."""
        most = self.budget.most(tuple)
        if not isinstance(most, tuple):
            return None
        source, node = most
        found: Location = source.place(node)
        return found

    def note(self, message: str, where: Location | None) -> None:
        """Say something of all launches from here on."""
        self.set(self, "notes", (*self.notes, Note(message, where)))


def key_of(run: Run, value: Val) -> Hashable:
    """What a value is the same as, so that one question gets one answer."""
    if isinstance(value, Const):
        if isinstance(value.value, str | bytes):
            return ("const", type(value.value), value.value)
        return ("const", repr(value.value))
    if isinstance(value, Ext):
        return ("ext", value.name)
    if isinstance(value, Unknown) and id(value) in run.keys:
        return run.keys[id(value)][0]
    if isinstance(value, Unknown):
        run.keys[id(value)] = (("id", id(value)), value)  # kept, so that the id stays its own
    return ("id", id(value))


def keyed(run: Run, value: Unknown, key: Hashable) -> Unknown:
    """An unknown that is the same as others of that key."""
    run.keys[id(value)] = (key, value)
    return value


MORE = "any of the conditions that weren't followed"


def decide(run: Run, key: Hashable, text: str) -> bool:
    """Take one side of an unknown condition; all sides are taken in the end."""
    if key in run.answers:
        return bool(run.answers[key])
    at = len(run.path)
    if at >= MAX_DECISIONS:
        run.spend(10)
        run.limited = True
    answer = run.plan[at] if at < len(run.plan) else at < MAX_DECISIONS
    if at <= MAX_TOLD:  # all from there on are told as one
        run.path.append((text if at < MAX_TOLD else MORE, answer))
    run.put(run.answers, key, answer)
    return answer


def explore(run: Run, action: Callable[[], Results]) -> Results:
    """All ways through *action*, as one: what differs between them gets its condition."""
    base, mark, outer = len(run.path), len(run.trail), run.plan
    limited, run.limited = run.limited, False
    taken = [answer for _, answer in run.path]
    leaves: list[tuple[list[tuple[str, bool]], Results]] = []
    plan: list[bool] = []
    cut = False
    while True:
        run.plan = taken + plan
        result = action()
        try:
            run.spend(sum(2 + 4 * len(f.env) + len(f.args) for f in result.values()))
        except BudgetError as exc:
            run.ended = exc
        decisions = run.path[base:]
        leaves.append((decisions, result))
        run.undo(mark)
        del run.path[base:]
        answers = [answer for _, answer in decisions[:MAX_DECISIONS]]
        while answers and not answers[-1]:
            answers.pop()
        if not answers:
            break
        if run.ended or len(leaves) >= MAX_WAYS or run.steps + run.tried // 3 > run.enough:
            cut = True
            break
        plan = [*answers[:-1], False]
    run.plan = outer
    cut, run.limited = cut or run.limited or run.ended is not None, limited
    run.cut = run.cut or cut
    return merged(leaves, cut=cut)


def reaches(run: Run, node: ast.AST) -> bool:
    """Whether a launch may happen within a node, by the names that it calls."""
    known = run.reach_nodes.get(id(node))
    if known is None:
        known = run.reach_nodes[id(node)] = any(
            isinstance(n, ast.Call) and (launching(n) or called(n) in run.reaching)
            for n in walk(node)
        )
    return known


def called(node: ast.Call) -> str:
    """The last name of what a call calls."""
    func = node.func
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


SUBPROCESS = frozenset(
    {"Popen", "run", "call", "check_call", "check_output", "create_subprocess_exec"}
)
ENV_KEYS = ("env", "env_vars", "envs", "environment")
ARGS_KEYS = ("other_args", "extra_args", "server_args", "args")
MODEL_KEYS = ("model_path", "model", "model_id", "model_name")


def launching(node: ast.Call) -> bool:
    """Whether a call looks like a launch or like the entry of a list of launches."""
    name = called(node)
    if name.endswith("popen_launch_server") or name in SUBPROCESS:
        return True
    return name[:1].isupper() and (
        name == "ModelLaunchSettings"
        or any(k.arg in ENV_KEYS or k.arg in ARGS_KEYS for k in node.keywords)
    )


def find_reaching(run: Run, tree: ast.Module) -> None:
    """Add the functions of a module that may lead to a launch to those that do."""
    calls, direct = _calls(tree)
    callers: dict[str, list[str]] = {}
    for name, inner in calls.items():
        for each in inner:
            callers.setdefault(each, []).append(name)
    run.reaching |= direct
    pending = [*run.reaching]
    while pending:
        more = {n for n in callers.pop(pending.pop(), ()) if n not in run.reaching}
        run.reaching |= more
        pending += more
    run.reach_nodes.clear()


@remembered(KEPT)
def _calls(tree: ast.Module) -> tuple[dict[str, set[str]], set[str]]:
    """What each function of a module calls, and which of them launch by themselves."""
    calls: dict[str, set[str]] = {}
    direct: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n for n in walk(node) if isinstance(n, ast.Call)]
            calls.setdefault(node.name, set()).update(called(n) for n in inner)
            if any(map(launching, inner)):
                direct.add(node.name)
        elif isinstance(node, ast.ClassDef):
            own = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            if "__init__" in own:
                calls.setdefault(node.name, set()).add("__init__")
    return calls, direct
