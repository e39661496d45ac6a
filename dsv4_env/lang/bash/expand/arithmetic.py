"""Arithmetic of bash: 64-bit, with C's operators and variables that hold expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from dsv4_env.lang.bash.expand.fields import single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import FatalError, State
from dsv4_env.lang.bash.expand.values import Symbol, Text
from dsv4_env.lang.bash.expand.variables import (
    array_value,
    assign,
    assign_item,
    find_variable,
    havoc,
    is_set,
    scalar_value,
    settle,
    wrap,
)
from dsv4_env.lang.bash.syntax.nodes import Lit, Word

_TOKEN = re.compile(
    r"\s*(?:(\d+#[0-9A-Za-z@_]+|0[xX][0-9A-Fa-f]*|\d[0-9A-Za-z_]*)|([A-Za-z_]\w*)"
    r"|(<<=|>>=|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&^|]=|[-+*/%&^|~!<>=?:,()\[\]]))",
    re.ASCII,
)
_LEVELS = [
    ["||"],
    ["&&"],
    ["|"],
    ["^"],
    ["&"],
    ["==", "!="],
    ["<=", ">=", "<", ">"],
    ["<<", ">>"],
    ["+", "-"],
    ["*", "/", "%"],
]
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_"
MAX_OPERANDS = 2_000  # of one expression, those that variables stand for among them
WRITES = re.compile(
    r"(?<!\w)([A-Za-z_]\w*+)(?:\[(?:[^][]|\[[^][]*+\])*+\])?"
    r"\s*+(?:\+\+|--|(?:[-+*/%&^|]|<<|>>)?=(?!=))|(?:\+\+|--)\s*+([A-Za-z_]\w*)",
    re.ASCII,
)


class ArithmeticProblemError(ValueError):
    """The expression is wrong, as bash would say, or takes too much."""


@dataclass(slots=True, eq=False, repr=False)
class _Parser:
    tokens: list[tuple[str, str]]
    get: Callable[[str, str | None], str]
    put: Callable[[str, str | None, int], None]
    i: int = 0
    off: int = 0  # > 0 where the value isn't wanted (the side of && that isn't taken)
    depth: int = 0


def calculate(
    text: str,
    get: Callable[[str, str | None], str],
    put: Callable[[str, str | None, int], None],
    depth: int = 0,
) -> int:
    """The value of an expression. *get* and *put* reach variables by name and subscript."""
    tokens: list[tuple[str, str]] = []
    text = text.strip(" \t\n")
    pos = 0
    if depth > 20:
        raise ArithmeticProblemError
    while pos < len(text):
        m = _TOKEN.match(text, pos)
        if not m:
            raise ArithmeticProblemError
        pos = m.end()
        if m[1]:
            tokens.append(("n", m[1]))
        elif m[2]:
            tokens.append(("v", m[2]))
            if pos < len(text) and text[pos] == "[":
                close = _matching(text, pos)
                tokens[-1] = ("v", f"{m[2]}[{text[pos + 1 : close]}]")
                pos = close + 1
        else:
            tokens.append(("o", m[3]))
    if not tokens:
        return 0
    p = _Parser(tokens, get, put, depth=depth)
    value = _comma(p)
    if p.i < len(tokens):
        raise ArithmeticProblemError
    return value


def _matching(text: str, i: int) -> int:
    depth = 0
    for j in range(i, len(text)):
        depth += {"[": 1, "]": -1}.get(text[j], 0)
        if depth == 0:
            return j
    raise ArithmeticProblemError


def _op(p: _Parser, *ops: str) -> str:
    if p.i < len(p.tokens):
        kind, text = p.tokens[p.i]
        if kind == "o" and text in ops:
            p.i += 1
            return text
    return ""


def _comma(p: _Parser) -> int:
    value = _assignment(p)
    while _op(p, ","):
        value = _assignment(p)
    return value


def _assignment(p: _Parser) -> int:
    if p.i + 1 < len(p.tokens) and p.tokens[p.i][0] == "v":
        kind, text = p.tokens[p.i + 1]
        if kind == "o" and (
            text == "=" or (text[-1] == "=" and text not in ("==", "!=", "<=", ">="))
        ):
            name = p.tokens[p.i][1]
            p.i += 2
            value = _assignment(p)
            if text != "=":
                value = _apply(p, text[:-1], _read(p, name), value)
            _write(p, name, value)
            return value
    return _ternary(p)


def _ternary(p: _Parser) -> int:
    test = _binary(p, 0)
    if not _op(p, "?"):
        return test
    p.off += not test
    yes = _comma(p)
    p.off -= not test
    if not _op(p, ":"):
        raise ArithmeticProblemError
    p.off += bool(test)
    no = _assignment(p)
    p.off -= bool(test)
    return yes if test else no


def _binary(p: _Parser, level: int) -> int:
    if level == len(_LEVELS):
        return _power(p)
    value = _binary(p, level + 1)
    while op := _op(p, *_LEVELS[level]):
        if op in ("&&", "||"):
            skip = bool(value) is (op == "||")
            p.off += skip
            right = _binary(p, level + 1)
            p.off -= skip
            value = (
                int(bool(value) and bool(right)) if op == "&&" else int(bool(value) or bool(right))
            )
        else:
            value = _apply(p, op, value, _binary(p, level + 1))
    return value


def _power(p: _Parser) -> int:
    base = _unary(p)
    if _op(p, "**"):
        exponent = _power(p)
        if p.off:
            return 0
        if exponent < 0:
            raise ArithmeticProblemError
        return wrap(pow(base, exponent, 2**64))
    return base


def _apply(p: _Parser, op: str, a: int, b: int) -> int:
    if p.off:
        return 0
    if op in ("/", "%"):
        if b == 0:
            raise ArithmeticProblemError
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return wrap(quotient if op == "/" else a - quotient * b)
    if op in ("<<", ">>"):
        return wrap(a << (b & 63)) if op == "<<" else a >> (b & 63)
    simple: dict[str, Callable[[], int]] = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "&": lambda: a & b,
        "|": lambda: a | b,
        "^": lambda: a ^ b,
        "==": lambda: int(a == b),
        "!=": lambda: int(a != b),
        "<": lambda: int(a < b),
        ">": lambda: int(a > b),
        "<=": lambda: int(a <= b),
        ">=": lambda: int(a >= b),
    }
    return wrap(simple[op]())


def _unary(p: _Parser) -> int:
    p.depth += 1
    if p.depth > 200:
        raise ArithmeticProblemError
    try:
        op = _op(p, "!", "~", "+", "-", "++", "--")
        if not op:
            return _primary(p)
        if op in ("++", "--"):
            if p.i < len(p.tokens) and p.tokens[p.i][0] == "v":
                name = p.tokens[p.i][1]
                p.i += 1
                value = wrap(_read(p, name) + (1 if op == "++" else -1))
                _write(p, name, value)
                return value
            return _unary(p)
        value = _unary(p)
        return {"!": int(not value), "~": ~value, "+": value, "-": wrap(-value)}[op]
    finally:
        p.depth -= 1


def _primary(p: _Parser) -> int:
    if _op(p, "("):
        value = _comma(p)
        if not _op(p, ")"):
            raise ArithmeticProblemError
        return value
    if p.i >= len(p.tokens):
        raise ArithmeticProblemError
    kind, text = p.tokens[p.i]
    p.i += 1
    if kind == "n":
        return _number(text)
    if kind != "v":
        raise ArithmeticProblemError
    value = _read(p, text)
    step = _op(p, "++", "--")
    if step:
        _write(p, text, wrap(value + (1 if step == "++" else -1)))
    return value


def _number(text: str) -> int:
    base, digits = 10, text
    if "#" in text:
        before, digits = text.split("#")
        base = int(before)
    elif text[:2] in ("0x", "0X"):
        base, digits = 16, text[2:]
    elif text[0] == "0":
        base = 8
    if not 2 <= base <= 64:
        raise ArithmeticProblemError
    value = 0
    if len(digits) > 1_000:
        raise ArithmeticProblemError
    for ch in digits:
        digit = _DIGITS.index(ch)
        if base <= 36 and digit >= 36:
            digit -= 26
        if digit >= base:
            raise ArithmeticProblemError
        value = wrap(value * base + digit)
    return value


def _read(p: _Parser, name: str) -> int:
    if p.off:
        return 0
    name, _, sub = name.partition("[")
    text = p.get(name, sub[:-1] if sub else None)
    if len(text) < 100 and re.fullmatch(r"-?[1-9]\d*|0|", text):
        return wrap(int(text or "0"))
    return calculate(text, p.get, p.put, p.depth + 1)


def _write(p: _Parser, name: str, value: int) -> None:
    if p.off:
        return
    name, _, sub = name.partition("[")
    p.put(name, sub[:-1] if sub else None, value)


def arithmetic(vm: Machine, state: State, expr: Word, text: str) -> Text:
    """Evaluate ``$((…))`` to text or a Symbol. Raises FatalError where bash refuses it."""
    code = single(vm, state, _unquoted(expr))
    if isinstance(code, Symbol):
        _lost_writes(vm, state, text)
        return vm.derived(text, [code, "arithmetic", text])
    return evaluated(vm, state, code, text)


def _unquoted(expr: Word) -> Word:
    """The expression without its double quotes; those that variables hold stay, and are wrong."""
    if not any(isinstance(p, Lit) and '"' in p.text for p in expr.parts):
        return expr
    parts = [
        replace(p, text=p.text.replace('"', "")) if isinstance(p, Lit) else p for p in expr.parts
    ]
    return replace(expr, parts=parts, plain=None)


class _UnknownOperandError(ValueError):
    def __init__(self, value: Symbol) -> None:
        self.value = value


def evaluated(vm: Machine, state: State, code: str, text: str) -> Text:
    """The value of an expression whose text is known."""
    asked = 0
    vm.budget.step(count=4 + (len(code) >> 2))

    def get(name: str, sub: str | None) -> str:
        nonlocal asked
        value: Text
        asked += 1
        if asked > MAX_OPERANDS:
            raise _UnknownOperandError(vm.unknown(text, "it asks for too much", ("sum", code)))
        vm.budget.step(count=4)
        var = find_variable(vm, state, name)
        if var is None or var.kind == "":
            if "nounset" in state.opts:
                raise FatalError
            return ""
        if var.maybe and "nounset" not in state.opts and is_set(state, var) is None:
            value = settle(state, var.value)
        elif sub is None:
            value = scalar_value(vm, state, name)
        else:
            key = sub if var.kind == "A" else str(calculate(sub, get, put))
            value = array_value(vm, state, name, var, key)
        if isinstance(value, Symbol):
            raise _UnknownOperandError(value)
        return value

    def put(name: str, sub: str | None, value: int) -> None:
        if sub is None:
            assign(vm, state, name, str(value))
        else:
            var = find_variable(vm, state, name)
            key = sub if var is not None and var.kind == "A" else str(calculate(sub, get, put))
            assign_item(vm, state, name, key, str(value))

    try:
        return str(calculate(code, get, put))
    except _UnknownOperandError as problem:
        operand = problem.value
    except ArithmeticProblemError:
        _lost_writes(vm, state, code)
        raise FatalError(discard=not _unbound(vm, state, code)) from None
    if not any(_possible(code, get, guess) for guess in ("1", "2")):
        _lost_writes(vm, state, code)
        raise FatalError(discard=True)  # whatever the unknown operands are
    _lost_writes(vm, state, code)
    operands: list[Text] = []
    names = re.findall(r"[A-Za-z_]\w*", code)
    for name in names:
        found = scalar_value(vm, state, name)
        operands.append(found)
    default = _default_of(operands, names, code) if not WRITES.search(code) else None
    shown = text if len(text) < 200 else f"$((…{operand.text}…))"
    return vm.derived(shown, [operand, code, *operands], default=default)


def _unbound(vm: Machine, state: State, code: str) -> bool:
    """Whether the text of a variable in a wrong expression begins with an unset one (set -u)."""
    if "nounset" not in state.opts:
        return False
    texts = [scalar_value(vm, state, name) for name in re.findall(r"[A-Za-z_]\w*", code)]
    first = [re.search(r"[A-Za-z_]\w*", t) for t in texts if isinstance(t, str)]
    return any(
        m is not None and is_set(state, find_variable(vm, state, m[0])) is False for m in first
    )


def _possible(code: str, get: Callable[[str, str | None], str], guess: str) -> bool:
    """Whether an expression can be evaluated where unknown operands are *guess*."""

    def guessed(name: str, sub: str | None) -> str:
        try:
            return get(name, sub)
        except _UnknownOperandError:
            return guess

    try:
        calculate(code, guessed, lambda _name, _sub, _value: None)
    except ArithmeticProblemError:
        return False
    except _UnknownOperandError:
        pass  # in a subscript
    return True


def _default_of(operands: list[Text], names: list[str], code: str) -> str | None:
    known: dict[str, str] = {}
    for name, value in zip(names, operands, strict=True):
        text = value if isinstance(value, str) else value.default
        if text is None:
            return None
        known[name] = text
    try:
        return str(calculate(code, lambda n, s: known[n] if s is None else _no(), _no_put))
    except (ArithmeticProblemError, KeyError, _UnknownOperandError):
        return None


def _no() -> str:
    raise ArithmeticProblemError


def _no_put(_name: str, _sub: str | None, _value: int) -> None:
    raise ArithmeticProblemError


def _lost_writes(vm: Machine, state: State, code: str) -> None:
    names = [n for groups in WRITES.findall(code) for n in groups if n]
    if names:
        havoc(
            vm,
            state,
            list(dict.fromkeys(names)),
            "set by arithmetic that isn't known",
            default=False,
        )
