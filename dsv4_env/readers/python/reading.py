"""Reading a Python file: followed as often as its imports make more of it matter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from dsv4_env.guard.files import checkout, is_file, real
from dsv4_env.lang.python.interp.machine import COST, Machine
from dsv4_env.lang.python.interp.modules import add_imports, new_module
from dsv4_env.lang.python.interp.statements import PYTHON
from dsv4_env.lang.python.syntax.imports import ModuleFinder
from dsv4_env.lang.python.syntax.reach import Reach
from dsv4_env.lang.python.syntax.text import (
    SourceText,
    count_tokens,
    decoded,
    parse_python,
    source_of,
)
from dsv4_env.lang.python.syntax.trees import walk_tree
from dsv4_env.lang.python.values.kinds import Map
from dsv4_env.model import LaunchConfig, Location, Note, lost_launch
from dsv4_env.model.budget import STEPS, Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers.choosing import choose
from dsv4_env.readers.kind import INTERPRETER, FileKind
from dsv4_env.readers.launcher import names_a_server
from dsv4_env.readers.python.commands import FIELD_CALLS, PATCH_CALLS, SOUGHT
from dsv4_env.readers.python.conftest import Around, around
from dsv4_env.readers.python.facts import NEVER, disabled_notes, registrations, skip_marks
from dsv4_env.readers.python.profiles import FIXTURES
from dsv4_env.readers.python.units import held_settings, launches_met
from dsv4_env.readers.python.watch import HELD, LaunchWatch
from dsv4_env.readers.taken import KnownProfiles

_ROUNDS = 8  # each import may make more of the file matter
_SHORT = 4  # of them, those that end as soon as more does: what they find is never told
# Names that matter whatever is called; envs is SGLang's.
_MATTER = frozenset({"environ", "envs", "setUpClass", "setUp", *HELD, *PATCH_CALLS})


def read_all(
    data: str | bytes,
    path: str = "<file>",
    *,
    root: Path | None = None,
    inputs: Mapping[str, str] | None = None,
    steps: int | None = None,
    budget: Budget | None = None,
    profiles: Path | None = None,
    sglang: str | None = None,
    known: KnownProfiles | None = None,
) -> list[LaunchConfig]:
    """Every launch of a server that a Python file makes, in source order.

    *root* is the folder that imported modules must lie below (the file's own folder where it
    isn't given), *inputs* are variables of the environment that are known, *steps* are how many
    statements and expressions are followed before the paths that are left are given up: they make
    a smaller *budget*. Where that ends, launches that were found are kept as partial ones.
    *profiles* is the folder of the project's own profiles, *sglang* the release that they are for
    where the file doesn't say so; *known* stands for both, and for what was loaded before. Raises
    ReadError where the data isn't Python or where there is too much to follow to find any.
    """
    text = decoded(data, path)
    tokens = count_tokens(text, path)
    tree = parse_python(text, path)
    file = Path(path)
    # A test names a folder of profiles from its own place, whatever it may import.
    project = root or (checkout(path) or real(file).parent if is_file(file) else None)
    if root is None and is_file(file):
        root = real(file).parent
    root = real(root) if root else None
    if budget is None:
        budget = Budget(steps=min(STEPS, 4 * COST * steps + 3 * tokens)) if steps else Budget()
    try:
        budget.step(Location(path, 1, 1), 3 * tokens)  # to parse it, and to see what it names
    except BudgetError as exc:
        return kept([], exc, budget.place(), path)
    enough = steps or (budget.steps - budget.spent_steps) * 3 // 4 // COST
    marked = frozenset(_of_marks(tree)) if _PLUGIN.search(text) else frozenset()
    reach = Reach(SOUGHT, _MATTER | marked, changing={*FIELD_CALLS, *PATCH_CALLS})
    finder = ModuleFinder(root) if root else None
    texts: dict[str, tuple[str, ast.Module] | None] = {}
    vm: Machine | None = None
    known_profiles = known or KnownProfiles(project, profiles, sglang)
    try:
        others = Around()
        if _FIXTURES.search(text) and is_file(file):  # pytest runs it
            others = around(file, project, text, budget)
        for number in range(_ROUNDS):
            watch = LaunchWatch(path, profiles=known_profiles)
            watch.elsewhere = frozenset(others.overrides)
            watch.early, watch.late = others.early, others.late
            vm = Machine(
                environ=Map(inherits=True),
                given=dict(inputs or {}),
                budget=budget,
                rules=PYTHON,
                watch=watch,
                reach=reach,
                finder=finder,
                texts=texts,
                tokens=tokens,
                enough=enough,
            )
            reach.begin()
            add_imports(vm, tree, path)
            if not (reach.leads_anywhere() or _STARTED.search(text) or held_settings(tree)):
                add_imports(vm, tree, path, everywhere=True)
                if not reach.leads_anywhere():
                    return []
            size = reach.size()
            if number < _SHORT:
                vm.unsettled = partial(_has_grown, reach, size)
            module = new_module(source_of(text, path, budget), "__main__", path)
            found = launches_met(vm, watch, module, tree)
            grown = _has_grown(reach, size)
            if not grown or vm.ended is not None:  # another round would end sooner
                found = _with_facts(_whole(vm, found, path), tree, module.scope.source)
                return _beside(found, others)
        problem = "imports that never settle"
    except RecursionError:
        problem = "nested too deeply"
    except BudgetError as exc:
        return kept([], exc, vm.place() if vm else None, path)
    raise ReadError(problem, where=path, expected="a test file that launches servers")


def _of_marks(tree: ast.Module) -> Iterator[str]:
    """The names that marks are made of, and the fixtures that say which profile it is."""
    yield from ("pytestmark", *FIXTURES, *(f"{name})" for name in FIXTURES))
    for node in walk_tree(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            named = [k for d in node.decorator_list for k in getattr(d, "keywords", ())]
            if any(k.arg == "name" for k in named):  # a fixture, which another name may have
                yield f"{node.name})"
            for each in (n for d in node.decorator_list for n in walk_tree(d)):
                if isinstance(each, ast.Name):
                    yield each.id


def _has_grown(reach: Reach, known: tuple[int, int]) -> bool:
    """Whether more matters than was known, so that what was skipped before may, too."""
    return reach.late or reach.size() != known


def _whole(vm: Machine, found: list[LaunchConfig], path: str) -> list[LaunchConfig]:
    """The launches, marked where the budget ended or others may be missing."""
    if vm.ended is not None:
        found = kept(found, vm.ended, vm.place(), path)
    if not vm.lost:
        return found
    problems = [
        (
            f"what leads to {name} isn't followed: too many conditions or calls, or unseen",
            place,
        )
        for name, place in vm.lost.items()
    ]
    if not found:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        problem, place = problems[0]
        expected = "a test file that launches servers"
        raise ReadError(f"{problem}{more}", where=place, expected=expected)
    notes = tuple(lost_launch(problem, place) for problem, place in problems)
    return [replace(c, partial=True, notes=(*c.notes, *notes)) for c in found]


def _beside(found: list[LaunchConfig], others: Around) -> list[LaunchConfig]:
    """The launches, partial ones where a conftest.py may change what isn't followed."""
    notes = tuple(lost_launch(problem, place) for problem, place in others.problems)
    if not notes:
        return found
    return [replace(c, partial=True, notes=(*c.notes, *notes)) for c in found]


def _with_facts(
    found: list[LaunchConfig], tree: ast.Module, lines: SourceText
) -> list[LaunchConfig]:
    """The launches with what the file says beside their settings."""
    registered = registrations(tree, lines)
    facts = [f for r in registered for f in r.facts]
    notes = disabled_notes(registered)
    notes += tuple(Note(NEVER, lines.place(n), idle=True) for n in skip_marks(tree.body))
    return [replace(c, facts=(*c.facts, *facts), notes=(*c.notes, *notes)) for c in found]


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


_FIXTURES = re.compile(rf"\b(?:{'|'.join(sorted(FIXTURES))})\b")
_PLUGIN = re.compile(r"\bdsv4_\w")
# Fixtures of this package that start servers.
_STARTED = re.compile(r"\bdsv4_(?:\w+_)?(?:server|launch)\b")
# These, and SGLang within the process.
_ALSO = re.compile(rb"\bdsv4_(?:\w+_)?(?:server|launch)\b|popen_launch_pd_server")
_SGLANG = re.compile(rb"\bsglang\b")
_ENGINE = re.compile(rb"\b(?:Engine|Runtime)\(")


def _may_launch(data: bytes) -> bool:
    """Whether a test's bytes name what launches a server."""
    if names_a_server(data) or _ALSO.search(data) is not None:
        return True
    sglang = _SGLANG.search(data)
    return sglang is not None and _ENGINE.search(data, sglang.end()) is not None


KIND = FileKind(
    "python",
    "a test file",
    read_all,
    summary="a Python test",
    takes=("inputs", "profiles", "root", "sglang", "steps"),
    named=r"[^/]+\.py",
    shebang=INTERPRETER + rb"python[\d.]*\b",
    editable=True,
    layered=True,
    word="test",
    code=True,
    hit=_may_launch,
)
