"""Statements, followed as Python would run them."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from dsv4_env.lang.python import classes, comprehensions, modules, objects, scan
from dsv4_env.lang.python.calls import taint
from dsv4_env.lang.python.expr import evaluate, find, holds, iterated, unknown
from dsv4_env.lang.python.operators import binary
from dsv4_env.lang.python.patching import patched
from dsv4_env.lang.python.run import Break, Continue, Raised, Return, Run, decide, reaches
from dsv4_env.lang.python.unsettled import unsettle
from dsv4_env.lang.python.values import NONE, Const, Func, Instance, Map, Scope, Seq, Val, truth
from dsv4_env.model import Unknown


def run_body(run: Run, scope: Scope, body: Sequence[ast.stmt]) -> None:
    """Follow statements one after the other."""
    for at, node in enumerate(body):
        run.at = scope.source, node
        run.step()
        handler = _STATEMENTS.get(type(node))
        if scan.skippable(run, node):
            _skip(run, scope, node)
        elif handler is not None:
            try:
                handler(run, scope, node)
            except Return as returned:
                if returned.unsure:  # or else what follows is run
                    with contextlib.suppress(Return):
                        unsettle(run, scope, [body[at + 1 :]], returned.unsure)
                raise


def _skip(run: Run, scope: Scope, node: ast.stmt) -> None:
    """A statement that no launch depends on: what it sets isn't known."""
    if isinstance(node, ast.Expr):
        return
    changed = scan.changes((node,))
    for name, place in changed.names.items():
        unsure = Unknown(name, "no launch depends on it", location=scope.source.place(place))
        run.put(scope.names, name, unsure)


def _expr(run: Run, scope: Scope, node: ast.Expr) -> None:
    if not isinstance(node.value, ast.Constant):
        evaluate(run, scope, node.value)


def _assign(run: Run, scope: Scope, node: ast.Assign) -> None:
    value = evaluate(run, scope, node.value)
    for target in node.targets:
        objects.assign(run, scope, target, value)


def _annotated(run: Run, scope: Scope, node: ast.AnnAssign) -> None:
    if node.value is not None:
        objects.assign(run, scope, node.target, evaluate(run, scope, node.value))


def _augmented(run: Run, scope: Scope, node: ast.AugAssign) -> None:
    target: Any = node.target
    left = evaluate(run, scope, target)
    if isinstance(left, Seq) and left.kind == "list" and isinstance(node.value, ast.GeneratorExp):
        comprehensions.extend(run, scope, node.value, left)
        objects.assign(run, scope, target, left)
        return
    right = evaluate(run, scope, node.value)
    if isinstance(left, Seq) and left.kind == "list" and isinstance(node.op, ast.Add):
        more = iterated(run, scope, right, node.value)
        run.budget.make(8 * (len(left.items) + len(more)))
        items = left.items + more
        run.set(left, "items", items if len(items) < 20_000 else items[:1])
        value: Val = left
        if len(items) >= 20_000:
            taint(run, scope, left, node, "too long a list to follow")
    elif isinstance(left, Map) and isinstance(node.op, ast.BitOr):
        objects.merge(run, scope, left, right, node.value)
        return
    else:
        value = binary(run, scope, node.op, left, right, target)
        if isinstance(left, Seq) and left.kind == "list" and isinstance(value, Seq):
            run.set(left, "items", value.items)  # *= changes it in place
            value = left
    objects.assign(run, scope, target, value)


def _delete(run: Run, scope: Scope, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Subscript):
            owner = evaluate(run, scope, target.value)
            if isinstance(owner, Map):
                objects.delete(run, owner, evaluate(run, scope, target.slice))
            elif isinstance(owner, Seq):
                objects.delete_item(run, scope, owner, target)
        elif isinstance(target, ast.Name):
            run.drop(scope.names, target.id)


def _if(run: Run, scope: Scope, node: ast.If) -> None:
    if scan.is_main(node.test):
        if run.unit != "__main__":
            return
        run_body(run, scope, node.body)
        return
    known = truth(evaluate(run, scope, node.test)) if _quiet(run, node) else None
    if known is None and _quiet(run, node):
        unsettle(run, scope, [node.body, node.orelse], scope.source.text(node.test))
        return
    if known is None and run.found and _only_raises(node):
        known = truth(evaluate(run, scope, node.test)) or False
    holding = known if known is not None else holds(run, scope, node.test)
    run_body(run, scope, node.body if holding else node.orelse)


def _only_raises(node: ast.If) -> bool:
    """Whether a test only says that a launched server did wrong: that is no launch's condition."""
    return not node.orelse and isinstance(node.body[-1], ast.Raise) and len(node.body) == 1


def _quiet(run: Run, node: ast.If) -> bool:
    """Whether both sides are joined rather than followed one by one."""
    if not run.forking:
        return True
    run.spend((len(node.body) + len(node.orelse)) >> 1)
    return all(scan.inert(s) for s in (*node.body, *node.orelse))


def _for(run: Run, scope: Scope, node: ast.For | ast.AsyncFor) -> None:
    items = comprehensions.looped(run, scope, evaluate(run, scope, node.iter), node.iter)
    changed = scan.changes(tuple(node.body))
    if not run.forking and (changed.breaks or changed.returns):
        _some(run, scope, node)
        return
    subject = run.subject
    try:
        for item in items:
            if isinstance(item, Unknown) and item.splits:
                _some(run, scope, node)
                continue
            objects.assign(run, scope, node.target, item)
            run.subject = _subject(run, item) or subject
            try:
                run_body(run, scope, node.body)
            except Continue:
                continue
    except Break:
        return
    finally:
        run.subject = subject
    run_body(run, scope, node.orelse)


def _subject(run: Run, item: Val) -> Instance | None:
    """The entry of a list of launches that a loop is at."""
    candidates = item.items if isinstance(item, Seq) else (item,)
    return next((c for c in candidates if isinstance(c, Instance) and c in run.records), None)


def _some(run: Run, scope: Scope, node: ast.For | ast.AsyncFor | ast.While) -> None:
    """A loop that runs nobody knows how often: what it changes isn't known after it."""
    run.spend(8)
    text = scope.source.text(node.test if isinstance(node, ast.While) else node.iter)
    if isinstance(node, ast.While):
        label = f"while {text}"
    else:
        label = f"for {scope.source.text(node.target)} in {text}"
    followed = reaches(run, node) and run.forking
    if isinstance(node, ast.While):
        unsettle(run, scope, [[*node.body, node.test]], label, leaving=not followed, rounds=2)
    else:
        where = scope.source.place(node.target)
        found = Unknown(scope.source.text(node.target), f"one of {text}", location=where)
        objects.assign(run, scope, node.target, found)
        unsettle(run, scope, [node.body], label, leaving=not followed, rounds=2)
        objects.assign(run, scope, node.target, found)
    if not followed:
        return
    if decide(run, ("loop", id(node), len(run.path)), label):
        with contextlib.suppress(Continue, Break):
            run_body(run, scope, node.body)
        unsettle(run, scope, [node.body], label, leaving=False, rounds=2)


def _while(run: Run, scope: Scope, node: ast.While) -> None:
    for _ in range(1000):
        known = truth(evaluate(run, scope, node.test))
        if known is False:
            run_body(run, scope, node.orelse)
            return
        if known is None or not run.forking:
            break
        if isinstance(node.test, ast.Constant):
            _forever(run, scope, node)
            return
        try:
            run_body(run, scope, node.body)
        except Continue:
            continue
        except Break:
            return
    _some(run, scope, node)


def _forever(run: Run, scope: Scope, node: ast.While) -> None:
    """``while True``: its body is followed once, as a retry that works at once."""
    unsettled = scan.changes(tuple(node.body))
    if unsettled.names or unsettled.objects or unsettled.attributes:
        unsettle(run, scope, [node.body], "while True", leaving=False, rounds=2)
    with contextlib.suppress(Continue, Break):
        run_body(run, scope, node.body)
    unsettle(run, scope, [node.body], "while True", leaving=False, rounds=2)


def _with(run: Run, scope: Scope, node: ast.With | ast.AsyncWith) -> None:
    restored: list[tuple[Map, Any]] = []
    for entry in node.items:
        undo = patched(run, scope, entry.context_expr)
        if undo is not None:
            restored.append(undo)
            continue
        value = evaluate(run, scope, entry.context_expr)
        if entry.optional_vars is not None:
            if not isinstance(value, Instance):
                value = unknown(scope, entry.context_expr, "what `with` gives isn't followed")
            objects.assign(run, scope, entry.optional_vars, value)
    try:
        run_body(run, scope, node.body)
    finally:
        for owner, old in reversed(restored):
            for name, value in old.items():
                run.set(owner, name, value)


def _try(run: Run, scope: Scope, node: ast.Try) -> None:
    run.spend(8)
    body = [*node.body]
    at = None if any(reaches(run, s) for s in body) else modules.optional(run, scope, node)
    if at is not None:
        run_body(run, scope, body[:at])
        label = f"`{scope.source.text(body[at])}` works"
        if not run.forking:
            unsettle(run, scope, [[*body[at:], *node.orelse]], label)
            body = []
        elif decide(run, ("import", scope.source.text(body[at])), label):
            body = body[at:]
        else:
            run_body(run, scope, node.finalbody)
            return
    loud = [h for h in node.handlers if not all(scan.inert(s) for s in h.body)]
    if loud and run.forking and not any(reaches(run, s) for s in body) and not scan.safe(run, body):
        label = f"the try at line {node.lineno} succeeds"
        if not decide(run, ("try", id(node), len(run.path)), label):
            unsettle(run, scope, [body], label)
            try:
                _handle(run, scope, node, scan.caught(run, scope, loud, None))
            finally:
                run_body(run, scope, node.finalbody)
            return
        loud = []
    try:
        try:
            run_body(run, scope, body)
        except Raised as raised:
            handler = scan.caught(run, scope, node.handlers, raised.kind)
            if handler is None:
                raise
            _handle(run, scope, node, handler)
            loud = []
        else:
            run_body(run, scope, node.orelse if body else [])
    finally:
        run_body(run, scope, node.finalbody)
    if loud and not scan.safe(run, body):
        text = f"an exception in the try at line {node.lineno}"
        unsettle(run, scope, [h.body for h in loud], text)


def _handle(run: Run, scope: Scope, node: ast.Try, handler: ast.ExceptHandler | None) -> None:
    if handler is None:
        return
    if handler.name:
        text = f"the exception of line {node.lineno}"
        where = scope.source.place(handler)
        run.put(scope.names, handler.name, Unknown(handler.name, text, location=where))
    run_body(run, scope, handler.body)


def _match(run: Run, scope: Scope, node: ast.Match) -> None:
    subject = evaluate(run, scope, node.subject)
    if isinstance(subject, Const):
        for case in node.cases:
            answer = scan.matches(case, subject.value)
            if answer is None:
                break
            if answer:
                run_body(run, scope, case.body)
                return
        else:
            return
    bodies = [case.body for case in node.cases]
    unsettle(run, scope, bodies, f"match {scope.source.text(node.subject)}")


def _function(run: Run, scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    func: Func = classes.function(run, scope, node, node.name)
    run.put(scope.names, node.name, func)


def _class(run: Run, scope: Scope, node: ast.ClassDef) -> None:
    run.put(scope.names, node.name, classes.define(run, scope, node))


def _return(run: Run, scope: Scope, node: ast.Return) -> None:
    raise Return(evaluate(run, scope, node.value) if node.value else NONE)


def _raise(run: Run, scope: Scope, node: ast.Raise) -> None:
    cause = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    raise Raised(scan.exception(cause))


def _break(run: Run, scope: Scope, node: ast.Break) -> None:
    raise Break


def _continue(run: Run, scope: Scope, node: ast.Continue) -> None:
    raise Continue


def _global(run: Run, scope: Scope, node: ast.Global) -> None:
    scope.globals.update(node.names)


def _nonlocal(run: Run, scope: Scope, node: ast.Nonlocal) -> None:
    for name in node.names:
        at = scope.parent
        while at is not None and name not in at.names:
            at = at.parent
        if at is not None and find(scope, name) is not None:
            reason = "shared between functions"
            run.put(at.names, name, Unknown(name, reason, location=scope.source.place(node)))


def _import(run: Run, scope: Scope, node: ast.Import | ast.ImportFrom) -> None:
    modules.bind_import(run, scope, node)


_STATEMENTS: dict[type[ast.stmt], Callable[[Run, Scope, Any], None]] = {
    ast.AnnAssign: _annotated,
    ast.Assign: _assign,
    ast.AsyncFor: _for,
    ast.AsyncFunctionDef: _function,
    ast.AsyncWith: _with,
    ast.AugAssign: _augmented,
    ast.Break: _break,
    ast.ClassDef: _class,
    ast.Continue: _continue,
    ast.Delete: _delete,
    ast.Expr: _expr,
    ast.For: _for,
    ast.FunctionDef: _function,
    ast.Global: _global,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Match: _match,
    ast.Nonlocal: _nonlocal,
    ast.Raise: _raise,
    ast.Return: _return,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.While: _while,
    ast.With: _with,
}
