"""What changes the process's environment for a while."""

from __future__ import annotations

import ast
from typing import Any

from dsv4_env.lang.python import objects, scan
from dsv4_env.lang.python.calls import taint
from dsv4_env.lang.python.expr import evaluate
from dsv4_env.lang.python.run import Run
from dsv4_env.lang.python.values import NOTHING, Const, Map, Scope, truth


def patched(run: Run, scope: Scope, node: ast.expr) -> tuple[Map, dict[str, Any]] | None:
    """``patch.dict(os.environ, {…})`` and ``envs.NAME.override(…)``, undone when the block ends."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    func = node.func
    if func.attr == "dict" and scope.source.text(func.value).split(".")[-1] == "patch":
        if not node.args:
            return None
        owner = evaluate(run, scope, node.args[0])
        if isinstance(owner, Const) and owner.value == "os.environ":
            owner = run.environ
        if not isinstance(owner, Map):
            return None
        old = {n: getattr(owner, n) for n in ("log", "inherits", "gone")}
        keywords = {k.arg: k.value for k in node.keywords if k.arg}
        clear = keywords.pop("clear", None)
        cleared = False if clear is None else truth(evaluate(run, scope, clear))
        if cleared:
            run.set(owner, "log", NOTHING)
            run.set(owner, "inherits", False)
        elif cleared is None:
            taint(run, scope, owner, node, "it may have been cleared")
        values = [*node.args[1:2], *(keywords.pop(k) for k in ("values",) if k in keywords)]
        for value in values:
            objects.merge(run, scope, owner, evaluate(run, scope, value), value)
        for name, value in keywords.items():
            key = Const(name, scope.source.place(value))
            objects.put_item(run, scope, owner, key, evaluate(run, scope, value), value)
        return owner, old
    if func.attr == "override" and isinstance(func.value, ast.Attribute) and node.args:
        old = {"log": run.environ.log}
        given = evaluate(run, scope, node.args[0])
        if scan.set_through(run, scope, evaluate(run, scope, func.value), given, node):
            return run.environ, old
    return None
