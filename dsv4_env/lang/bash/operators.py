"""Operators of ``${…}``: removal, replacement, case, substrings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsv4_env.lang.bash import words as w
from dsv4_env.lang.bash.patterns import CannotTranslateError, affordable, glob
from dsv4_env.lang.bash.state import MAX_TEXT, FatalError, Run, State
from dsv4_env.model import Unknown, Value
from dsv4_env.model.quoting import sh

if TYPE_CHECKING:
    from dsv4_env.lang.bash.syntax import Param


def transform(run: Run, state: State, part: Param, value: Value, present: bool | None) -> Value:
    """Removal, replacement, case, substring and ``@`` operators."""
    op = part.op
    arguments: list[Value] = []
    for arg in (part.arg, part.arg2):
        if arg is None:
            continue
        if op == ":":
            expr = w.single(run, state, arg)
            if isinstance(expr, str):
                expr = w.evaluated(run, state, expr, f"$(({expr}))")
            arguments.append(expr)
            continue
        found = w.segments(run, state, arg)
        if isinstance(found, (str, Unknown)):
            arguments.append(found)
        else:
            arguments.append("".join(t for t, _ in found))
    unknowns = [a for a in arguments if isinstance(a, Unknown)]
    if isinstance(value, Unknown) or unknowns:
        default = None
        source = value.default if isinstance(value, Unknown) else value
        if source is not None and not unknowns:
            try:
                default = _apply(run, state, part, source, present)
            except (CannotTranslateError, FatalError):
                default = None
        base = [value, *arguments, op]
        return run.derived(part.text, base, default=default)
    try:
        return _apply(run, state, part, value, present)
    except CannotTranslateError:
        return run.unknown(
            part.text,
            "a pattern or locale whose meaning isn't certain",
            ("transform", part.text, value, *arguments),
        )


def _apply(run: Run, state: State, part: Param, value: str, present: bool | None) -> str:
    op = part.op
    run.made(len(value))
    run.budget.step(count=len(value) >> 5)
    if op == ":" and present is False:
        return ""
    if op == ":":
        return _substring(run, state, part, value)
    if op[0] == "@":
        return _quoted(op[1], value, present)
    if part.arg is None or not value.isascii():
        raise CannotTranslateError
    found = w.segments(run, state, part.arg)
    assert isinstance(found, list)
    extended = "extglob" in state.opts
    flags = re.DOTALL | (re.IGNORECASE if "nocasematch" in state.opts else 0)
    if op[0] == "#":
        prefix = glob(found, extended=extended, lazy=op == "#")
        affordable(run.budget, prefix, value)
        m = re.compile(prefix, flags).match(value)
        return value[m.end() :] if m else value
    if op[0] == "%":
        suffix = glob(found, extended=extended)
        affordable(run.budget, suffix, value, len(value))
        regex = re.compile(suffix, flags)
        starts = range(len(value), -1, -1) if op == "%" else range(len(value) + 1)
        return next((value[:i] for i in starts if regex.fullmatch(value, i)), value)
    if op[0] == "/" and present is False:
        return ""
    if op[0] == "/":
        return _replaced(run, state, part, value, found, flags)
    if op[0] not in "^,":
        raise CannotTranslateError
    test = re.compile(glob(found, extended=extended) if part.arg.parts else ".", flags)
    change = str.upper if op[0] == "^" else str.lower
    if len(op) == 2:
        return "".join(change(ch) if test.fullmatch(ch) else ch for ch in value)
    return change(value[:1]) + value[1:] if value and test.fullmatch(value[0]) else value


def _replaced(
    run: Run, state: State, part: Param, value: str, found: list[tuple[str, bool]], flags: int
) -> str:
    new: list[tuple[str, bool]] = []
    if part.arg2 is not None:
        second = w.segments(run, state, part.arg2)
        assert isinstance(second, list)
        new = second
    if any("&" in t and not q for t, q in new):  # bash 5.2: the match; before: itself
        raise CannotTranslateError
    if any("\\" in t and not q for t, q in new):
        raise CannotTranslateError
    text = "".join(t for t, _ in new)
    regex = glob(found, extended="extglob" in state.opts)
    affordable(run.budget, regex, value, len(value))
    if not "".join(t for t, _ in found):
        if part.op in ("/#", "/%"):
            return text + value if part.op == "/#" else value + text
        return value
    if part.op == "/#":
        return re.sub(rf"\A(?:{regex})", lambda _: text, value, count=1, flags=flags)
    if part.op == "/%":
        pattern = re.compile(regex, flags)
        start = next((i for i in range(len(value) + 1) if pattern.fullmatch(value, i)), None)
        return value if start is None else value[:start] + text
    if not value:
        return text if re.fullmatch(regex, "", flags) else value
    count = 0 if part.op == "//" else 1
    pieces: list[str] = []
    pos, done, size = 0, 0, 0
    pattern = re.compile(regex, flags)
    while pos < len(value):
        m = pattern.search(value, pos)
        if not m or (count and done):
            break
        if m.end() == m.start():
            raise CannotTranslateError
        size += m.start() - pos + len(text)
        if size > MAX_TEXT:
            raise CannotTranslateError
        pieces += [value[pos : m.start()], text]
        pos = m.end()
        done += 1
    run.made(size + len(value) - pos)
    return "".join(pieces) + value[pos:]


def _substring(run: Run, state: State, part: Param, value: str) -> str:
    if not value.isascii():
        raise CannotTranslateError
    numbers: list[int] = []
    for arg in (part.arg, part.arg2):
        if arg is not None:
            code = w.single(run, state, arg)
            number = w.evaluated(run, state, str(code), "") if isinstance(code, str) else code
            if isinstance(number, Unknown):
                raise CannotTranslateError
            numbers.append(int(number))
    start = numbers[0]
    if start < 0:
        start += len(value)
        if start < 0:
            return ""
    if start > len(value):
        return ""
    end = len(value)
    if len(numbers) > 1:
        end = len(value) + numbers[1] if numbers[1] < 0 else start + numbers[1]
        if end < start:
            raise FatalError(discard=True)
    return value[start:end]


def _quoted(how: str, value: str, present: bool | None) -> str:
    if how == "Q":
        if present is False:
            return ""
        if not value.isascii() or not value.isprintable():
            raise CannotTranslateError
        return sh(value)
    if not value.isascii() or how not in "ULu":
        raise CannotTranslateError
    return {"U": value.upper(), "L": value.lower(), "u": value[:1].upper() + value[1:]}[how]
