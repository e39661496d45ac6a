"""``[ … ]``, ``test`` and ``[[ … ]]``: decided where they can be, or a condition to fork on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dsv4_env.guard.files import is_dir, is_file, leads_somewhere, looked_at
from dsv4_env.lang.bash.expand.arithmetic import evaluated
from dsv4_env.lang.bash.expand.decisions import empty_condition, require, set_condition
from dsv4_env.lang.bash.expand.fields import numeric, segments, single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.patterns import CannotTranslateError, affordable, ere, glob
from dsv4_env.lang.bash.expand.state import FatalError, State, Undecided, Var
from dsv4_env.lang.bash.expand.values import Symbol, Text, identity
from dsv4_env.lang.bash.expand.variables import find_variable, is_set, ragged_array
from dsv4_env.lang.bash.syntax.nodes import CondExpr, Word
from dsv4_env.model.condition import Test

_FILES = frozenset(f"-{c}" for c in "abcdefghkprstuwxGLNOS")
_UNARY = _FILES | {"-z", "-n", "-v", "-o", "-R"}
_NUMBERS = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_STRINGS = frozenset({"=", "==", "!=", "<", ">", "=~"})
_OTHER = frozenset({"-nt", "-ot", "-ef"})
_SORTED = re.compile(r"[0-9a-z]*")
_INTEGER = re.compile(r"[ \t\n]*[-+]?\d{1,1000}[ \t]*")


class TestProblemError(ValueError):
    """bash says the test is wrong: status 2."""


def shown_value(value: Text) -> str:
    """A value as a condition shows it: a variable by its name, text in quotes."""
    if isinstance(value, str):
        return f'"{value}"'
    m = re.fullmatch(r"\$\{(\w+)\}", value.text)
    return m[1] if m else value.text


def quoted_operand(value: Text) -> str:
    """A value as the operand of a unary test."""
    if isinstance(value, str):
        return f'"{value}"'
    m = re.fullmatch(r"\$\{(\w+)\}", value.text)
    return f'"${m[1]}"' if m else f'"{value.text}"'


def is_empty(vm: Machine, state: State, value: Text) -> bool:
    """``-z``."""
    if isinstance(value, str):
        return not value
    if numeric(value) or value.filled:
        return False
    known = empty_condition(value)
    text = quoted_operand(value)
    return require(vm, state, Undecided(known.key, Test(text, "empty"), known.solves, value))


def equal(vm: Machine, state: State, left: Text, right: Text) -> bool:
    """``=`` of two strings."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if left is right:
        return True
    if isinstance(left, str):
        left, right = right, left
    assert isinstance(left, Symbol)
    if right == "":
        return is_empty(vm, state, left)
    solves = (left, right) if isinstance(right, str) else None
    text = shown_value(right)
    pair = (
        tuple(sorted([str(identity(left)), str(identity(right))]))
        if solves is None
        else (left.number, right)
    )
    return require(
        vm, state, Undecided(("equal", *pair), Test(shown_value(left), "=", text), solves)
    )


def _equal_pattern(vm: Machine, state: State, value: Text, pattern: Text) -> bool:
    """Whether a value is what a pattern without special characters says: in any case, if so set.

    ``shopt -s nocasematch`` counts here, and not for ``[ = ]``.
    """
    if "nocasematch" not in state.opts:
        return equal(vm, state, value, pattern)
    if isinstance(value, str) and isinstance(pattern, str) and (value + pattern).isascii():
        return value.lower() == pattern.lower()
    told = f"{shown_value(value)} == {shown_value(pattern)} in any case"
    return _require(vm, state, told, ("match", identity(value), identity(pattern), "nocase"))


def matches_pattern(
    vm: Machine, state: State, value: Text, pattern: Word, *, extended: bool
) -> bool:
    """Whether a value matches the pattern that a word is (``case``, ``[[ == ]]``)."""
    if pattern.plain is not None:
        return _equal_pattern(vm, state, value, pattern.plain)
    found = segments(vm, state, pattern)
    if not isinstance(found, list):
        if all(getattr(p, "quoted", False) for p in pattern.parts):
            return _equal_pattern(vm, state, value, found)
        return _require(
            vm,
            state,
            f"{shown_value(value)} == {shown_value(found)}",
            ("match", identity(value), identity(found)),
        )
    text = "".join(t for t, _ in found)
    if not any(re.search(r"[*?\[\\(]", t) for t, q in found if not q):
        return _equal_pattern(vm, state, value, text)
    if all(set(t) <= {"*"} and not q for t, q in found if t):
        return True
    try:
        regex = glob(found, extended=extended)
        affordable(vm.budget, regex, value if isinstance(value, str) else "")
    except CannotTranslateError:
        regex = ""
    if isinstance(value, Symbol) or not regex or not value.isascii():
        return _require(
            vm, state, f"{shown_value(value)} == {text}", ("match", identity(value), tuple(found))
        )
    flags = re.DOTALL | (re.IGNORECASE if "nocasematch" in state.opts else 0)
    return re.fullmatch(regex, value, flags) is not None


def _require(vm: Machine, state: State, text: str, key: tuple[object, ...]) -> bool:
    return require(vm, state, Undecided(key, Test(text)))


def _file(vm: Machine, state: State, op: str, value: Text) -> bool:
    if isinstance(value, str) and vm.root is not None and value.startswith("/"):
        path = Path(value)
        if op in ("-e", "-f", "-a", "-d") and vm.below_root(path):
            looked_at(path)
            if (op == "-f" and is_file(path)) or (op == "-d" and is_dir(path)):
                return True
            if op in ("-e", "-a") and leads_somewhere(path):
                return True
    if value == "":
        return False
    key = ("file", op, identity(value), state.seq)
    return _require(vm, state, f"{op} {quoted_operand(value)}", key)


def _unary(vm: Machine, state: State, op: str, value: Text, text: str) -> bool:
    if op == "-z":
        return is_empty(vm, state, value)
    if op == "-n":
        return not is_empty(vm, state, value)
    if op == "-v":
        return _is_set(vm, state, value, text)
    if op == "-o" and isinstance(value, str):
        return value in state.opts
    if op == "-t":
        return _require(vm, state, text, ("tty", identity(value)))
    if op in _FILES:
        return _file(vm, state, op, value)
    return _require(vm, state, text, ("unary", op, identity(value), state.seq))


def _is_set(vm: Machine, state: State, value: Text, text: str) -> bool:
    known: bool | None = None
    var: Var | None = None
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII):
        var = find_variable(vm, state, value)
        known = is_set(state, var)
    elif isinstance(value, str) and (m := re.fullmatch(r"([A-Za-z_]\w*)\[(\w{1,1000})\]", value)):
        var = find_variable(vm, state, m[1])
        if var is None or var.kind == "":
            known = False
        elif var.kind in ("a", "A") and not ragged_array(var) and var.items is not None:
            known = (m[2] if var.kind == "A" else int(m[2]) if m[2].isdigit() else -1) in var.items
    if known is not None:
        return known
    if var is not None and var.kind == "s" and isinstance(var.value, Symbol):
        return require(vm, state, set_condition(var.value))
    return _require(vm, state, text, ("isset", identity(value), state.seq))


def _compare(
    vm: Machine, state: State, op: str, left: Text, right: Text, text: str, *, double: bool
) -> bool:
    if double:
        left, right = (_number(vm, state, v) for v in (left, right))
    if isinstance(left, str) and isinstance(right, str):
        for value in (left, right):
            if not _INTEGER.fullmatch(value):
                raise TestProblemError
        return bool(_NUMBERS[op](int(left), int(right)))
    if left is right and numeric(left) if isinstance(left, Symbol) else False:
        return op in ("-eq", "-le", "-ge")
    return _require(vm, state, text, ("number", op, identity(left), identity(right)))


def _number(vm: Machine, state: State, value: Text) -> Text:
    if isinstance(value, Symbol):
        return value
    try:
        return evaluated(vm, state, value, f"$(({value}))")
    except FatalError as fatal:
        if fatal.discard:  # only the test fails
            raise TestProblemError from None
        raise


def _order(vm: Machine, state: State, op: str, left: Text, right: Text, text: str) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        if left == right:
            return False
        if _SORTED.fullmatch(left) and _SORTED.fullmatch(right):
            return left < right if op == "<" else left > right
    return _require(vm, state, text, ("order", op, identity(left), identity(right)))


def test_status(vm: Machine, state: State, args: Sequence[Text], text: str) -> int:
    """The status of ``[`` or ``test`` with these words."""
    if any(isinstance(a, Symbol) and a.splits for a in args):
        words = " ".join(a if isinstance(a, str) else a.text for a in args)
        key = ("test", *map(identity, args), *([state.seq] if _FILES & set(args) else []))
        return 0 if _require(vm, state, words, key) else 1
    try:
        return 0 if _test(vm, state, list(args), text) else 1
    except TestProblemError:
        return 2


def _test(vm: Machine, state: State, args: list[Text], text: str) -> bool:
    size = len(args)
    if size == 0:
        return False
    if size == 1:
        return not is_empty(vm, state, args[0])
    if size == 2:
        if args[0] == "!":
            return not _test(vm, state, args[1:], text)
        if isinstance(args[0], str) and args[0] in _UNARY | {"-t"}:
            return _unary(vm, state, args[0], args[1], _spelled_test(args))
        raise TestProblemError
    if size == 3:
        op = args[1]
        if (
            isinstance(op, str)
            and (op in _NUMBERS or op in _STRINGS or op in _OTHER)
            and (op != "=~")
        ):
            return _binary(vm, state, op, args[0], args[2])
        if op == "-a":
            return _test(vm, state, args[:1], text) and _test(vm, state, args[2:], text)
        if op == "-o":
            return _test(vm, state, args[:1], text) or _test(vm, state, args[2:], text)
        if args[0] == "!":
            return not _test(vm, state, args[1:], text)
        if args[0] == "(" and args[2] == ")":
            return _test(vm, state, args[1:2], text)
        raise TestProblemError
    if size == 4:
        if args[0] == "!":
            return not _test(vm, state, args[1:], text)
        if args[0] == "(" and args[3] == ")":
            return _test(vm, state, args[1:3], text)
    value, rest = _or(vm, state, args)
    if rest:
        raise TestProblemError
    return value


def _spelled_test(args: Sequence[Text]) -> str:
    return " ".join(
        a if isinstance(a, str) and i == 0 else quoted_operand(a) for i, a in enumerate(args)
    )


def _binary(vm: Machine, state: State, op: str, left: Text, right: Text) -> bool:
    text = f"{shown_value(left)} {op} {shown_value(right) if isinstance(right, Symbol) else right}"
    if op in ("=", "=="):
        return equal(vm, state, left, right)
    if op == "!=":
        return not equal(vm, state, left, right)
    if op in _NUMBERS:
        return _compare(vm, state, op, left, right, text, double=False)
    if op in ("<", ">"):
        return _order(vm, state, op, left, right, text)
    return _require(vm, state, text, ("files", op, identity(left), identity(right), state.seq))


def _or(vm: Machine, state: State, args: list[Text]) -> tuple[bool, list[Text]]:
    value, rest = _and(vm, state, args)
    while rest and rest[0] == "-o":
        right, rest = _and(vm, state, rest[1:])
        value = value or right
    return value, rest


def _and(vm: Machine, state: State, args: list[Text]) -> tuple[bool, list[Text]]:
    value, rest = _term(vm, state, args)
    while rest and rest[0] == "-a":
        right, rest = _term(vm, state, rest[1:])
        value = value and right
    return value, rest


def _term(vm: Machine, state: State, args: list[Text]) -> tuple[bool, list[Text]]:
    if not args:
        raise TestProblemError
    if args[0] == "!":
        value, rest = _term(vm, state, args[1:])
        return not value, rest
    if args[0] == "(":
        value, rest = _or(vm, state, args[1:])
        if not rest or rest[0] != ")":
            raise TestProblemError
        return value, rest[1:]
    if (
        len(args) >= 3
        and isinstance(args[1], str)
        and (args[1] in _NUMBERS or args[1] in _STRINGS or args[1] in _OTHER)
    ):
        return _binary(vm, state, args[1], args[0], args[2]), args[3:]
    if len(args) >= 2 and isinstance(args[0], str) and args[0] in _UNARY:
        return _unary(vm, state, args[0], args[1], _spelled_test(args[:2])), args[2:]
    return not is_empty(vm, state, args[0]), args[1:]


def conditional_holds(vm: Machine, state: State, expr: CondExpr) -> bool:
    """The truth of ``[[ … ]]``."""
    op, left, right = expr.op, expr.left, expr.right
    if op == "and" or op == "or":
        assert isinstance(left, CondExpr)
        assert isinstance(right, CondExpr)
        first = conditional_holds(vm, state, left)
        if first is (op == "or"):
            return first
        return conditional_holds(vm, state, right)
    if op == "not":
        assert isinstance(left, CondExpr)
        return not conditional_holds(vm, state, left)
    assert isinstance(left, Word)
    value = single(vm, state, left)
    if right is None:
        return _unary(vm, state, op, value, f"{op} {quoted_operand(value)}")
    assert isinstance(right, Word)
    if op in ("=", "=="):
        return matches_pattern(vm, state, value, right, extended=True)
    if op == "!=":
        return not matches_pattern(vm, state, value, right, extended=True)
    if op == "=~":
        return _regex(vm, state, value, right)
    other = single(vm, state, right)
    text = f"{shown_value(value)} {op} {shown_value(other) if isinstance(other, Symbol) else other}"
    if op in _NUMBERS:
        return _compare(vm, state, op, value, other, text, double=True)
    if op in ("<", ">"):
        return _order(vm, state, op, value, other, text)
    return _require(vm, state, text, ("files", op, identity(value), identity(other), state.seq))


def _regex(vm: Machine, state: State, value: Text, pattern: Word) -> bool:
    found = segments(vm, state, pattern)
    text = "".join(t for t, _ in found) if isinstance(found, list) else shown_value(found)
    label = f"{shown_value(value)} =~ {text}"
    key = ("regex", identity(value), tuple(found) if isinstance(found, list) else identity(found))
    state.vars["BASH_REMATCH"] = Var(
        "a",
        value=vm.unknown(
            "${BASH_REMATCH[@]}", "a match that isn't known", ("rematch", *key), splits=True
        ),
    )
    if isinstance(value, Symbol) or not isinstance(found, list) or not value.isascii():
        return _require(vm, state, label, key)
    try:
        regex = ere(found)
        affordable(vm.budget, regex.pattern, value, len(value))
        if "nocasematch" in state.opts:
            raise CannotTranslateError
    except CannotTranslateError:
        return _require(vm, state, label, key)
    m = regex.search(value)
    if m is None:
        state.vars["BASH_REMATCH"] = Var("a", items={})
        return False
    whole = m.span() == (0, len(value)) and regex.groups == 0
    if "|" not in text and ("?" not in text or whole):  # what it captures is surely the same
        items: dict[int | str, Text] = {0: m[0]}
        items.update({i + 1: g or "" for i, g in enumerate(m.groups())})
        state.vars["BASH_REMATCH"] = Var("a", items=items)
    return True
