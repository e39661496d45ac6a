"""Python test files that launch SGLang servers: followed as Python would, running nothing.

What only a run could tell is Unknown. Unknown conditions are followed on both sides; what
differs between them gets its condition.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.guard.files import real
from dsv4_env.model import LaunchConfig, Location, Note
from dsv4_env.model.budget import STEPS, Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers.choosing import choose
from dsv4_env.readers.kind import INTERPRETER, FileKind

if TYPE_CHECKING:
    from dsv4_env.lang.python.run import Run

_ROUNDS = 8  # each import may make more of the file matter


@dataclass(frozen=True, slots=True)
class CiRegistration:
    """A call that registers a test file for a CI suite (sglang.test.ci.ci_register).

    *function* is the registering function (``register_amd_ci``); *suite* and *est_time* (in
    seconds) are None where they aren't given as literals.
    """

    function: str
    suite: str | None
    est_time: float | None
    location: Location


def read_all(
    data: str | bytes,
    path: str = "<file>",
    *,
    root: Path | None = None,
    inputs: Mapping[str, str] | None = None,
    steps: int | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """Every launch of a server that a Python file makes, in source order.

    *root* is the folder that imported modules must lie below (the file's own folder where it
    isn't given), *inputs* are variables of the environment that are known, *steps* are how many
    statements and expressions are followed before the ways that are left are given up: they make
    a smaller *budget*. Where that ends, launches that were found are kept as partial ones. Raises
    ReadError where the data isn't Python or where there is too much to follow to find any.
    """
    from dsv4_env.lang.python import modules, units
    from dsv4_env.lang.python.run import COST, Run
    from dsv4_env.lang.python.text import decoded
    from dsv4_env.lang.python.values import Map, source

    text = decoded(data, path)
    tokens = modules.tokens(text, path)
    tree = modules.parse(text, path)
    file = Path(path)
    if root is None and file.is_file():
        root = real(file).parent
    if budget is None:
        budget = Budget(steps=min(STEPS, 4 * COST * steps + 3 * tokens)) if steps else Budget()
    try:
        budget.step(Location(path, 1, 1), 3 * tokens)  # to parse it, and to see what it names
    except BudgetError as exc:
        return kept([], exc, budget.place(), path)
    enough = steps or (budget.steps - budget.spent_steps) * 3 // 4 // COST
    run = Run(real(root) if root else None, {}, Map(inherits=True))
    try:
        for _ in range(_ROUNDS):
            run = Run(
                run.root,
                dict(inputs or {}),
                Map(inherits=True),
                enough=enough,
                budget=budget,
                tokens=tokens,
                scanned=run.scanned,
                flows_by_name=run.flows_by_name,
                relevant=run.relevant,
                reaching=run.reaching,
                changing=run.changing,
                callers=run.callers,
            )
            module = modules.module(source(text, path, budget), "__main__", path)
            found = units.read_module(run, module, tree, path)
            if run.settled:
                return _whole(run, found, path)
        problem = "imports that never settle"
    except RecursionError:
        problem = "nested too deeply"
    except BudgetError as exc:
        return kept([], exc, run.place(), path)
    raise ReadError(problem, where=path, expected="a test file that launches servers")


def _whole(run: Run, found: list[LaunchConfig], path: str) -> list[LaunchConfig]:
    """The launches, marked where the budget ended or others may be missing."""
    if run.ended is not None:
        return kept(found, run.ended, run.place(), path)
    if not run.lost:
        return found
    name, place = next(iter(run.lost.items()))
    more = f" and {len(run.lost) - 1} more" if len(run.lost) > 1 else ""
    problem = f"too many conditions or calls to follow {name}{more} to where it launches"
    if not found:
        raise ReadError(problem, where=place, expected="a test file that launches servers")
    note = Note(problem, place, opens=True)
    return [replace(c, partial=True, notes=(*c.notes, note)) for c in found]


def read(
    data: str | bytes,
    path: str = "<file>",
    *,
    launch: int | None = None,
    line: int | None = None,
    symbol: str | None = None,
    root: Path | None = None,
    inputs: Mapping[str, str] | None = None,
) -> LaunchConfig:
    """The one launch of a file, or the one chosen: by number (from 1), by line or by symbol.

    Raises ReadError as read_all does, and where there is no such launch or more than one.
    """
    found = read_all(data, path, root=root, inputs=inputs)
    return choose(found, path, launch=launch, line=line, symbol=symbol)


def read_ci(data: str | bytes, path: str = "<file>") -> list[CiRegistration]:
    """The CI suites that a file registers itself for, in source order.

    Raises ReadError where the data isn't Python.
    """
    from dsv4_env.lang.python import modules
    from dsv4_env.lang.python.text import decoded
    from dsv4_env.lang.python.values import source

    text = decoded(data, path)
    tree = modules.parse(text, path)
    lines = source(text, path)
    found: list[CiRegistration] = []
    for node in tree.body:
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = call.func.id if isinstance(call.func, ast.Name) else name
        if not (name.startswith("register_") and name.endswith("_ci")):
            continue
        given = dict(zip(("est_time", "suite"), call.args, strict=False))
        given |= {k.arg: k.value for k in call.keywords if k.arg}
        suite, time = (_literal(given.get(k)) for k in ("suite", "est_time"))
        found.append(
            CiRegistration(
                name,
                suite if isinstance(suite, str) else None,
                float(time) if isinstance(time, int | float) else None,
                lines.place(call),
            )
        )
    return found


def _literal(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


KIND = FileKind(
    "python",
    "a test file",
    read_all,
    summary="a Python test",
    takes=("inputs", "root", "steps"),
    named=r"[^/]+\.py",
    shebang=INTERPRETER + rb"python[\d.]*\b",
    editable=True,
    layered=True,
    word="test",
    code=True,
)
