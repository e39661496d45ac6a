"""What the operators of SGLang's own tests and values do, for those that read them as data."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

MAX_SIZE = 10_000  # characters, items or bits of a value: a stranger's tree may ask for any

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: _plain(a) == _plain(b),
    "!=": lambda a, b: _plain(a) != _plain(b),
    "is": operator.is_,
    "is not": operator.is_not,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
    "<": lambda a, b: operator.lt(*_ordered(a, b)),
    "<=": lambda a, b: operator.le(*_ordered(a, b)),
    ">": lambda a, b: operator.gt(*_ordered(a, b)),
    ">=": lambda a, b: operator.ge(*_ordered(a, b)),
    "+": lambda a, b: operator.add(*_small(a, b)),
    "-": lambda a, b: operator.sub(*_small(a, b)),
    "*": lambda a, b: operator.mul(*_numbers(a, b)),
    "/": lambda a, b: operator.truediv(*_numbers(a, b)),
    "//": lambda a, b: operator.floordiv(*_numbers(a, b)),
    "&": lambda a, b: [v for v in a if v in b],  # of sets
    "%": lambda a, b: operator.mod(*_numbers(a, b)),
}
OPERATIONS: dict[str, Callable[..., Any]] = {
    **BINARY,
    "not": operator.not_,
    "list": lambda *a: list(a),
    "max": lambda *a: max(*a) if len(a) > 1 else max(a[0]),
    "min": lambda *a: min(*a) if len(a) > 1 else min(a[0]),
    "len": len,
    "int": int,
    "float": float,
    "str": lambda a: str(*_small(a)),
    "repr": lambda a: repr(*_small(a)),
    "bool": bool,
    "abs": abs,
    "lower": lambda a: a.lower(),
    "upper": lambda a: a.upper(),
    "strip": lambda a: a.strip(),
    "split": lambda a, *b: a.split(*b),
    "removeprefix": lambda a, b: a.removeprefix(b),
    "item": operator.getitem,
    "startswith": lambda a, b: a.startswith(tuple(b) if isinstance(b, list) else b),
    "endswith": lambda a, b: a.endswith(tuple(b) if isinstance(b, list) else b),
}
FAILURES = (LookupError, TypeError, ValueError, ZeroDivisionError, AttributeError, OverflowError)
"""What an operation raises whose operands aren't such as it takes."""


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _small(*values: Any) -> tuple[Any, ...]:
    """The values, where none of them is large. Raises ValueError."""
    for value in values:
        size = len(value) if isinstance(value, (str, list, tuple, dict)) else 0
        size = value.bit_length() if isinstance(value, int) else size
        if size > MAX_SIZE or (isinstance(value, (list, dict)) and any(map(_holds, value))):
            raise ValueError("too large")
    return values


def _holds(value: Any) -> bool:
    return isinstance(value, (list, tuple, dict))


def _ordered(*values: Any) -> tuple[Any, ...]:
    """The values, where they have an order: a list may stand for a set. Raises TypeError."""
    if any(isinstance(v, (list, dict)) for v in values):
        raise TypeError("no order")
    return values


def _numbers(*values: Any) -> tuple[Any, ...]:
    """The values, where they are numbers and not large. Raises TypeError or ValueError."""
    if not all(isinstance(v, (int, float)) for v in values):
        raise TypeError("no numbers")
    return _small(*values)
