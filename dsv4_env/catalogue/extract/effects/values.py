"""What the resolution of SGLang's source works with: expressions, and objects known by their use.

An expression is a list whose first item names the operation: ``["=", 256]`` a constant,
``["cfg", "page_size"]`` a field as it stands by then, ``["raw", "page_size"]`` as it was given,
``["env", NAME]`` a variable as SGLang reads it, ``["env?", NAME]`` whether it's set, ``["probe",
"is_hip"]`` a question to the platform, ``["hf", …]`` and ``["mc", …]`` an attribute of the model's
configuration, ``["t", n]`` the value of step *n*, ``["if", c, a, b]``, ``["not", a]``, ``["and",
…]``, ``["or", …]``, ``["list", …]``, ``["text", …]``, an operator with its operands, and ``["?",
text]`` what isn't translated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dsv4_env.catalogue.operations import BINARY, FAILURES

Expr: TypeAlias = list[Any]

TRUE: Expr = ["=", True]
FALSE: Expr = ["=", False]
NONE: Expr = ["=", None]
ABSENT: Expr = ["absent"]  # a key that a table doesn't have


@dataclass(frozen=True, slots=True)
class Known:
    """An object that is known by what it is: ``cfg``, ``raw``, ``hf``, ``mc``, ``platform``, …"""

    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enumeration: its class, and which it is, by its name."""

    owner: Known
    value: Any


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the source, with the module that its names belong to."""

    module: str
    node: Any


@dataclass(slots=True)
class Table:
    """A dictionary with constant keys, while it's being filled; *rest*: it has others, too.

    *places* are the files and lines that filled it, by key, under the same conditions.
    """

    items: dict[str, Any] = field(default_factory=dict)
    rest: bool = False
    places: dict[str, Expr] = field(default_factory=dict)

    def copy(self) -> Table:
        """A table that can be filled apart."""
        return Table(dict(self.items), self.rest, dict(self.places))

    def put(self, key: str, value: Any, at: str) -> None:
        """Give a key its value; *at* is the file and line that do."""
        self.items[key] = value
        self.places[key] = ["=", at]

    def take(self, other: Table) -> None:
        """Put in all that another table has."""
        self.items.update(other.items)
        self.places.update(other.places)


def is_constant(value: object) -> bool:
    """Whether an expression is a constant."""
    return isinstance(value, list) and value[0] == "="


def unknown(text: str) -> Expr:
    """What isn't translated, by its text."""
    return ["?", text[:80]]


def both(*parts: Expr) -> Expr:
    """All of the conditions, with what is constant decided."""
    left: list[Expr] = []
    for part in parts:
        if is_constant(part):
            if part[1] is False:
                return part
            if not part[1]:
                return part if not left else ["and", *left, part]
            continue
        left += part[1:] if part[0] == "and" else [part]
    if not left:
        return parts[-1] if parts else TRUE
    return left[0] if len(left) == 1 and len(parts) == 1 else _joined("and", left, parts)


def _joined(operation: str, left: list[Expr], parts: tuple[Expr, ...]) -> Expr:
    if is_constant(parts[-1]) and operation == "and" and parts[-1] != TRUE:
        left = [*left, parts[-1]]  # `x and 5` is 5 where x holds
    return left[0] if len(left) == 1 else [operation, *left]


def either(*parts: Expr) -> Expr:
    """One of the conditions, with what is constant decided."""
    left: list[Expr] = []
    for part in parts:
        if is_constant(part):
            if part[1] is True:
                return part
            if part[1]:
                return part if not left else ["or", *left, part]
            continue
        left += part[1:] if part[0] == "or" else [part]
    if not left:
        return parts[-1] if parts else FALSE
    if is_constant(parts[-1]) and parts[-1] != FALSE:
        left = [*left, parts[-1]]  # `x or None`
    return left[0] if len(left) == 1 else ["or", *left]


def negated(value: Expr) -> Expr:
    """The opposite of a condition."""
    if is_constant(value):
        return ["=", not value[1]]
    return value[1] if value[0] == "not" else ["not", value]


def listed(value: Any) -> Expr | None:
    """Several values as one expression; None where one of them is no expression."""
    if isinstance(value, list):
        return value
    if isinstance(value, tuple) and all(isinstance(v, list) for v in value):
        return ["list", *value]
    return None


def chosen(condition: Expr, one: Any, other: Any) -> Any:
    """One of two values, by a condition."""
    if is_constant(condition):
        return one if condition[1] else other
    if one == other:
        return one
    if isinstance(one, Member) or isinstance(other, Member):
        owner = one.owner if isinstance(one, Member) else other.owner
        values = [v.value if isinstance(v, Member) else v for v in (one, other)]
        return Member(owner, chosen(condition, *values))
    if isinstance(one, Table) and isinstance(other, Table):
        merged, places = (
            {k: chosen(condition, a.get(k, ABSENT), b.get(k, ABSENT)) for k in {**a, **b}}
            for a, b in ((one.items, other.items), (one.places, other.places))
        )
        return Table(merged, one.rest or other.rest, places)
    if isinstance(one, list) and isinstance(other, list):
        return ["if", condition, one, other]
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return tuple(chosen(condition, a, b) for a, b in zip(one, other, strict=True))
    lists = [listed(v) for v in (one, other)]
    if lists[0] is not None and lists[1] is not None:
        return ["if", condition, *lists]
    return unknown("one of two objects")


def items_of(value: Any) -> Any:
    """The items of a constant list as values of their own; anything else as it is."""
    if isinstance(value, list) and value[0] == "=" and isinstance(value[1], (list, tuple)):
        return tuple(["=", v] for v in value[1])
    return value


def or_default(value: Any, default: Any) -> Any:
    """A value of a table, with what stands for a key that it may not have."""
    if value == ABSENT:
        return default
    if has_absent(value):
        return ["if", value[1], or_default(value[2], default), or_default(value[3], default)]
    return value


def presence(value: Any) -> Expr:
    """Whether a key is there, by its value."""
    if value == ABSENT:
        return FALSE
    if isinstance(value, list) and value[0] == "if":
        ways = (both(value[1], presence(value[2])), both(negated(value[1]), presence(value[3])))
        return TRUE if not has_absent(value) else either(*ways)
    return TRUE


def has_absent(value: Any) -> bool:
    """Whether a value may be that of a key that isn't there."""
    return value == ABSENT or (
        isinstance(value, list) and value[0] == "if" and any(map(has_absent, value[2:]))
    )


def folded(value: Expr) -> Expr:
    """A comparison of constants decided."""
    operator, left, right = value
    if not (is_constant(left) and is_constant(right)):
        return value
    try:
        return ["=", BINARY[operator](left[1], right[1])]
    except FAILURES:
        return value
