"""What loops go over: those of comprehensions, and those that change it meanwhile."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from dsv4_env.lang.python import objects
from dsv4_env.lang.python.expr import bounded, evaluate, iterated, splitting, unknown
from dsv4_env.lang.python.run import Run
from dsv4_env.lang.python.values import Map, Scope, Seq, Val, truth
from dsv4_env.model import Unknown


def comprehension(
    run: Run, scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Val:
    """The list, set or dict that a comprehension makes; a generator counts as a list."""
    where = scope.source.place(node)
    inner = Scope({}, scope, scope.source, scope.module, "function", scope.qualname)
    if isinstance(node, ast.DictComp):
        found = Map(where=where)

        def pair(unsure: Unknown | None) -> None:
            key, value = evaluate(run, inner, node.key), evaluate(run, inner, node.value)
            objects.put_item(run, inner, found, unsure or key, value, node.key)

        _over(run, inner, node.generators, 0, pair, node)
        return found
    items: list[Val] = []

    def one(unsure: Unknown | None) -> None:
        items.append(unsure or evaluate(run, inner, node.elt))

    _over(run, inner, node.generators, 0, one, node)
    kind = "set" if isinstance(node, ast.SetComp) else "list"
    return Seq(bounded(items, scope, node), kind, where)


def extend(run: Run, scope: Scope, node: ast.GeneratorExp, target: Seq) -> None:
    """``target.extend(… for …)``: each item is there before the next is asked for."""
    inner = Scope({}, scope, scope.source, scope.module, "function", scope.qualname)

    run.set(target, "items", target.items)  # undone once, for all that follows

    def one(unsure: Unknown | None) -> None:
        item = unsure or evaluate(run, inner, node.elt)
        run.budget.make(8 * len(target.items))
        target.items = bounded((*target.items, item), scope, node)

    _over(run, inner, node.generators, 0, one, node)


def _over(
    run: Run,
    scope: Scope,
    generators: list[ast.comprehension],
    at: int,
    each: Callable[[Unknown | None], None],
    node: ast.expr,
) -> None:
    """Go over the loops of a comprehension; *each* gets an Unknown for what can't be told."""
    if at == len(generators):
        run.step()
        run.spend(3)
        each(None)
        return
    loop = generators[at]
    for item in iterated(run, scope, evaluate(run, scope, loop.iter), loop.iter):
        if isinstance(item, Unknown) and item.splits:
            _maybe(run, scope, generators[at:], node, scope.source.text(loop.iter))
            each(splitting(unknown(scope, node, item.reason, item)))
            continue
        objects.assign(run, scope, loop.target, item)
        known = [truth(evaluate(run, scope, test)) for test in loop.ifs]
        if False in known:
            continue
        if None in known:
            _maybe(run, scope, generators[at + 1 :], node, scope.source.text(loop.ifs[0]))
            each(splitting(unknown(scope, node, "depends on what isn't known")))
            continue
        _over(run, scope, generators, at + 1, each, node)


def _maybe(
    run: Run, scope: Scope, loops: list[ast.comprehension], node: ast.expr, text: str
) -> None:
    """What a comprehension changes where nobody knows how often, or whether, it goes on."""
    from dsv4_env.lang.python.unsettled import unsettle_values

    inner: list[ast.expr] = [n for loop in loops for n in (loop.iter, *loop.ifs)]
    if isinstance(node, ast.DictComp):
        inner += [node.key, node.value]
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        inner.append(node.elt)
    for loop in loops:
        objects.assign(run, scope, loop.target, unknown(scope, loop.target, f"one of {text}"))
    unsettle_values(run, scope, [inner], text, rounds=2)


def looped(run: Run, scope: Scope, value: Val, node: ast.expr) -> Iterator[Val]:
    """The items of a loop: of a list also those that the loop itself adds."""
    items = iterated(run, scope, value, node)
    most = len(items) + 1000
    at = 0
    while at < len(items):
        yield items[at]
        at += 1
        if not isinstance(value, Seq) or value.items is items or value.kind != "list":
            continue
        items = value.items
        if len(items) > most or any(isinstance(i, Unknown) and i.splits for i in items):
            yield splitting(unknown(scope, node, "the loop changes what it goes over"))
            return
