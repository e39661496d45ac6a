"""CI suites that a test file registers itself for."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from dsv4_env.lang.python.syntax.text import decoded, parse, source_of
from dsv4_env.lang.python.syntax.trees import callee
from dsv4_env.model import Location


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


def read_ci(data: str | bytes, path: str = "<file>") -> list[CiRegistration]:
    """The CI suites that a file registers itself for, in source order.

    Raises ReadError where the data isn't Python.
    """
    text = decoded(data, path)
    tree = parse(text, path)
    lines = source_of(text, path)
    found: list[CiRegistration] = []
    for node in tree.body:
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call):
            continue
        name = callee(call)
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
