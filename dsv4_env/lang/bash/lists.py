"""Operators on ``$@`` and on all elements of an array."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsv4_env.lang.bash import operators, params
from dsv4_env.lang.bash import words as w
from dsv4_env.lang.bash.lookup import find, is_set, ordered, scalar, separators
from dsv4_env.lang.bash.state import FatalError, Run, State
from dsv4_env.lang.bash.syntax import Lit, Param, Word
from dsv4_env.model import Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsv4_env.lang.bash.words import Piece
from dsv4_env.lang.bash.special import positional

MAX_VALUES = 30_000  # that a list stands for


def ragged_edge(found: Sequence[Piece]) -> bool:
    """Whether text stands right beside something that may be no words at all."""
    said = [p for p in found if p is None or p[0] != ""]
    for i, piece in enumerate(said):
        if piece is not None and isinstance(piece[0], Unknown) and piece[0].splits:
            beside = [said[j] for j in (i - 1, i + 1) if 0 <= j < len(said)]
            if any(b is not None for b in beside):
                return True
    return False


def whole(run: Run, word: Word, found: Sequence[Piece], *, splits: bool) -> Unknown:
    """A word of which bash's own reading decides what it is."""
    text = "".join(p.text for p in word.parts)
    values = [p[0] for p in found if p is not None]
    return run.derived(text, [text, *values], splits=splits)


def mixed(word: Word) -> bool:
    """Whether ``"$@"`` stands beside an expansion without quotes: where words aren't split, bash
    then splits some all the same."""
    params = [p for p in word.parts if isinstance(p, Param) and not p.kind]
    lists = [p for p in params if p.name == "@" or (p.sub is not None and p.sub.plain == "@")]
    return any(p.quoted for p in lists) and any(not p.quoted for p in params)


def blanks_beside(found: Sequence[Piece], ifs: Value) -> bool:
    """Whether blanks at the ends of values meet an IFS of blanks and more: bash's own affair."""
    if not isinstance(ifs, str) or not ifs.strip(" \t\n") or not re.search(r"[ \t\n]", ifs):
        return False
    many = any(p is None or p[1] == "*" for p in found)
    ends = (p[0] for p in found if p is not None and p[1] == "E" and isinstance(p[0], str))
    return many and any(v != v.strip(" \t\n") for v in ends)


def vanishing(word: Word, found: Sequence[Piece]) -> bool:
    """Whether a quoted word may be none: ``"$@$x"``, where all in the same quotes is empty."""
    parts = [p for p in word.parts if isinstance(p, Param) and p.quoted]
    many = any(p.name == "@" or (p.sub is not None and p.sub.plain == "@") for p in parts)
    return (
        many
        and len(word.parts) > 1
        and not any(isinstance(p, Lit) for p in word.parts)
        and any(p is not None and p[1] == "Q" for p in found)
        and all(p is not None and (isinstance(p[0], Unknown) or not p[0]) for p in found)
    )


def star(sub: Word | None) -> bool:
    """Whether a subscript is ``*``."""
    return sub is not None and len(sub.parts) == 1 and getattr(sub.parts[0], "text", "") == "*"


def many(run: Run, state: State, values: list[Value], form: str, part: Param) -> list[Piece]:
    """Several values: each a word of its own, or joined."""
    run.budget.step(count=len(values) >> 1)
    if len(values) > 1_000 and len(values) > run.most(MAX_VALUES):
        text = run.derived(part.text, [part.text, str(len(values)), *values[:8]], splits=True)
        return [(text, "Q" if part.quoted else "E")]
    if not part.quoted:
        out: list[Piece] = []
        between: Piece = ("", "*") if form == "*" else None
        for value in values:
            out += [(value, "E"), between]
        return out[:-1]
    if form == "*":
        ifs = separators(state, run)
        if isinstance(ifs, Unknown):
            return [(run.derived(part.text, [ifs, *values]), "Q")]
        joined: list[Value] = []
        for value in values:
            if joined:
                joined.append(ifs[:1])
            if isinstance(value, Unknown) and value.splits:
                value = run.derived(value.text, [value, "joined"])
            joined.append(value)
        return [(run.join(joined) if joined else "", "Q")]
    quoted: list[Piece] = []
    for value in values:
        quoted += [(value, "Q"), None]
    return quoted[:-1]


def on_list(run: Run, state: State, part: Param, values: list[Value], form: str) -> list[Piece]:
    """Operators on ``$@`` and ``${array[@]}``."""
    op = part.op
    if not op:
        return many(run, state, values, form, part)
    ragged = any(isinstance(v, Unknown) and v.splits for v in values)
    if op[-1] in "-=?+" and op[0] in ":-=?+":
        some = bool(values)
        if ragged and len(values) == 1:
            first = values[0]
            if op[-1] == "+":
                if part.arg is not None and _same_list(part):
                    return many(run, state, values, form, part)
                text = run.derived(part.text, [first, "plus"], splits=True)
                return [(text, "Q" if part.quoted else "E")]
            if op[-1] == "?":
                return many(run, state, values, form, part)
            return [(run.derived(part.text, [first, "default"], splits=True), "E")]
        if op[0] == ":" and all(v == "" for v in values):
            some = len(values) > 1
        if op[-1] == "+":
            return params.argument(run, state, part) if some else []
        if some:
            return many(run, state, values, form, part)
        if op[-1] in "?=":
            raise FatalError
        return params.argument(run, state, part)
    if op == ":":
        return _slice(run, state, part, values, form, ragged)
    if ragged or (op[0] == "@" and op[1] not in "QULu"):
        text = run.derived(part.text, [*values, op], splits=True)
        return [(text, "Q" if part.quoted else "E")]
    done = [operators.transform(run, state, part, v, True) for v in values]
    return many(run, state, done, form, part)


def _same_list(part: Param) -> bool:
    """``${a[@]+"${a[@]}"}``, the guard that older bashes need under ``set -u``."""
    inner = part.arg.parts if part.arg is not None else []
    one = inner[0] if len(inner) == 1 else None
    return (
        isinstance(one, Param)
        and one.name == part.name
        and not one.op
        and not one.kind
        and one.quoted
        and one.sub is not None
        and one.sub.plain == "@"
    )


def _slice(
    run: Run, state: State, part: Param, values: list[Value], form: str, ragged: bool
) -> list[Piece]:
    numbers: list[int] = []
    var = find(state, run, part.name) if part.name not in ("@", "*") else None
    if var is not None and var.kind == "s":  # no array: its text is cut, not its elements
        text = scalar(state, run, part.name)
        cut = operators.transform(run, state, part, text, is_set(state, var))
        if form == "@" and isinstance(cut, Unknown):
            cut = run.derived(part.text, [cut, "word"], splits=True)
        return [] if form == "@" and cut == "" else [(cut, "Q" if part.quoted else "E")]
    for arg in (part.arg, part.arg2):
        if arg is not None:
            code = w.single(run, state, arg)
            number = (
                w.evaluated(run, state, code, f"$(({code}))") if isinstance(code, str) else code
            )
            if isinstance(number, Unknown):
                ragged = True
                break
            numbers.append(int(number))
    if ragged and not (
        numbers == [1]
        and part.name == "@"
        and values
        and not (isinstance(values[0], Unknown) and values[0].splits)
    ):
        text = run.derived(part.text, [*values, "slice", *map(str, numbers)], splits=True)
        return [(text, "Q" if part.quoted else "E")]
    start = numbers[0]
    size = numbers[1] if len(numbers) > 1 else None
    if part.name in ("@", "*"):
        zero = positional(run, state, "0")[1]
        values = [zero, *values]
        keys = list(range(len(values)))
    else:
        keys = [int(k) for k in ordered(var.items)] if var is not None and var.items else [0]
    if start < 0:
        start += keys[-1] + 1 if keys else 0
    if start < 0:
        return []
    if size is not None and size < 0:
        raise FatalError
    chosen = [v for k, v in zip(keys, values, strict=False) if k >= start]
    return many(run, state, chosen if size is None else chosen[:size], form, part)
