"""What isn't known any more once statements may have run: they, and all that they call."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeAlias

from dsv4_env.lang.python.interp.machine import Break, Continue, Machine, Raised, Return, TooMuch
from dsv4_env.lang.python.interp.targets import assign_to
from dsv4_env.lang.python.syntax.effects import changes_of, first_simple
from dsv4_env.lang.python.values.kinds import (
    BoundMethod,
    ClassValue,
    Const,
    Func,
    Instance,
    Map,
    MapEntry,
    ReadModule,
    Scope,
    Seq,
    splits,
)
from dsv4_env.lang.python.values.operations import widen_value
from dsv4_env.lang.python.values.store import Identity
from dsv4_env.model import Unknown

_Bodies: TypeAlias = Sequence[Sequence[ast.AST]]
_MAX_TRIAL = 2_000  # to find out what one body changes
_Changed = dict[tuple[Identity, Any], tuple[Any, Any, Unknown | MapEntry | None, ast.AST]]
"""Object and name that were changed, why they aren't known at once, and by which statement."""


def havoc_bodies(
    vm: Machine, scope: Scope, bodies: _Bodies, text: str, *, leaving: bool = True, rounds: int = 1
) -> None:
    """Whatever one of some bodies may set or change isn't known from here on; it may also return.

    *text* is what that depends on; *rounds* is 2 for a body that runs more than once.
    """
    body = tuple(node for each in bodies for node in each)
    if not body:
        return
    changed = changes_of(body)
    vm.spend(10 + 2 * len(changed.names) + 2 * len(changed.objects))
    hidden = vm.reach.hides(body, changed, vm.spend)
    found = _trial(vm, scope, bodies, rounds) if hidden else {}
    mark = len(vm.trail)
    reason = f"depends on `{text}`"
    for name, node in changed.names.items():
        vm.put(scope.names, name, Unknown(name, reason, location=scope.place(node)))
    for owner in changed.objects:
        widen_value(vm, scope, vm.evaluate(scope, owner), owner, reason)
    for target in changed.attributes:
        assign_to(vm, scope, target, scope.unknown(target, reason))
    done = set(vm.changed_since(mark))
    _widen_all(vm, scope, {k: v for k, v in found.items() if k not in done}, text)
    if hidden and rounds > 1 and not vm.mode.trying and (done or found):
        done |= set(found)  # tests that held at first may not, now
        more = _trial(vm, scope, bodies, 1)
        _widen_all(vm, scope, {k: v for k, v in more.items() if k not in done}, text)
    if not leaving:
        return
    if changed.returns and _leaves(vm, body[0], f"`{text}` returns"):
        value = Unknown("…", reason, location=scope.place(body[0]))
        raise Return(value, "" if vm.mode.forking else text)
    breaks = changed.breaks and vm.mode.forking
    if breaks and _leaves(vm, body[0], f"`{text}` breaks off"):
        raise Break


def havoc_expressions(
    vm: Machine, scope: Scope, bodies: _Bodies, text: str, *, rounds: int = 1
) -> None:
    """Do as :func:`havoc_bodies` for expressions: all that they change is by calls."""
    body = tuple(node for each in bodies for node in each)
    changed = changes_of(body)
    if changed.names or changed.objects or vm.reach.hides(body, changed, vm.spend):
        _widen_all(vm, scope, _trial(vm, scope, bodies, rounds), text)


def havoc_since(vm: Machine, scope: Scope, mark: int, node: ast.AST, text: str) -> None:
    """What was changed since the trail was *mark* long: nobody knows when, or whether, it is."""
    changed = vm.changed_since(mark)
    found = {k: (obj, k[1], _cause(obj, k[1]), node) for k, obj in changed.items()}
    _widen_all(vm, scope, found, text)


def havoc_all(vm: Machine, scope: Scope, node: ast.AST, text: str) -> None:
    """Nothing that can be changed is known from here on: code that isn't read may reach it all."""
    found: _Changed = {}
    _everything(vm, scope, [[node]], found)
    _widen_all(vm, scope, found, text)
    reason = f"depends on `{text}`"
    tables: list[dict[str, Any]] = []
    at: Scope | None = scope
    while at is not None:
        if isinstance(at.first, Instance):
            tables += [at.first.attrs, *_of_class(at.first.cls)]
        elif at.first is not None:
            tables += _of_class(at.first)
        if at.kind == "module":
            tables.append(at.names)
        at = at.parent
    for table in tables:
        vm.spend(len(table) >> 2)
        for name in [n for n, v in table.items() if isinstance(v, Const)]:
            vm.put(table, name, Unknown(name, reason, location=scope.place(node)))


def _of_class(value: Any) -> list[dict[str, Any]]:
    return [value.names] if isinstance(value, ClassValue) else []


def _leaves(vm: Machine, node: ast.AST, text: str) -> bool:
    return not vm.mode.forking or vm.decide(("leaves", node, len(vm.path)), text)


def _trial(vm: Machine, scope: Scope, bodies: _Bodies, rounds: int) -> _Changed:
    """What the bodies change where they are followed, each from how things are now."""
    before = vm.mode
    trying = before.trying or rounds > 1  # loops within it are gone over again by it
    mark, steps = len(vm.trail), vm.steps
    outermost = before.most is None
    most = (
        steps + _MAX_TRIAL if outermost else before.most
    )  # as many on each path: all decide alike
    found: _Changed = {}
    with vm.following(forking=False, recording=False, trying=trying, most=most, tail=False):
        try:
            for body in bodies:
                for _ in range(1 if before.trying else rounds):
                    _follow_body(vm, scope, body, found)
                vm.undo(mark)
        except TooMuch:
            if not outermost:
                raise
            vm.undo(mark)
            _everything(vm, scope, bodies, found)
        finally:
            vm.undo(mark)
            if outermost:
                vm.tried += vm.steps - steps
                vm.steps = steps
    return found


def _everything(vm: Machine, scope: Scope, bodies: _Bodies, found: _Changed) -> None:
    """All lists and dicts that can be reached: there is too much to follow to tell which change."""
    node = next(node for each in bodies for node in each)
    pending: list[Any] = [scope, vm.environ, *vm.modules.values()]
    seen: set[Identity] = set()
    while pending:
        each = pending.pop()
        itself = Identity(each)
        if itself in seen:
            continue
        seen.add(itself)
        if len(seen) & 7 == 0:
            vm.spend(1)
        if isinstance(each, Map | Seq):
            cause = _cause(each, None)  # what isn't known stays as it is
            found.setdefault((itself, None), (each, None, cause, node))
        if isinstance(each, Scope):
            pending += [*each.names.values(), each.parent, each.first]
        elif isinstance(each, Map):
            pending += [e.value for e in each.log]
        elif isinstance(each, Seq):
            pending += each.items
        elif isinstance(each, Instance):
            pending += [*each.attrs.values(), each.cls]
        elif isinstance(each, ClassValue | ReadModule | Func):
            pending.append(each.scope)
        elif isinstance(each, BoundMethod):
            pending += [each.func, each.first]


def _follow_body(vm: Machine, scope: Scope, body: Sequence[ast.AST], found: _Changed) -> None:
    for node in body:
        mark = len(vm.trail)
        going = True
        try:
            if isinstance(node, ast.stmt):
                vm.execute(scope, [node])
            elif isinstance(node, ast.expr):
                vm.evaluate(scope, node)
        except Return as returned:
            going = bool(returned.unsure)
        except (Raised, Break, Continue):
            going = False
        for key, obj in vm.changed_since(mark).items():
            if key not in found:
                found[key] = obj, key[1], _cause(obj, key[1]), node
        if not going:
            return


def _cause(obj: Any, name: Any) -> Unknown | MapEntry | None:
    """Why what was changed isn't known even where the change was made."""
    value = obj.get(name) if isinstance(obj, dict) else None
    if isinstance(obj, Seq) and len(obj.items) == 1:
        value = obj.items[0] if splits(obj.items[0]) else None
    if isinstance(obj, Map) and len(obj.log) and obj.log[-1].key is None:
        return obj.log[-1]
    return value if isinstance(value, Unknown) else None


def _widen_all(vm: Machine, scope: Scope, found: _Changed, text: str) -> None:
    """From here on what was changed isn't known."""
    reason = f"depends on `{text}`"
    for obj, name, cause, node in found.values():
        if isinstance(obj, dict):
            where = scope.place(node)
            vm.put(obj, name, cause or Unknown(str(name), reason, location=where))
        elif isinstance(obj, Seq) and cause:
            vm.set(obj, "items", (cause,))
        elif not isinstance(obj, Map) or not isinstance(cause, MapEntry):
            widen_value(vm, scope, obj, first_simple(node), reason)
        elif not len(obj.log) or obj.log[-1] is not cause:
            vm.set(obj, "log", obj.log.and_more(cause))
