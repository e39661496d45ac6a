"""Statements, followed as Python would run them."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dsv4_env.lang.python.interp.calls import define_class, define_function, evaluate_call, invoke
from dsv4_env.lang.python.interp.expressions import (
    EXPRESSIONS,
    extend_list,
    test_holds,
    test_known,
)
from dsv4_env.lang.python.interp.havoc import havoc_bodies, havoc_expressions
from dsv4_env.lang.python.interp.machine import (
    Break,
    Continue,
    Machine,
    Paused,
    Raised,
    Return,
    Rules,
)
from dsv4_env.lang.python.interp.modules import bind_import, optional_import
from dsv4_env.lang.python.interp.targets import assign_to, replace_item
from dsv4_env.lang.python.syntax.effects import (
    case_matches,
    catches,
    changes_of,
    exception_named,
    is_inert,
    is_main,
    is_safe,
    undone,
)
from dsv4_env.lang.python.syntax.trees import callee
from dsv4_env.lang.python.values import operations as ops
from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    NONE,
    NOTHING,
    Const,
    Func,
    Instance,
    Map,
    Scope,
    Seq,
    Val,
    splits,
    truth_of,
)
from dsv4_env.model import Unknown


def _execute(vm: Machine, scope: Scope, body: Sequence[ast.stmt]) -> None:
    """Follow statements one after the other; in a tail, up to the last that leads anywhere."""
    if vm.mode.tail:
        last = max((i for i, s in enumerate(body) if vm.reach.leads(s)), default=-1)
        with vm.following(tail=False):
            _follow(vm, scope, body[:last])
        if last >= 0:
            end = body[last]
            plain = ast.Expr | ast.Assign | ast.AnnAssign | ast.Return
            vm.last_call = end.value if isinstance(end, plain) else None
            _follow(vm, scope, [end])
        return
    _follow(vm, scope, body)


def _follow(vm: Machine, scope: Scope, body: Sequence[ast.stmt]) -> None:
    for at, node in enumerate(body):
        vm.at = scope.source, node
        vm.step()
        handler = _STATEMENTS.get(type(node))
        if vm.reach.skippable(node, vm.spend):
            _skip(vm, scope, node)
        elif (
            handler is not None
            and vm.mode.forking
            and vm.watch.met()
            and vm.reach.is_aside(node, vm.spend)
        ):
            # What it may change by its calls is joined: no launch gets a condition by it.
            with vm.following(forking=False):
                handler(vm, scope, node)
        elif handler is not None:
            try:
                handler(vm, scope, node)
            except Return as returned:
                if returned.unsure:  # or else what follows is run
                    with contextlib.suppress(Return):
                        havoc_bodies(vm, scope, [body[at + 1 :]], returned.unsure)
                raise


def _skip(vm: Machine, scope: Scope, node: ast.stmt) -> None:
    """A statement that no launch depends on: what it sets isn't known."""
    if isinstance(node, ast.Expr):
        return
    changed = changes_of((node,))
    for name, place in changed.names.items():
        unsure = Unknown(name, "no launch depends on it", location=scope.place(place))
        vm.put(scope.names, name, unsure)


def _expr(vm: Machine, scope: Scope, node: ast.Expr) -> None:
    if not isinstance(node.value, ast.Constant):
        vm.evaluate(scope, node.value)


def _assign(vm: Machine, scope: Scope, node: ast.Assign) -> None:
    value = vm.evaluate(scope, node.value)
    for target in node.targets:
        assign_to(vm, scope, target, value)


def _annotated(vm: Machine, scope: Scope, node: ast.AnnAssign) -> None:
    if node.value is not None:
        assign_to(vm, scope, node.target, vm.evaluate(scope, node.value))


def _augmented(vm: Machine, scope: Scope, node: ast.AugAssign) -> None:
    target: Any = node.target
    left = vm.evaluate(scope, target)
    if isinstance(left, Seq) and left.kind == "list" and isinstance(node.value, ast.GeneratorExp):
        extend_list(vm, scope, node.value, left)
        assign_to(vm, scope, target, left)
        return
    right = vm.evaluate(scope, node.value)
    if isinstance(left, Seq) and left.kind == "list" and isinstance(node.op, ast.Add):
        more = ops.items_of(vm, scope, right, node.value)
        vm.budget.make(8 * (len(left.items) + len(more)))
        items = left.items + more
        vm.set(left, "items", items if len(items) < MAX_ITEMS else items[:1])
        value: Val = left
        if len(items) >= MAX_ITEMS:
            ops.widen_value(vm, scope, left, node, "too long a list to follow")
    elif isinstance(left, Map) and isinstance(node.op, ast.BitOr):
        ops.merge_into(vm, scope, left, right, node.value)
        return
    else:
        value = ops.binary(vm, scope, node.op, left, right, target)
        if isinstance(left, Seq) and left.kind == "list" and isinstance(value, Seq):
            vm.set(left, "items", value.items)  # *= changes it in place
            value = left
    assign_to(vm, scope, target, value)


def _delete(vm: Machine, scope: Scope, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Subscript):
            owner = vm.evaluate(scope, target.value)
            if isinstance(owner, Map):
                ops.delete_key(vm, owner, vm.evaluate(scope, target.slice))
            elif isinstance(owner, Seq):
                replace_item(vm, scope, owner, target)
        elif isinstance(target, ast.Name):
            vm.drop(scope.names, target.id)


def _if(vm: Machine, scope: Scope, node: ast.If) -> None:
    if is_main(node.test):
        if vm.script:
            vm.execute(scope, node.body)
        return
    known = test_known(vm, scope, node.test) if _quiet(vm, node) else None
    if known is None and _quiet(vm, node):
        havoc_bodies(vm, scope, [node.body, node.orelse], scope.text(node.test))
        return
    if known is None and vm.watch.met() and _only_raises(node):
        known = truth_of(vm.evaluate(scope, node.test)) or False
    holding = known if known is not None else test_holds(vm, scope, node.test)
    vm.execute(scope, node.body if holding else node.orelse)


def _only_raises(node: ast.If) -> bool:
    """Whether a test only says that a launched server did wrong: that is no launch's condition."""
    return not node.orelse and isinstance(node.body[-1], ast.Raise) and len(node.body) == 1


def _quiet(vm: Machine, node: ast.If) -> bool:
    """Whether both sides are joined rather than followed one by one."""
    if not vm.mode.forking:
        return True
    vm.spend((len(node.body) + len(node.orelse)) >> 1)
    return all(is_inert(s) for s in (*node.body, *node.orelse))


def _loop(vm: Machine, scope: Scope, node: ast.For | ast.AsyncFor | ast.While) -> None:
    """A loop: what comes after its body is the body."""
    with vm.following(tail=False) if vm.mode.tail else contextlib.nullcontext():
        if isinstance(node, ast.While):
            _while(vm, scope, node)
        else:
            _for(vm, scope, node)


def _for(vm: Machine, scope: Scope, node: ast.For | ast.AsyncFor) -> None:
    items = ops.loop_items(vm, scope, vm.evaluate(scope, node.iter), node.iter)
    changed = changes_of(tuple(node.body))
    if not vm.mode.forking and (changed.breaks or changed.returns):
        _some(vm, scope, node)
        return
    subject = vm.subject
    try:
        for item in items:
            if splits(item):
                _some(vm, scope, node)
                continue
            assign_to(vm, scope, node.target, item)
            vm.subject = vm.watch.round(item) or subject
            try:
                vm.execute(scope, node.body)
            except Continue:
                continue
    except Break:
        return
    finally:
        vm.subject = subject
    vm.execute(scope, node.orelse)


def _some(vm: Machine, scope: Scope, node: ast.For | ast.AsyncFor | ast.While) -> None:
    """A loop that runs nobody knows how often: what it changes isn't known after it."""
    vm.spend(8)
    followed = vm.reach.leads(node) and vm.mode.forking
    if isinstance(node, ast.While):
        label = f"while {scope.text(node.test)}"
        bodies = [[*node.body, node.test]]
        havoc_bodies(vm, scope, bodies, label, leaving=not followed, rounds=2)
    else:
        text = scope.text(node.iter)
        label = f"for {scope.text(node.target)} in {text}"
        found = scope.unknown(node.target, f"one of {text}")
        assign_to(vm, scope, node.target, found)
        havoc_bodies(vm, scope, [node.body], label, leaving=not followed, rounds=2)
        assign_to(vm, scope, node.target, found)
    if not followed:
        return
    if vm.decide(("loop", node, len(vm.path)), label):
        with contextlib.suppress(Continue, Break):
            vm.execute(scope, node.body)
        havoc_bodies(vm, scope, [node.body], label, leaving=False, rounds=2)


def _while(vm: Machine, scope: Scope, node: ast.While) -> None:
    for _ in range(1000):
        known = truth_of(vm.evaluate(scope, node.test))
        if known is False:
            vm.execute(scope, node.orelse)
            return
        if known is None or not vm.mode.forking:
            break
        if isinstance(node.test, ast.Constant):
            _forever(vm, scope, node)
            return
        try:
            vm.execute(scope, node.body)
        except Continue:
            continue
        except Break:
            return
    _some(vm, scope, node)


def _forever(vm: Machine, scope: Scope, node: ast.While) -> None:
    """``while True``: its body is followed once, as a retry that works at once."""
    changed = changes_of(tuple(node.body))
    if changed.names or changed.objects or changed.attributes:
        havoc_bodies(vm, scope, [node.body], "while True", leaving=False, rounds=2)
    with contextlib.suppress(Continue, Break):
        vm.execute(scope, node.body)
    havoc_bodies(vm, scope, [node.body], "while True", leaving=False, rounds=2)


def _called(entry: ast.withitem) -> str:
    """The last name of what an entry of `with` calls, in small letters."""
    call = entry.context_expr
    return callee(call).lower() if isinstance(call, ast.Call) else ""


def _with(vm: Machine, scope: Scope, node: ast.With | ast.AsyncWith) -> None:
    restored: list[tuple[Map, Map]] = []
    for entry in node.items:
        undo = patched_environment(vm, scope, entry.context_expr)
        if undo is not None:
            restored.append(undo)
            continue
        value = vm.evaluate(scope, entry.context_expr)
        if entry.optional_vars is not None:
            if not isinstance(value, Instance):
                value = scope.unknown(entry.context_expr, "what `with` gives isn't followed")
            assign_to(vm, scope, entry.optional_vars, value)
    paused = False
    swallowed = any("raises" in n or "suppress" in n for n in map(_called, node.items))
    try:
        with vm.following(caught=vm.mode.caught or swallowed):
            vm.execute(scope, node.body)
    except Paused:
        paused = True
        raise
    finally:
        for owner, before in reversed([] if paused else restored):
            vm.restore(owner, before)


def patched_environment(vm: Machine, scope: Scope, node: ast.expr) -> tuple[Map, Map] | None:
    """Set what ``patch.dict(os.environ, {…})`` and the like set until their block ends.

    What is given is the dict that is changed and how it was before.
    """
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    func = node.func
    if func.attr != "dict" or scope.text(func.value).split(".")[-1] != "patch":
        before = replace(vm.environ)
        return (vm.environ, before) if vm.watch.overrides(vm, scope, node) else None
    if not node.args:
        return None
    owner = vm.evaluate(scope, node.args[0])
    if isinstance(owner, Const) and owner.value == "os.environ":
        owner = vm.environ
    if not isinstance(owner, Map):
        return None
    before = replace(owner)
    keywords = {k.arg: k.value for k in node.keywords if k.arg}
    clear = keywords.pop("clear", None)
    cleared = False if clear is None else truth_of(vm.evaluate(scope, clear))
    if cleared:
        vm.set(owner, "log", NOTHING)
        vm.set(owner, "inherits", False)
    elif cleared is None:
        ops.widen_value(vm, scope, owner, node, "it may have been cleared")
    values = [*node.args[1:2], *(keywords.pop(k) for k in ("values",) if k in keywords)]
    for value in values:
        ops.merge_into(vm, scope, owner, vm.evaluate(scope, value), value)
    for name, value in keywords.items():
        key = Const(name, scope.place(value))
        ops.put_item(vm, scope, owner, key, vm.evaluate(scope, value), value)
    return owner, before


def _try(vm: Machine, scope: Scope, node: ast.Try) -> None:
    after = [*node.handlers, *node.orelse, *node.finalbody]
    if vm.mode.tail and any(map(vm.reach.leads, after)):
        with vm.following(tail=False):
            _try(vm, scope, node)
        return
    vm.spend(8)
    body = [*node.body]
    at = None if any(vm.reach.leads(s) for s in body) else optional_import(vm, scope, node)
    if at is not None:
        vm.execute(scope, body[:at])
        label = f"`{scope.text(body[at])}` works"
        if not vm.mode.forking:
            havoc_bodies(vm, scope, [[*body[at:], *node.orelse]], label)
            body = []
        elif vm.decide(("import", scope.text(body[at])), label):
            body = body[at:]
        else:
            vm.execute(scope, node.finalbody)
            return
    loud = [h for h in node.handlers if not all(is_inert(s) for s in h.body)]
    if (
        loud
        and vm.mode.forking
        and not any(vm.reach.leads(s) for s in body)
        and not is_safe(body, forking=vm.mode.forking)
    ):
        label = f"the try at line {node.lineno} succeeds"
        if not vm.decide(("try", node, len(vm.path)), label):
            done, value = undone(body)
            havoc_bodies(vm, scope, [done], label)
            if value is not None:
                havoc_expressions(vm, scope, [[value]], label)
            try:
                _handle(vm, scope, node, _caught(vm, scope, loud, None))
            finally:
                vm.execute(scope, node.finalbody)
            return
        loud = []
    last = node.finalbody
    try:
        try:
            with vm.following(caught=vm.mode.caught or bool(node.handlers)):
                vm.execute(scope, body)
        except Raised as raised:
            handler = _caught(vm, scope, node.handlers, raised.kind)
            if handler is None:
                raise
            _handle(vm, scope, node, handler)
            loud = []
        except Paused:
            last = []
            raise
        else:
            vm.execute(scope, node.orelse if body else [])
    finally:
        vm.execute(scope, last)
    if loud and not is_safe(body, forking=vm.mode.forking):
        text = f"an exception in the try at line {node.lineno}"
        havoc_bodies(vm, scope, [h.body for h in loud], text)


def _caught(
    vm: Machine, scope: Scope, handlers: list[ast.ExceptHandler], kind: type[BaseException] | None
) -> ast.ExceptHandler | None:
    """What handles an exception; one by one where that can't be told."""
    for handler in handlers:
        known = catches(handler, kind)
        if known or (known is None and (handler is handlers[-1] or not vm.mode.forking)):
            return handler
        label = f"the exception is {scope.text(handler.type)}" if handler.type else ""
        if known is None and vm.decide(("handler", handler, len(vm.path)), label):
            return handler
    return None


def _handle(vm: Machine, scope: Scope, node: ast.Try, handler: ast.ExceptHandler | None) -> None:
    if handler is None:
        return
    if handler.name:
        text = f"the exception of line {node.lineno}"
        where = scope.place(handler)
        vm.put(scope.names, handler.name, Unknown(handler.name, text, location=where))
    vm.execute(scope, handler.body)


def _match(vm: Machine, scope: Scope, node: ast.Match) -> None:
    subject = vm.evaluate(scope, node.subject)
    if isinstance(subject, Const):
        for case in node.cases:
            answer = case_matches(case, subject.value)
            if answer is None:
                break
            if answer:
                vm.execute(scope, case.body)
                return
        else:
            return
    bodies = [case.body for case in node.cases]
    havoc_bodies(vm, scope, bodies, f"match {scope.text(node.subject)}")


def _function(vm: Machine, scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    func: Func = define_function(vm, scope, node, node.name)
    vm.put(scope.names, node.name, func)


def _class(vm: Machine, scope: Scope, node: ast.ClassDef) -> None:
    vm.put(scope.names, node.name, define_class(vm, scope, node))


def _return(vm: Machine, scope: Scope, node: ast.Return) -> None:
    raise Return(vm.evaluate(scope, node.value) if node.value else NONE)


def _raise(vm: Machine, scope: Scope, node: ast.Raise) -> None:
    cause = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    raise Raised(exception_named(cause))


def _break(vm: Machine, scope: Scope, node: ast.Break) -> None:
    raise Break


def _continue(vm: Machine, scope: Scope, node: ast.Continue) -> None:
    raise Continue


def _global(vm: Machine, scope: Scope, node: ast.Global) -> None:
    scope.globals.update(node.names)


def _nonlocal(vm: Machine, scope: Scope, node: ast.Nonlocal) -> None:
    for name in node.names:
        at = scope.parent
        while at is not None and name not in at.names:
            at = at.parent
        if at is not None and scope.find(name) is not None:
            reason = "shared between functions"
            vm.put(at.names, name, Unknown(name, reason, location=scope.place(node)))


def _import(vm: Machine, scope: Scope, node: ast.Import | ast.ImportFrom) -> None:
    bind_import(vm, scope, node)


_STATEMENTS: dict[type[ast.stmt], Callable[[Machine, Scope, Any], None]] = {
    ast.AnnAssign: _annotated,
    ast.Assign: _assign,
    ast.AsyncFor: _loop,
    ast.AsyncFunctionDef: _function,
    ast.AsyncWith: _with,
    ast.AugAssign: _augmented,
    ast.Break: _break,
    ast.ClassDef: _class,
    ast.Continue: _continue,
    ast.Delete: _delete,
    ast.Expr: _expr,
    ast.For: _loop,
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
    ast.While: _loop,
    ast.With: _with,
}


PYTHON = Rules({**EXPRESSIONS, ast.Call: evaluate_call}, _execute, invoke)
