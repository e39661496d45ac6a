"""``$name`` and ``${…}``: every form of parameter expansion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsv4_env.lang.bash import lists, operators
from dsv4_env.lang.bash import words as w
from dsv4_env.lang.bash.lookup import (
    OWN,
    element,
    elements,
    find,
    highest,
    is_set,
    ordered,
    ragged_array,
    scalar,
    settle,
    unknown_array,
)
from dsv4_env.lang.bash.state import FatalError, Run, State, Var, refused
from dsv4_env.lang.bash.syntax import Param, Word
from dsv4_env.lang.bash.variables import assign, assign_item, integer
from dsv4_env.lang.bash.ways import contradicts, require
from dsv4_env.model import Unknown, Value

if TYPE_CHECKING:
    from dsv4_env.lang.bash.words import Piece
from dsv4_env.lang.bash.special import (
    Found,
    all_params,
    empty_condition,
    ident,
    note_required,
    own_params,
    positional,
    script,
    set_condition,
    take,
)

MAX_PLUS = 5  # decisions of one command on `${name:+…}`: what more of them give isn't known
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def expand(run: Run, state: State, part: Param) -> list[Piece]:
    """The pieces of a parameter expansion."""
    kind = "Q" if part.quoted else "E"
    if not part.kind and not part.op and part.sub is None:
        name = part.name
        if name in ("@", "*"):
            return lists.many(run, state, all_params(run, state), name, part)
        if _NAME.match(name):
            var = state.vars.get(name)
            if var is not None and var.kind == "s" and not var.maybe:
                return [(settle(state, var.value), kind)]
        present, value = lookup(run, state, part)
        if present is not True and "nounset" in state.opts and name not in "@*":
            _must(run, state, part, present, value)
        return [(settle(state, value), kind)]
    if part.kind == "*":
        names = sorted(n for n, v in state.vars.items() if n.startswith(part.name) and v.kind)
        if state.open:
            text = [
                run.unknown(
                    part.text,
                    "the variables outside decide",
                    ("prefix", part.name, tuple(names)),
                    splits=True,
                )
            ]
            return [(text[0], kind)]
        return lists.many(run, state, list(names), part.op, part)
    if part.kind == "#":
        return [(_length(run, state, part), kind)]
    if part.kind == "!":
        return _indirect(run, state, part)
    listed = _list_of(run, state, part)
    if listed is not None:
        return lists.on_list(run, state, part, *listed)
    present, value = lookup(run, state, part)
    return _operate(run, state, part, present, settle(state, value))


def _list_of(run: Run, state: State, part: Param) -> tuple[list[Value], str] | None:
    if part.name in ("@", "*"):
        return all_params(run, state), part.name
    if (part.sub is not None and part.sub.plain in ("@", "*")) or lists.star(part.sub):
        form = "*" if lists.star(part.sub) else "@"
        return elements(state, run, part.name), form
    return None


def key_of(run: Run, state: State, name: str, sub: Word) -> str | Unknown:
    """The subscript as a key: text for an associative array, a number as text otherwise."""
    var = find(state, run, name)
    text = w.single(run, state, sub)
    if var is not None and var.kind == "A":
        return text
    if isinstance(text, Unknown):
        return text
    return integer(run, state, text)


def nothing(run: Run, state: State, word: Word) -> bool:
    """Whether an expansion in quotes gives nothing beside other text.

    As the subject or pattern of a ``case``, some releases of bash (5.2) then see a character there
    if it has an operator, as in ``"${V#a}"x``.
    """
    parts = [p for p in word.parts if isinstance(p, Param) and p.quoted and p.op]
    if len(word.parts) < 2 or not any(p.op.lstrip(":")[:1] not in "-?+" for p in parts):
        return False
    probe = state.copy()
    return any(w.single(run, probe, Word([p], word.pos, word.end)) == "" for p in parts)


def lookup(run: Run, state: State, part: Param, *, length: bool = False) -> Found:
    """Whether a parameter is set, and its value; *length*: it's only asked how long that is."""
    name = part.name
    if not _NAME.match(name):
        return positional(run, state, name)
    var = find(state, run, name)
    if part.sub is None:
        if name == "BASH_SOURCE" and name not in state.vars:
            return True, script(run, state, "${BASH_SOURCE[0]}")
        return is_set(state, var), scalar(state, run, name)
    if name == "BASH_SOURCE" and name not in state.vars and part.sub.plain == "0":
        return True, script(run, state, part.text)
    if name in OWN and name not in state.vars:
        return True, run.unknown(part.text, "set by bash itself", ("own", part.text))
    key = key_of(run, state, name, part.sub)
    if isinstance(key, str) and not _reaches(var, key):
        if "errexit" in state.opts or (length and var is not None and var.kind):
            raise refused(state)
        return False, ""
    if var is None or var.kind == "":
        return False, ""
    if isinstance(key, Unknown):
        return None, run.derived(part.text, [key, part.text, *(var.items or {}).values()])
    value = element(state, run, name, var, key)
    if var.kind == "s":
        return (is_set(state, var) if key == "0" else False), value
    if var.items is None or (var.kind == "a" and ragged_array(var)):
        return (True if isinstance(value, str) and value else None), value
    if var.kind == "a" and int(key) < 0:
        key = str(int(key) + highest(var.items) + 1)
    return (key if var.kind == "A" else int(key)) in var.items, value


def _reaches(var: Var | None, key: str) -> bool:
    """Whether an index is none that counts back too far, as all do but in arrays."""
    if not key.startswith("-") or (var is not None and var.kind == "A"):
        return True
    if var is None or var.kind != "a":
        return False
    return ragged_array(var) or int(key) + highest(var.items or {}) >= -1


def _must(run: Run, state: State, part: Param, present: bool | None, value: Value) -> None:
    """Under ``set -u`` (or for ``:?``) the parameter has to be there for the script to go on."""
    if present is None and value == "":  # known to be empty, or unset
        var = find(state, run, part.name)
        value = var.value if var is not None else value
    if present is False or not isinstance(value, Unknown):
        if present is False:
            raise FatalError
        return
    location = state.source.place(0) if state.source.at else None
    note_required(state, value, location)
    state.decided.setdefault(("set", id(value)), True)
    run.cache.setdefault(("keep", id(value)), value)


def _length(run: Run, state: State, part: Param) -> Value:
    whole = part.sub is not None and (part.sub.plain == "@" or lists.star(part.sub))
    var = find(state, run, part.name) if whole and _NAME.match(part.name) else None
    if var is not None and var.kind == "a" and var.items is not None and not ragged_array(var):
        return str(len(var.items))
    listed = _list_of(run, state, part)
    if listed is not None:
        values = listed[0]
        if "nounset" in state.opts and _NAME.match(part.name):
            if var is None or var.kind == "":
                raise FatalError(discard=True)
            if var.kind == "s" and is_set(state, var) is None:
                _must(run, state, part, None, var.value)
                return "1"
        if var is not None and var.items is not None and not ragged_array(var):
            return str(len(var.items))
        if any(isinstance(v, Unknown) and v.splits for v in values):
            return run.unknown(part.text, "a number", ("length", *map(ident, values)))
        return str(len(values))
    present, value = lookup(run, state, part, length=True)
    if present is not True and "nounset" in state.opts:
        _must(run, state, part, present, value)
    value = settle(state, value)
    if isinstance(value, Unknown):
        default = None if value.default is None else str(len(value.default))
        names = value.names
        return run.unknown(
            part.text, "a number", ("length", id(value)), names=names, default=default
        )
    if not value.isascii():
        return run.unknown(part.text, "the locale decides how long this is", ("length", value))
    return str(len(value))


def _indirect(run: Run, state: State, part: Param) -> list[Piece]:
    kind = "Q" if part.quoted else "E"
    if part.sub is not None and (part.sub.plain == "@" or lists.star(part.sub)) and not part.op:
        var = find(state, run, part.name)
        if var is None or var.kind == "":
            return [("", "Q")] if part.quoted and lists.star(part.sub) else []
        if var.kind == "s" and var.maybe:
            unset, key = "not set in the script", ("keys", part.name)
            splits = not (part.quoted and lists.star(part.sub))
            found = run.unknown(part.text, unset, key, names=(part.name,), splits=splits)
            return [(found, kind)]
        if var.kind == "s":
            return [("0", kind)]
        if ragged_array(var) or (var.kind == "A" and len(var.items or {}) > 1):
            return [(unknown_array(state, run, part.name, var, "[keys]"), kind)]
        keys = ordered(var.items or {}) if var.kind == "a" else list(var.items or {})
        form = "*" if lists.star(part.sub) else "@"
        return lists.many(run, state, [str(k) for k in keys], form, part)
    _present, target = lookup(run, state, Param(part.name, part.quoted, part.text, "", part.sub))
    target = settle(state, target)
    if isinstance(target, Unknown):
        note_required(state, target, None)  # it's an error where it's unset
        state.decided.setdefault(("set", id(target)), True)
        return [(run.derived(part.text, [target, "indirect"]), kind)]
    if not target:
        raise refused(state)
    m = re.fullmatch(r"([A-Za-z_]\w*|\d+|[@*#?])(?:\[(.*)\])?", target, re.ASCII)
    if m is None:
        raise FatalError
    sub = None
    if m[2] is not None:
        from dsv4_env.lang.bash.syntax import Lit

        if "$" in m[2] or "`" in m[2]:
            return [(run.unknown(part.text, "an indirect subscript", ("sub", target)), kind)]
        sub = Word([Lit(m[2], False)], 0, 0, m[2])
    other = Param(m[1], part.quoted, part.text, "", sub, part.op, part.arg, part.arg2)
    return expand(run, state, other)


def _operate(
    run: Run, state: State, part: Param, present: bool | None, value: Value
) -> list[Piece]:
    """One value with an operator."""
    op, kind = part.op, "Q" if part.quoted else "E"
    run.budget.step(count=4)
    if not op:
        if present is not True and "nounset" in state.opts:
            _must(run, state, part, present, value)
        return [(value, kind)]
    if op[-1] in "-=?+" and op[0] in ":-=?+":
        return _default(run, state, part, present, value)
    if present is not True and "nounset" in state.opts:
        _must(run, state, part, present, value)
    return [(operators.transform(run, state, part, value, present), kind)]


def _default(
    run: Run, state: State, part: Param, present: bool | None, value: Value
) -> list[Piece]:
    op, colon = part.op[-1], part.op[0] == ":"
    kind = "Q" if part.quoted else "E"
    given = present
    if colon:
        if isinstance(value, str):
            given = bool(value) if present is not False else False
        elif present is not False:
            empty = state.decided.get(("empty", id(value)))
            given = None if empty is None else not empty
    if given is None:
        assert isinstance(value, Unknown) or not colon
        return _undecided(run, state, part, value, colon=colon)
    if op == "+":
        return argument(run, state, part) if given else [("", "Q")] if part.quoted else []
    if given:
        return [(value, kind)]
    if op == "-":
        return argument(run, state, part)
    if op == "?":
        raise FatalError
    new = w.single(run, state, part.arg) if part.arg else ""
    _set(run, state, part, new)
    return [(settle(state, lookup(run, state, part)[1]), kind)]


def _set(run: Run, state: State, part: Param, value: Value) -> None:
    if not _NAME.match(part.name):
        raise FatalError
    if part.sub is not None:
        assign_item(state, run, part.name, key_of(run, state, part.name, part.sub), value)
    else:
        assign(state, run, part.name, value)


def argument(run: Run, state: State, part: Param) -> list[Piece]:
    """The pieces of the word behind an operator (``${x:-word}``)."""
    if part.arg is None or not part.arg.parts:
        return [("", "Q")] if part.quoted else []
    found = w.pieces(run, state, part.arg)
    if part.quoted:
        return [p and (p[0], "Q") for p in found] or [("", "Q")]
    return [p and (p[0], "E" if p[1] == "L" else p[1]) for p in found]


def _undecided(run: Run, state: State, part: Param, value: Value, *, colon: bool) -> list[Piece]:
    """An outside variable with a default: the default is known, what it is isn't."""
    op, kind = part.op[-1], "Q" if part.quoted else "E"
    if op == "?":
        if isinstance(value, Unknown):
            note_required(state, value, state.source.place(part_place(part)))
            take(run, state, value, colon=colon)
        return [(value, kind)]
    if op == "+":
        if not isinstance(value, Unknown):
            return [(run.unknown(part.text, "not known to be set", ("plus", part.text)), kind)]
        condition = empty_condition(value) if colon else set_condition(value)
        if run.forks >= MAX_PLUS and contradicts(state, condition) is None:
            some = run.derived(part.text, [value, "plus"], splits=not part.quoted)
            return [(some, kind)]
        answer = require(state, run, condition)
        given = not answer if colon else answer
        return argument(run, state, part) if given else [("", "Q")] if part.quoted else []
    run.budget.step(count=4)
    probe = state.copy()
    arg = w.single(run, probe, part.arg) if part.arg else ""
    base = (
        value
        if isinstance(value, Unknown)
        else run.unknown(part.text, "not known to be set", ("maybe", part.text, value))
    )
    if isinstance(arg, Unknown) and part.arg is not None:
        arg_default = arg.default
    else:
        arg_default = arg if isinstance(arg, str) else None
    if base.default is not None:
        default = base.default or (arg_default if colon else "")
    else:
        outer = base is run.outside.get(f"{state.world}:{part.name}") or (
            part.name.isdigit() and own_params(state)
        )
        default = arg_default if outer and not state.tainted else None
    var = state.vars.get(part.name)
    if op == "=" and var is not None and (var.integer or var.case or var.vague):
        default = None  # it's set to something else than the text
    names = tuple(dict.fromkeys((*base.names, *(arg.names if isinstance(arg, Unknown) else ()))))
    shown = arg if isinstance(arg, str) else arg.text
    inner = base.text[2:-1] if re.fullmatch(r"\$\{\w+\}", base.text) else base.text
    text = f"${{{inner}{':' if colon else ''}-{shown}}}"
    if not re.fullmatch(r"\w+", inner):
        text = part.text
    found = run.unknown(
        text, base.reason, ("default", colon, id(base), ident(arg)), names=names, default=default
    )
    held = state.vars.get(part.name)
    if op == "=" and held is not None and held.readonly:  # it has to be set outside, then
        if isinstance(value, Unknown):
            note_required(state, value, state.source.place(part_place(part)))
            take(run, state, value, colon=colon)
        return [(value, kind)]
    if op == "=":
        _set(run, state, part, found)
    return [(settle(state, found), kind)]


def part_place(part: Param) -> int:
    """Where a parameter expansion stands; its own node doesn't say."""
    return getattr(part.arg, "pos", 0) if part.arg is not None else 0
