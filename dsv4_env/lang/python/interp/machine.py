"""The machine that follows a file: its state, the paths it takes, and what it is asked for.

What the modules beside it need of each other (to evaluate an expression, to execute statements,
to invoke a function) they ask of the machine, which has them by its :class:`Rules`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from dsv4_env.lang.python.syntax.imports import ModuleFinder
from dsv4_env.lang.python.syntax.reach import Reach
from dsv4_env.lang.python.values.kinds import Call, Func, Instance, ReadModule, Scope, Val
from dsv4_env.lang.python.values.store import Notebook, Store
from dsv4_env.model import Location, Unknown
from dsv4_env.model.budget import STEPS, BudgetError
from dsv4_env.model.condition import Test

COST = 2  # steps of the budget that following one statement or expression takes
ENOUGH_STEPS = STEPS * 3 // 4 // COST  # after them no further paths are followed
_AT_ONCE = 32  # steps that are told to the budget together
_MAX_PATHS = 1024  # through one test; beyond them what is found is marked partial
_MAX_DECISIONS = 40  # on one path
_MAX_TOLD = 80  # with those that are taken not to hold
MAX_CALL_DEPTH = 25  # calls within calls
_MAX_NESTING = 150  # expressions within expressions, over all calls
_MORE = Test("any of the conditions that weren't followed")

_R = TypeVar("_R")
Decisions: TypeAlias = "list[tuple[Test, bool]]"


class Return(Exception):  # noqa: N818 - it steers
    """``return``; *unsure*: what it depends on whether it is met, where both sides are one."""

    def __init__(self, value: Val, unsure: str = "") -> None:
        super().__init__()
        self.value = value
        self.unsure = unsure


class Paused(Return):
    """A fixture has come to its ``yield``: what stands behind it runs after the test."""


class Raised(Exception):  # noqa: N818 - it steers
    """``raise``: this path leads no further; of a class of Python's own where known."""

    def __init__(self, kind: type[BaseException] | None = None) -> None:
        super().__init__()
        self.kind = kind


class Break(Exception):  # noqa: N818 - it steers
    """``break``."""


class Continue(Exception):  # noqa: N818 - it steers
    """``continue``."""


class TooMuch(Exception):  # noqa: N818 - it steers
    """There is too much to follow to find out what a body changes."""


class Watch:
    """What a reading looks out for, and what it leaves alone: this one for nothing at all."""

    harmless: frozenset[str] = frozenset()  # names of calls that change none of their arguments

    def enters(self, module: str) -> bool:
        """Whether a module of that name is read where a file imports it."""
        return True

    def met(self) -> bool:
        """Whether what is looked for was met on this path."""
        return False

    def call(self, vm: Machine, scope: Scope, call: Call) -> Val | None:
        """What a call gives that means something to it; None where it is followed as others."""
        return None

    def attribute(
        self, vm: Machine, scope: Scope, owner: Instance, name: str, node: ast.expr
    ) -> Val | None:
        """What an object of a class that isn't read has by a name; None where nobody knows."""
        return None

    def subject(self, vm: Machine, scope: Scope, node: ast.Call) -> Instance | None:
        """The object that a call is about."""
        return None

    def round(self, item: Val) -> Instance | None:
        """The object that a round of a loop is about."""
        return None

    def made(self, vm: Machine, found: Instance, node: ast.Call) -> bool:
        """See an object that was made; whether one of a class that isn't read is kept."""
        return False

    def copied(self, vm: Machine, value: Instance, copy: Instance) -> None:
        """See an object's copy."""

    def overrides(self, vm: Machine, scope: Scope, node: ast.Call) -> bool:
        """Whether a call sets a variable for a block; it is set where it does."""
        return False

    def aside(self, vm: Machine) -> AbstractContextManager[None]:
        """See to it that what is seen meanwhile, in an imported module, counts for nothing."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Mode:
    """How the machine follows what it is at."""

    forking: bool = True  # unknown conditions on both sides, one after the other
    recording: bool = True  # what is met counts
    trying: bool = False  # a body that runs more than once, to see what it changes
    caught: bool = False  # what is raised there is handled
    tail: bool = False  # nothing that comes after the block that is followed matters
    most: int | None = None  # how many steps there may be until that is given up


@dataclass(frozen=True, slots=True)
class Rules:
    """How expressions are evaluated, statements executed and functions invoked."""

    expressions: Mapping[type[ast.expr], Callable[[Machine, Scope, Any], Val]]
    execute: Callable[[Machine, Scope, Sequence[ast.stmt]], None]
    invoke: Callable[..., Val]


@dataclass(slots=True, eq=False, kw_only=True)
class Machine(Store):
    """One reading of a file."""

    rules: Rules
    watch: Watch
    reach: Reach
    finder: ModuleFinder | None = None
    mode: Mode = Mode()
    modules: dict[str, ReadModule | None] = field(default_factory=dict)
    texts: dict[str, tuple[str, ast.Module] | None] = field(default_factory=dict)  # of modules
    tokens: int = 0  # of all modules
    answers: dict[Hashable, bool] = field(default_factory=Notebook)
    path: Decisions = field(default_factory=list)
    plan: list[bool] = field(default_factory=list)
    steps: int = 0
    enough: int = ENOUGH_STEPS
    taken: int = 0  # as steps, but none is ever given back
    tried: int = 0  # steps that were taken to see what a body changes
    depth: int = 0
    nesting: int = 0
    ended: BudgetError | None = None  # where the budget did: what was found before is kept
    cut: bool = False  # whether paths were left out since this was last asked
    limited: bool = False
    unsettled: Callable[[], bool] | None = None  # whether all is followed anew whatever is found
    lost: dict[str, Location] = field(default_factory=dict)  # what was cut before it was met
    script: bool = False  # it is run as one: ``__name__ == "__main__"`` holds
    paused: Func | None = None  # the fixture that is followed up to its ``yield``
    last_call: ast.AST | None = None  # in a tail: the call or function that is the last to lead
    subject: Instance | None = None  # the object that the call or loop followed is about

    def step(self) -> None:
        """Count one step of following the file."""
        self.steps += 1
        self.taken += 1
        if not self.taken % _AT_ONCE:
            self.budget.step(self.at, COST * _AT_ONCE)
        if self.mode.most is not None and self.steps > self.mode.most:
            raise TooMuch

    def evaluate(self, scope: Scope, node: ast.expr) -> Val:
        """The value of an expression."""
        self.step()
        handler = self.rules.expressions.get(type(node))
        if handler is None:
            return scope.unknown(node, "not followed")
        if self.nesting >= _MAX_NESTING:
            return scope.unknown(node, "nested too deeply to follow")
        self.nesting += 1
        try:
            return handler(self, scope, node)
        finally:
            self.nesting -= 1

    def execute(self, scope: Scope, body: Sequence[ast.stmt]) -> None:
        """Follow statements one after the other."""
        self.rules.execute(self, scope, body)

    def invoke(
        self,
        func: Func,
        args: list[Val],
        keywords: dict[str, Val],
        scope: Scope,
        node: ast.Call | None,
        unsure: Unknown | None = None,
    ) -> Val:
        """Follow a function that was read; *unsure*: what parameters not given may be."""
        return self.rules.invoke(self, func, args, keywords, scope, node, unsure)

    @contextmanager
    def following(self, **mode: bool | int | None) -> Iterator[None]:
        """Follow what comes in another mode, as in ``vm.following(recording=False)``."""
        before = self.mode
        self.mode = replace(before, **mode)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.mode = before

    def decide(self, key: Hashable, text: str) -> bool:
        """Take one side of an unknown condition; all sides are taken in the end."""
        if key in self.answers:
            return self.answers[key]
        at = len(self.path)
        if at >= _MAX_DECISIONS:
            self.spend(10)
            self.limited = True
        answer = self.plan[at] if at < len(self.plan) else at < _MAX_DECISIONS
        if at < _MAX_TOLD:
            asked = sum(test.subject == text for test, _ in self.path)
            self.path.append((Test(text, occurrence=asked), answer))
        elif at == _MAX_TOLD:  # all from there on are told as one
            self.path.append((_MORE, answer))
        self.put(self.answers, key, answer)
        return answer

    def explore(
        self, action: Callable[[], _R], size: Callable[[_R], int]
    ) -> tuple[list[tuple[Decisions, _R]], bool]:
        """Follow all paths through *action*: what each gives, and whether some were left out.

        *size* is what a result costs to keep.
        """
        base, mark, outer = len(self.path), len(self.trail), self.plan
        limited, self.limited = self.limited, False
        taken = [answer for _, answer in self.path]
        leaves: list[tuple[Decisions, _R]] = []
        plan: list[bool] = []
        cut = False
        while True:
            self.plan = taken + plan
            result = action()
            try:
                self.spend(size(result))
            except BudgetError as exc:
                self.ended = exc
            decisions = self.path[base:]
            leaves.append((decisions, result))
            self.undo(mark)
            del self.path[base:]
            answers = [answer for _, answer in decisions[:_MAX_DECISIONS]]
            while answers and not answers[-1]:
                answers.pop()
            if not answers:
                break
            if (
                self.ended
                or (self.unsettled is not None and self.unsettled())
                or len(leaves) >= _MAX_PATHS
                or self.steps + self.tried // 3 > self.enough
            ):
                cut = True
                break
            plan = [*answers[:-1], False]
        self.plan = outer
        cut, self.limited = cut or self.limited or self.ended is not None, limited
        self.cut = self.cut or cut
        return leaves, cut
