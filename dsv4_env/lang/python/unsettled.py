"""What isn't known any more once statements may have run: they, and all that they call."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from dsv4_env.lang.python import objects, scan
from dsv4_env.lang.python.calls import taint
from dsv4_env.lang.python.expr import evaluate
from dsv4_env.lang.python.run import (
    KEPT,
    Break,
    Continue,
    Raised,
    Return,
    Run,
    TooMuch,
    called,
    decide,
)
from dsv4_env.lang.python.trees import remembered
from dsv4_env.lang.python.values import (
    Bound,
    Class,
    Entry,
    Func,
    Instance,
    Map,
    Module,
    Scope,
    Seq,
    Val,
    walk,
)
from dsv4_env.model import Unknown

MAX_STEPS = 2_000  # to find out what one body changes
Changed = dict[tuple[int, Any], tuple[Any, Any, Unknown | Entry | None, ast.AST]]
"""Object and name that were changed, why they aren't known at once, and by which statement."""


def unsettle(
    run: Run,
    scope: Scope,
    ways: Sequence[Sequence[ast.AST]],
    text: str,
    *,
    leaving: bool = True,
    rounds: int = 1,
) -> None:
    """Whatever one of some bodies may set or change isn't known from here on; it may also return.

    *text* is what that depends on; *rounds* is 2 for a body that runs more than once.
    """
    body = tuple(node for way in ways for node in way)
    if not body:
        return
    changed = scan.changes(body)
    run.spend(10 + 2 * len(changed.names) + 2 * len(changed.objects))
    hidden = _hidden(run, body, changed)
    found = _tried(run, scope, ways, rounds) if hidden else {}
    mark = len(run.trail)
    for name in changed.names:
        where = scope.source.place(changed.names[name])
        value = Unknown(name, f"depends on `{text}`", location=where)
        run.put(scope.names, name, value)
    for owner in changed.objects:
        value_of = evaluate(run, scope, owner)
        taint(run, scope, value_of, owner, f"depends on `{text}`")
    for target in changed.attributes:
        where = scope.source.place(target)
        spelled = scope.source.text(target)
        unsure = Unknown(spelled, f"depends on `{text}`", location=where)
        objects.assign(run, scope, target, unsure)
    run.spend((len(run.trail) - mark) >> 1)
    done = set(_changed(run, mark))
    _blur(run, scope, {k: v for k, v in found.items() if k not in done}, text)
    if (
        hidden and rounds > 1 and not run.trying and (done or found)
    ):  # tests that held at first may not, now
        done |= set(found)
        more = _tried(run, scope, ways, 1)
        _blur(run, scope, {k: v for k, v in more.items() if k not in done}, text)
    if not leaving:
        return
    if changed.returns and _leaves(run, body[0], f"`{text}` returns"):
        where = scope.source.place(body[0])
        value = Unknown("…", f"depends on `{text}`", location=where)
        raise Return(value, "" if run.forking else text)
    if changed.breaks and run.forking and _leaves(run, body[0], f"`{text}` breaks off"):
        raise Break


def _find_changing(run: Run, tree: ast.Module) -> None:
    """Add the functions of a module that may change what isn't theirs to those that do.

    Told by name alone, as run.reaching is: too many may be found, never too few.
    """
    calls, pending = _effects(tree)
    for name, inner in calls.items():
        for each in inner:
            run.callers.setdefault(each, set()).add(name)
        if inner & run.changing:
            pending = pending | {name}
    fresh = [*(pending - run.changing)]
    run.changing |= pending
    while fresh:
        more = run.callers.get(fresh.pop(), set()) - run.changing
        run.changing |= more
        fresh += more
    run.hidden.clear()


@remembered(KEPT)
def _effects(tree: ast.Module) -> tuple[dict[str, set[str]], set[str]]:
    """What each function of a module calls, and which change something by themselves."""
    calls: dict[str, set[str]] = {}
    direct: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {n.id for b in node.bases for n in walk(b) if isinstance(n, ast.Name)}
            calls.setdefault(node.name, set()).update(scan.making(node), bases)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = walk(node)
            names = {called(n) for n in inner if isinstance(n, ast.Call)}
            calls.setdefault(node.name, set()).update(names)
            if _affects(node, inner):
                direct.add(node.name)
    return calls, direct


def _affects(node: ast.FunctionDef | ast.AsyncFunctionDef, inner: list[ast.AST]) -> bool:
    if any(isinstance(n, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom) for n in inner):
        return True
    changed = scan.changes(tuple(node.body))
    own = {"self"} if node.name in scan.MAKING else set()
    own |= _fresh(inner)
    return any(_root(n) not in own for n in (*changed.objects, *changed.attributes))


def _fresh(inner: list[ast.AST]) -> set[str]:
    """The names that only ever stand for what was made right there."""
    made: set[str] = set()
    other: set[str] = set()
    values = {id(t): n.value for n in inner if isinstance(n, ast.Assign) for t in n.targets}
    for node in inner:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            (made if isinstance(values.get(id(node)), _DISPLAYS) else other).add(node.id)
    return made - other


_DISPLAYS = (ast.Constant, ast.Dict, ast.JoinedStr, ast.List, ast.Set, ast.Tuple)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _hidden(run: Run, body: Sequence[ast.AST], changed: scan.Changes) -> bool:
    """Whether statements may change what they don't name: by a call, or by another name."""
    if any(_root(n) in changed.names for n in (*changed.objects, *changed.attributes)):
        return True
    before = len(run.changing)
    while run.unseen:
        _find_changing(run, run.unseen.pop())
    run.late = run.late or (run.asked and len(run.changing) > before)
    run.asked = True
    for node in body:
        known = run.hidden.get(id(node))
        if known is None:
            skipped = isinstance(node, ast.stmt) and scan.skippable(run, node)
            known = run.hidden[id(node)] = not skipped and any(
                isinstance(n, ast.Import | ast.ImportFrom)
                or (isinstance(n, ast.Call) and called(n) in run.changing)
                for n in walk(node)
            )
        if known:
            return True
    return False


def unsettle_values(
    run: Run, scope: Scope, ways: Sequence[Sequence[ast.expr]], text: str, *, rounds: int = 1
) -> None:
    """As unsettle, for expressions that may be evaluated: what they call is all that changes."""
    body = tuple(node for way in ways for node in way)
    changed = scan.changes(body)
    if changed.names or changed.objects or _hidden(run, body, changed):
        _blur(run, scope, _tried(run, scope, ways, rounds), text)


def unsettle_since(run: Run, scope: Scope, mark: int, node: ast.AST, text: str) -> None:
    """What was changed since the trail was *mark* long: nobody knows when, or whether, it is."""
    run.spend((len(run.trail) - mark) >> 1)
    found = _changed(run, mark)
    _blur(run, scope, {k: (v, k[1], _cause(v, k[1]), node) for k, v in found.items()}, text)


def _leaves(run: Run, node: ast.AST, text: str) -> bool:
    return not run.forking or decide(run, ("leaves", id(node), len(run.path)), text)


def _tried(run: Run, scope: Scope, ways: Sequence[Sequence[ast.AST]], rounds: int) -> Changed:
    """What the bodies change where they are followed, each from how things are now."""
    before = run.forking, run.recording, run.trying
    run.forking = run.recording = False
    run.trying = run.trying or rounds > 1  # loops within it are gone over again by it
    mark, steps, most = len(run.trail), run.steps, run.most
    outermost = most is None
    if outermost:
        run.most = steps + MAX_STEPS  # as many on each way: all must decide alike
    found: Changed = {}
    try:
        for way in ways:
            for _ in range(1 if before[2] else rounds):
                _follow(run, scope, way, found)
            run.undo(mark)
    except TooMuch:
        if not outermost:
            raise
        run.undo(mark)
        _everything(run, scope, ways, found)
    finally:
        run.undo(mark)
        run.forking, run.recording, run.trying = before
        if outermost:
            run.tried += run.steps - steps
            run.steps, run.most = steps, None
    return found


def _everything(run: Run, scope: Scope, ways: Sequence[Sequence[ast.AST]], found: Changed) -> None:
    """All lists and dicts that can be reached: there is too much to follow to tell which change."""
    node = next(node for way in ways for node in way)
    pending: list[Any] = [scope, run.environ, *run.modules.values()]
    seen: dict[int, Any] = {}
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        if len(seen) & 7 == 0:
            run.spend(1)
        if isinstance(each, Map | Seq):
            cause = _cause(each, None)  # what isn't known stays as it is
            found.setdefault((id(each), None), (each, None, cause, node))
        if isinstance(each, Scope):
            pending += [*each.names.values(), each.parent, each.first]
        elif isinstance(each, Map):
            pending += [e.value for e in each.log]
        elif isinstance(each, Seq):
            pending += each.items
        elif isinstance(each, Instance):
            pending += [*each.attrs.values(), each.cls]
        elif isinstance(each, Class | Module | Func):
            pending.append(each.scope)
        elif isinstance(each, Bound):
            pending += [each.func, each.first]


def _follow(run: Run, scope: Scope, way: Sequence[ast.AST], found: Changed) -> None:
    from dsv4_env.lang.python.statements import run_body

    for node in way:
        mark = len(run.trail)
        going = True
        try:
            if isinstance(node, ast.stmt):
                run_body(run, scope, [node])
            elif isinstance(node, ast.expr):
                evaluate(run, scope, node)
        except Return as returned:
            going = bool(returned.unsure)
        except (Raised, Break, Continue):
            going = False
        run.spend((len(run.trail) - mark) >> 1)
        for key, obj in _changed(run, mark).items():
            if key not in found:
                found[key] = obj, key[1], _cause(obj, key[1]), node
        if not going:
            return


def _changed(run: Run, mark: int) -> dict[tuple[int, Any], Any]:
    """The lists, dicts and names that were changed since the trail was *mark* long."""
    own = {id(run.answers), id(run.counts), id(run.found)}
    found: dict[tuple[int, Any], Any] = {}
    for obj, name, _ in run.trail[mark:]:
        if isinstance(obj, dict):
            if id(obj) not in own:
                found[id(obj), name] = obj
        elif isinstance(obj, Map | Seq):
            found[id(obj), None] = obj
    return found


def _cause(obj: Any, name: Any) -> Unknown | Entry | None:
    """Why what was changed isn't known even where the change was made."""
    value = obj.get(name) if isinstance(obj, dict) else None
    if isinstance(obj, Seq) and len(obj.items) == 1:
        value = obj.items[0] if _splits(obj.items[0]) else None
    if isinstance(obj, Map) and len(obj.log) and obj.log[-1].key is None:
        return obj.log[-1]
    return value if isinstance(value, Unknown) else None


def _splits(value: Val) -> bool:
    return isinstance(value, Unknown) and value.splits


def _blur(run: Run, scope: Scope, found: Changed, text: str) -> None:
    """From here on what was changed isn't known."""
    reason = f"depends on `{text}`"
    for obj, name, cause, node in found.values():
        if isinstance(obj, dict):
            where = scope.source.place(node)
            run.put(obj, name, cause or Unknown(str(name), reason, location=where))
        elif isinstance(obj, Seq) and cause:
            run.set(obj, "items", (cause,))
        elif not isinstance(obj, Map) or not isinstance(cause, Entry):
            taint(run, scope, obj, _simple(node), reason)
        elif not len(obj.log) or obj.log[-1] is not cause:
            run.set(obj, "log", obj.log.and_more(cause))


@remembered(4096)
def _simple(node: ast.AST) -> ast.AST:
    """The first statement within one that holds others: what is shown fits one line."""
    inner = (n for n in walk(node) if isinstance(n, ast.stmt) and not hasattr(n, "body"))
    return next(inner, node) if hasattr(node, "body") else node
