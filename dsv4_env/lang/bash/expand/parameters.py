"""``$name`` and ``${…}``: every form of parameter expansion, of values and of lists."""

from __future__ import annotations

import re

from dsv4_env.lang.bash.expand.arithmetic import evaluated
from dsv4_env.lang.bash.expand.decisions import (
    contradicts,
    empty_condition,
    note_required,
    require,
    set_condition,
    take_for_granted,
)
from dsv4_env.lang.bash.expand.fields import is_star, segments, single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.patterns import CannotTranslateError, affordable, glob
from dsv4_env.lang.bash.expand.state import MAX_TEXT, FatalError, Piece, State, Var, refusal
from dsv4_env.lang.bash.expand.values import Symbol, Text, identity
from dsv4_env.lang.bash.expand.variables import (
    OWN,
    Lookup,
    all_params,
    array_value,
    array_values,
    assign,
    assign_item,
    find_variable,
    highest,
    integer,
    is_set,
    own_params,
    positional,
    ragged_array,
    scalar_value,
    script_path,
    separators,
    settle,
    sorted_keys,
    unknown_array,
)
from dsv4_env.lang.bash.syntax.nodes import Lit, Param, Word
from dsv4_env.model.quoting import sh

MAX_PLUS = 5  # decisions of one command on `${name:+…}`: what more of them give isn't known
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
MAX_VALUES = 30_000  # that a list stands for


def expand_parameter(vm: Machine, state: State, part: Param) -> list[Piece]:
    """The pieces of a parameter expansion."""
    kind = "Q" if part.quoted else "E"
    if not part.kind and not part.op and part.sub is None:
        name = part.name
        if name in ("@", "*"):
            return list_pieces(vm, state, all_params(vm, state), name, part)
        if _NAME.match(name):
            var = state.vars.get(name)
            if var is not None and var.kind == "s" and not var.maybe:
                return [(settle(state, var.value), kind)]
        present, value = look_up(vm, state, part)
        if present is not True and "nounset" in state.opts and name not in "@*":
            _must(vm, state, part, present, value)
        return [(settle(state, value), kind)]
    if part.kind == "bad":
        raise refusal(state)
    if part.kind == "*":
        names = sorted(n for n, v in state.vars.items() if n.startswith(part.name) and v.kind)
        if state.open:
            text = [
                vm.unknown(
                    part.text,
                    "the variables outside decide",
                    ("prefix", part.name, tuple(names)),
                    splits=True,
                )
            ]
            return [(text[0], kind)]
        return list_pieces(vm, state, list(names), part.op, part)
    if part.kind == "#":
        return [(_length(vm, state, part), kind)]
    if part.kind == "!":
        return _indirect(vm, state, part)
    listed = _list_of(vm, state, part)
    if listed is not None:
        return on_list(vm, state, part, *listed)
    present, value = look_up(vm, state, part)
    return _operate(vm, state, part, present, settle(state, value))


def _list_of(vm: Machine, state: State, part: Param) -> tuple[list[Text], str] | None:
    if part.name in ("@", "*"):
        return all_params(vm, state), part.name
    if (part.sub is not None and part.sub.plain in ("@", "*")) or is_star(part.sub):
        form = "*" if is_star(part.sub) else "@"
        return array_values(vm, state, part.name), form
    return None


def subscript_key(vm: Machine, state: State, name: str, sub: Word) -> str | Symbol:
    """The subscript as a key: text for an associative array, a number as text otherwise."""
    var = find_variable(vm, state, name)
    text = single(vm, state, sub)
    if var is not None and var.kind == "A":
        return text
    if isinstance(text, Symbol):
        return text
    return integer(vm, state, text)


def nothing(vm: Machine, state: State, word: Word) -> bool:
    """Whether an expansion in quotes gives nothing beside other text.

    As the subject or pattern of a ``case``, some releases of bash (5.2) then see a character there
    if it has an operator, as in ``"${V#a}"x``.
    """
    parts = [p for p in word.parts if isinstance(p, Param) and p.quoted and p.op]
    if len(word.parts) < 2 or not any(p.op.lstrip(":")[:1] not in "-?+" for p in parts):
        return False
    probe = state.copy()
    return any(single(vm, probe, Word([p], word.pos, word.end)) == "" for p in parts)


def look_up(vm: Machine, state: State, part: Param, *, length: bool = False) -> Lookup:
    """Whether a parameter is set, and its value; *length*: it's only asked how long that is."""
    name = part.name
    if not _NAME.match(name):
        return positional(vm, state, name)
    var = find_variable(vm, state, name)
    if part.sub is None:
        if name == "BASH_SOURCE" and name not in state.vars:
            return True, script_path(vm, state, "${BASH_SOURCE[0]}")
        return is_set(state, var), scalar_value(vm, state, name)
    if name == "BASH_SOURCE" and name not in state.vars and part.sub.plain == "0":
        return True, script_path(vm, state, part.text)
    if name in OWN and name not in state.vars:
        return True, vm.unknown(part.text, "set by bash itself", ("own", part.text))
    key = subscript_key(vm, state, name, part.sub)
    if isinstance(key, str) and not _reaches(var, key):
        if "errexit" in state.opts or (length and var is not None and var.kind):
            raise refusal(state)
        return False, ""
    if var is None or var.kind == "":
        return False, ""
    if isinstance(key, Symbol):
        return None, vm.derived(part.text, [key, part.text, *(var.items or {}).values()])
    value = array_value(vm, state, name, var, key)
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


def _must(vm: Machine, state: State, part: Param, present: bool | None, value: Text) -> None:
    """Under ``set -u`` (or for ``:?``) the parameter has to be there for the script to go on."""
    if present is None and value == "":  # known to be empty, or unset
        var = find_variable(vm, state, part.name)
        value = var.value if var is not None else value
    if present is False or not isinstance(value, Symbol):
        if present is False:
            raise FatalError
        return
    location = state.source.place(0) if state.source.at else None
    note_required(state, value, location)
    state.decided.setdefault(("set", value.number), True)


def _length(vm: Machine, state: State, part: Param) -> Text:
    whole = part.sub is not None and (part.sub.plain == "@" or is_star(part.sub))
    var = find_variable(vm, state, part.name) if whole and _NAME.match(part.name) else None
    if var is not None and var.kind == "a" and var.items is not None and not ragged_array(var):
        return str(len(var.items))
    listed = _list_of(vm, state, part)
    if listed is not None:
        values = listed[0]
        if "nounset" in state.opts and _NAME.match(part.name):
            if var is None or var.kind == "":
                raise FatalError(discard=True)
            if var.kind == "s" and is_set(state, var) is None:
                _must(vm, state, part, None, var.value)
                return "1"
        if var is not None and var.items is not None and not ragged_array(var):
            return str(len(var.items))
        if any(isinstance(v, Symbol) and v.splits for v in values):
            return vm.unknown(part.text, "a number", ("length", *map(identity, values)))
        return str(len(values))
    present, value = look_up(vm, state, part, length=True)
    if present is not True and "nounset" in state.opts:
        _must(vm, state, part, present, value)
    value = settle(state, value)
    if isinstance(value, Symbol):
        default = None if value.default is None else str(len(value.default))
        names = value.names
        return vm.unknown(
            part.text, "a number", ("length", value.number), names=names, default=default
        )
    if not value.isascii():
        return vm.unknown(part.text, "the locale decides how long this is", ("length", value))
    return str(len(value))


def _indirect(vm: Machine, state: State, part: Param) -> list[Piece]:
    kind = "Q" if part.quoted else "E"
    if part.sub is not None and (part.sub.plain == "@" or is_star(part.sub)) and not part.op:
        var = find_variable(vm, state, part.name)
        if var is None or var.kind == "":
            return [("", "Q")] if part.quoted and is_star(part.sub) else []
        if var.kind == "s" and var.maybe:
            unset, key = "not set in the script", ("keys", part.name)
            splits = not (part.quoted and is_star(part.sub))
            found = vm.unknown(part.text, unset, key, names=(part.name,), splits=splits)
            return [(found, kind)]
        if var.kind == "s":
            return [("0", kind)]
        if ragged_array(var) or (var.kind == "A" and len(var.items or {}) > 1):
            return [(unknown_array(vm, state, part.name, var, "[keys]"), kind)]
        keys = sorted_keys(var.items or {}) if var.kind == "a" else list(var.items or {})
        form = "*" if is_star(part.sub) else "@"
        return list_pieces(vm, state, [str(k) for k in keys], form, part)
    _present, target = look_up(vm, state, Param(part.name, part.quoted, part.text, "", part.sub))
    target = settle(state, target)
    if isinstance(target, Symbol):
        note_required(state, target, None)  # it's an error where it's unset
        state.decided.setdefault(("set", target.number), True)
        return [(vm.derived(part.text, [target, "indirect"]), kind)]
    if not target:
        raise refusal(state)
    m = re.fullmatch(r"([A-Za-z_]\w*|\d+|[@*#?])(?:\[(.*)\])?", target, re.ASCII)
    if m is None:
        raise FatalError
    sub = None
    if m[2] is not None:
        if "$" in m[2] or "`" in m[2]:
            return [(vm.unknown(part.text, "an indirect subscript", ("sub", target)), kind)]
        sub = Word([Lit(m[2], False)], 0, 0, m[2])
    other = Param(m[1], part.quoted, part.text, "", sub, part.op, part.arg, part.arg2)
    return expand_parameter(vm, state, other)


def _operate(
    vm: Machine, state: State, part: Param, present: bool | None, value: Text
) -> list[Piece]:
    """One value with an operator."""
    op, kind = part.op, "Q" if part.quoted else "E"
    vm.budget.step(count=4)
    if not op:
        if present is not True and "nounset" in state.opts:
            _must(vm, state, part, present, value)
        return [(value, kind)]
    if op[-1] in "-=?+" and op[0] in ":-=?+":
        return _default(vm, state, part, present, value)
    if present is not True and "nounset" in state.opts:
        _must(vm, state, part, present, value)
    return [(transform(vm, state, part, value, present), kind)]


def _default(
    vm: Machine, state: State, part: Param, present: bool | None, value: Text
) -> list[Piece]:
    op, colon = part.op[-1], part.op[0] == ":"
    kind = "Q" if part.quoted else "E"
    given = present
    if colon:
        if isinstance(value, str):
            given = bool(value) if present is not False else False
        elif value.path is not None:
            given = True
        elif present is not False:
            empty = state.decided.get(("empty", value.number))
            given = None if empty is None else not empty
    if given is None:
        assert isinstance(value, Symbol) or not colon
        return _undecided(vm, state, part, value, colon=colon)
    if op == "+":
        return operator_word(vm, state, part) if given else [("", "Q")] if part.quoted else []
    if given:
        return [(value, kind)]
    if op == "-":
        return operator_word(vm, state, part)
    if op == "?":
        raise FatalError
    new = single(vm, state, part.arg) if part.arg else ""
    _set(vm, state, part, new)
    return [(settle(state, look_up(vm, state, part)[1]), kind)]


def _set(vm: Machine, state: State, part: Param, value: Text) -> None:
    if not _NAME.match(part.name):
        raise FatalError
    if part.sub is not None:
        assign_item(vm, state, part.name, subscript_key(vm, state, part.name, part.sub), value)
    else:
        place = state.source.place(part.arg.pos) if part.arg else None
        assign(vm, state, part.name, value, location=place)


def operator_word(vm: Machine, state: State, part: Param) -> list[Piece]:
    """The pieces of the word behind an operator (``${x:-word}``)."""
    if part.arg is None or not part.arg.parts:
        return [("", "Q")] if part.quoted else []
    found = vm.pieces(state, part.arg)
    if part.quoted:
        return [p and (p[0], "Q") for p in found] or [("", "Q")]
    return [p and (p[0], "E" if p[1] == "L" else p[1]) for p in found]


def _undecided(vm: Machine, state: State, part: Param, value: Text, *, colon: bool) -> list[Piece]:
    """An outside variable with a default: the default is known, what it is isn't."""
    op, kind = part.op[-1], "Q" if part.quoted else "E"
    if op == "?":
        if isinstance(value, Symbol):
            note_required(state, value, state.source.place(part_place(part)))
            take_for_granted(vm, state, value, colon=colon)
        return [(value, kind)]
    if op == "+":
        if not isinstance(value, Symbol):
            return [(vm.unknown(part.text, "not known to be set", ("plus", part.text)), kind)]
        condition = empty_condition(value) if colon else set_condition(value)
        if vm.forks >= MAX_PLUS and contradicts(state, condition) is None:
            some = vm.derived(part.text, [value, "plus"], splits=not part.quoted)
            return [(some, kind)]
        answer = require(vm, state, condition)
        given = not answer if colon else answer
        return operator_word(vm, state, part) if given else [("", "Q")] if part.quoted else []
    vm.budget.step(count=4)
    probe = state.copy()
    arg = single(vm, probe, part.arg) if part.arg else ""
    base = (
        value
        if isinstance(value, Symbol)
        else vm.unknown(part.text, "not known to be set", ("maybe", part.text, value))
    )
    if isinstance(arg, Symbol) and part.arg is not None:
        arg_default = arg.default
    else:
        arg_default = arg if isinstance(arg, str) else None
    if base.default is not None:
        default = base.default or (arg_default if colon else "")
    else:
        outer = base is vm.outside.get(f"{state.world}:{part.name}") or (
            part.name.isdigit() and own_params(state)
        )
        default = arg_default if outer and not state.havocked else None
    var = state.vars.get(part.name)
    if op == "=" and var is not None and (var.integer or var.case or var.vague):
        default = None  # it's set to something else than the text
    names = tuple(dict.fromkeys((*base.names, *(arg.names if isinstance(arg, Symbol) else ()))))
    shown = arg if isinstance(arg, str) else arg.text
    inner = base.text[2:-1] if re.fullmatch(r"\$\{\w+\}", base.text) else base.text
    text = f"${{{inner}{':' if colon else ''}-{shown}}}"
    if not re.fullmatch(r"\w+", inner):
        text = part.text
    found = vm.unknown(
        text,
        base.reason,
        ("default", colon, base.number, identity(arg)),
        names=names,
        default=default,
    )
    held = state.vars.get(part.name)
    if op == "=" and held is not None and held.readonly:  # it has to be set outside, then
        if isinstance(value, Symbol):
            note_required(state, value, state.source.place(part_place(part)))
            take_for_granted(vm, state, value, colon=colon)
        return [(value, kind)]
    if op == "=":
        _set(vm, state, part, found)
    return [(settle(state, found), kind)]


def part_place(part: Param) -> int:
    """Where a parameter expansion stands; its own node doesn't say."""
    return getattr(part.arg, "pos", 0) if part.arg is not None else 0


def list_pieces(
    vm: Machine, state: State, values: list[Text], form: str, part: Param
) -> list[Piece]:
    """Several values: each a word of its own, or joined."""
    vm.budget.step(count=len(values) >> 1)
    if len(values) > 1_000 and len(values) > vm.most(MAX_VALUES):
        text = vm.derived(part.text, [part.text, str(len(values)), *values[:8]], splits=True)
        return [(text, "Q" if part.quoted else "E")]
    if not part.quoted:
        out: list[Piece] = []
        between: Piece = ("", "*") if form == "*" else None
        for value in values:
            out += [(value, "E"), between]
        return out[:-1]
    if form == "*":
        ifs = separators(vm, state)
        if isinstance(ifs, Symbol):
            return [(vm.derived(part.text, [ifs, *values]), "Q")]
        joined: list[Text] = []
        for value in values:
            if joined:
                joined.append(ifs[:1])
            if isinstance(value, Symbol) and value.splits:
                value = vm.derived(value.text, [value, "joined"])
            joined.append(value)
        return [(vm.join(joined) if joined else "", "Q")]
    quoted: list[Piece] = []
    for value in values:
        quoted += [(value, "Q"), None]
    return quoted[:-1]


def on_list(vm: Machine, state: State, part: Param, values: list[Text], form: str) -> list[Piece]:
    """Operators on ``$@`` and ``${array[@]}``."""
    op = part.op
    if not op:
        return list_pieces(vm, state, values, form, part)
    ragged = any(isinstance(v, Symbol) and v.splits for v in values)
    if op[-1] in "-=?+" and op[0] in ":-=?+":
        some = bool(values)
        if ragged and len(values) == 1:
            first = values[0]
            if op[-1] == "+":
                if part.arg is not None and _same_list(part):
                    return list_pieces(vm, state, values, form, part)
                text = vm.derived(part.text, [first, "plus"], splits=True)
                return [(text, "Q" if part.quoted else "E")]
            if op[-1] == "?":
                return list_pieces(vm, state, values, form, part)
            return [(vm.derived(part.text, [first, "default"], splits=True), "E")]
        if op[0] == ":" and all(v == "" for v in values):
            some = len(values) > 1
        if op[-1] == "+":
            return operator_word(vm, state, part) if some else []
        if some:
            return list_pieces(vm, state, values, form, part)
        if op[-1] in "?=":
            raise FatalError
        return operator_word(vm, state, part)
    if op == ":":
        return _slice(vm, state, part, values, form, ragged)
    if ragged or (op[0] == "@" and op[1] not in "QULu"):
        text = vm.derived(part.text, [*values, op], splits=True)
        return [(text, "Q" if part.quoted else "E")]
    done = [transform(vm, state, part, v, True) for v in values]
    return list_pieces(vm, state, done, form, part)


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
    vm: Machine, state: State, part: Param, values: list[Text], form: str, ragged: bool
) -> list[Piece]:
    numbers: list[int] = []
    var = find_variable(vm, state, part.name) if part.name not in ("@", "*") else None
    if var is not None and var.kind == "s":  # no array: its text is cut, not its elements
        text = scalar_value(vm, state, part.name)
        cut = transform(vm, state, part, text, is_set(state, var))
        if form == "@" and isinstance(cut, Symbol):
            cut = vm.derived(part.text, [cut, "word"], splits=True)
        return [] if form == "@" and cut == "" else [(cut, "Q" if part.quoted else "E")]
    for arg in (part.arg, part.arg2):
        if arg is not None:
            code = single(vm, state, arg)
            number = evaluated(vm, state, code, f"$(({code}))") if isinstance(code, str) else code
            if isinstance(number, Symbol):
                ragged = True
                break
            numbers.append(int(number))
    if ragged and not (
        numbers == [1]
        and part.name == "@"
        and values
        and not (isinstance(values[0], Symbol) and values[0].splits)
    ):
        text = vm.derived(part.text, [*values, "slice", *map(str, numbers)], splits=True)
        return [(text, "Q" if part.quoted else "E")]
    start = numbers[0]
    size = numbers[1] if len(numbers) > 1 else None
    if part.name in ("@", "*"):
        zero = positional(vm, state, "0")[1]
        values = [zero, *values]
        keys = list(range(len(values)))
    else:
        keys = [int(k) for k in sorted_keys(var.items)] if var is not None and var.items else [0]
    if start < 0:
        start += keys[-1] + 1 if keys else 0
    if start < 0:
        return []
    if size is not None and size < 0:
        raise FatalError
    chosen = [v for k, v in zip(keys, values, strict=False) if k >= start]
    return list_pieces(vm, state, chosen if size is None else chosen[:size], form, part)


def transform(vm: Machine, state: State, part: Param, value: Text, present: bool | None) -> Text:
    """Removal, replacement, case, substring and ``@`` operators."""
    op = part.op
    arguments: list[Text] = []
    for arg in (part.arg, part.arg2):
        if arg is None:
            continue
        if op == ":":
            expr = single(vm, state, arg)
            if isinstance(expr, str):
                expr = evaluated(vm, state, expr, f"$(({expr}))")
            arguments.append(expr)
            continue
        found = segments(vm, state, arg)
        if isinstance(found, (str, Symbol)):
            arguments.append(found)
        else:
            arguments.append("".join(t for t, _ in found))
    unknowns = [a for a in arguments if isinstance(a, Symbol)]
    if isinstance(value, Symbol) or unknowns:
        default = None
        source = value.default if isinstance(value, Symbol) else value
        if source is not None and not unknowns:
            try:
                default = _apply(vm, state, part, source, present)
            except (CannotTranslateError, FatalError):
                default = None
        base = [value, *arguments, op]
        folder = (op, arguments) == ("%", ["/*"]) and isinstance(value, Symbol) and value.path
        return vm.derived(part.text, base, default=default, path=folder.parent if folder else None)
    try:
        return _apply(vm, state, part, value, present)
    except CannotTranslateError:
        return vm.unknown(
            part.text,
            "a pattern or locale whose meaning isn't certain",
            ("transform", part.text, value, *arguments),
        )


def _apply(vm: Machine, state: State, part: Param, value: str, present: bool | None) -> str:
    op = part.op
    vm.made(len(value))
    vm.budget.step(count=len(value) >> 5)
    if op == ":" and present is False:
        return ""
    if op == ":":
        return _substring(vm, state, part, value)
    if op[0] == "@":
        return _at_operator(op[1], value, present)
    if part.arg is None or not value.isascii():
        raise CannotTranslateError
    found = segments(vm, state, part.arg)
    assert isinstance(found, list)
    extended = "extglob" in state.opts
    flags = re.DOTALL | (re.IGNORECASE if "nocasematch" in state.opts else 0)
    if op[0] == "#":
        prefix = glob(found, extended=extended, lazy=op == "#")
        affordable(vm.budget, prefix, value)
        m = re.compile(prefix, flags).match(value)
        return value[m.end() :] if m else value
    if op[0] == "%":
        suffix = glob(found, extended=extended)
        affordable(vm.budget, suffix, value, len(value))
        regex = re.compile(suffix, flags)
        starts = range(len(value), -1, -1) if op == "%" else range(len(value) + 1)
        return next((value[:i] for i in starts if regex.fullmatch(value, i)), value)
    if op[0] == "/" and present is False:
        return ""
    if op[0] == "/":
        return _replaced(vm, state, part, value, found, flags)
    if op[0] not in "^,":
        raise CannotTranslateError
    test = re.compile(glob(found, extended=extended) if part.arg.parts else ".", flags)
    change = str.upper if op[0] == "^" else str.lower
    if len(op) == 2:
        return "".join(change(ch) if test.fullmatch(ch) else ch for ch in value)
    return change(value[:1]) + value[1:] if value and test.fullmatch(value[0]) else value


def _replaced(
    vm: Machine, state: State, part: Param, value: str, found: list[tuple[str, bool]], flags: int
) -> str:
    new: list[tuple[str, bool]] = []
    if part.arg2 is not None:
        second = segments(vm, state, part.arg2)
        assert isinstance(second, list)
        new = second
    if any("&" in t and not q for t, q in new):  # bash 5.2: the match; before: itself
        raise CannotTranslateError
    if any("\\" in t and not q for t, q in new):
        raise CannotTranslateError
    text = "".join(t for t, _ in new)
    regex = glob(found, extended="extglob" in state.opts)
    affordable(vm.budget, regex, value, len(value))
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
    vm.made(size + len(value) - pos)
    return "".join(pieces) + value[pos:]


def _substring(vm: Machine, state: State, part: Param, value: str) -> str:
    if not value.isascii():
        raise CannotTranslateError
    numbers: list[int] = []
    for arg in (part.arg, part.arg2):
        if arg is not None:
            code = single(vm, state, arg)
            number = evaluated(vm, state, str(code), "") if isinstance(code, str) else code
            if isinstance(number, Symbol):
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


def _at_operator(how: str, value: str, present: bool | None) -> str:
    if how == "Q":
        if present is False:
            return ""
        if not value.isascii() or not value.isprintable():
            raise CannotTranslateError
        return sh(value)
    if not value.isascii() or how not in "ULu":
        raise CannotTranslateError
    return {"U": value.upper(), "L": value.lower(), "u": value[:1].upper() + value[1:]}[how]
