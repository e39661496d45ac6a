"""``export``, ``declare``, ``local`` and ``readonly``."""

from __future__ import annotations

import re
from dataclasses import replace

from dsv4_env.lang.bash.expand.assignments import assign_node, make_local, set_array, value_of
from dsv4_env.lang.bash.expand.fields import expand_word
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import Event, FatalError, State, Var
from dsv4_env.lang.bash.expand.values import Symbol, Text
from dsv4_env.lang.bash.expand.variables import assign, find_variable, havoc, settle
from dsv4_env.lang.bash.interp.paths import havoc_all
from dsv4_env.lang.bash.syntax.nodes import Assign, Item, Simple, Word
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

_ELEMENT = re.compile(r"[A-Za-z_]\w*\[.+?\]\+?=", re.ASCII | re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def declare(vm: Machine, state: State, node: Simple, name: str, words: list[Word | Assign]) -> None:
    """``export``, ``declare``, ``typeset``, ``local`` and ``readonly``."""
    if name == "export" and _exported_at_once(vm, state, words):
        return
    on, off = set[str](), set[str]()
    operands: list[tuple[Assign, Text | None] | tuple[Text, Location]] = []
    options = True
    for word in words:
        if isinstance(word, Assign):  # all values are expanded before any is assigned
            scalar = not isinstance(word.value, list)
            options = False
            operands.append((word, value_of(vm, state, word) if scalar else None))
            continue
        place = state.source.place(word.pos)
        for value in expand_word(vm, state, word):
            if options and isinstance(value, str) and re.fullmatch(r"[-+][A-Za-z]+", value):
                (on if value[0] == "-" else off).update(value[1:])
            elif options and value == "--":
                options = False
            else:
                options = False
                operands.append((value, place))
    if name == "export" and "n" not in on:
        on.add("x")
    elif name == "export":
        off.add("x")
        on.discard("n")
    elif name == "readonly":
        on.add("r")
    local = name == "local" or (
        name in ("declare", "typeset") and bool(state.scopes) and "g" not in on
    )
    if name == "local" and not state.scopes:
        state.status = 1
        return
    if "f" in on and ("x" in on or "x" in off):
        names = {str(o[0]) for o in operands if not isinstance(o[0], Assign)}
        state.shared = state.shared | names if "x" in on else state.shared - names
    if on & {"f", "F", "p"}:
        state.status = 0
        return
    state.status = 0
    for operand in operands:
        hiding = _hiding(state, operand[0]) if "g" in on else None
        if hiding is not None:
            _swap(state, *hiding)
        try:
            _declare_operand(vm, state, node, name, operand, on, off, local=local)
        except FatalError as fatal:
            listed = isinstance(operand[0], Assign) and isinstance(operand[0].value, list)
            if not fatal.readonly or listed or name == "local":
                raise
            state.status = 1  # one name can't be set, the others are
        if hiding is not None:
            _swap(state, *hiding)
            _note_hidden(state, node, *hiding)


def _hiding(state: State, operand: Assign | Text) -> tuple[int, str] | None:
    """Which function's local variable hides the global one that ``declare -g`` is about."""
    m = re.match(r"[A-Za-z_]\w*", operand.name if isinstance(operand, Assign) else str(operand))
    name = m[0] if m else ""
    return next(((i, name) for i, s in enumerate(state.scopes) if name in s.outer), None)


def _swap(state: State, scope: int, name: str) -> None:
    """Exchange a variable with what it was outside the function."""
    outer = state.scopes[scope].outer
    before = outer[name]
    outer[name] = state.vars.pop(name, None)
    if before is not None:
        state.vars[name] = before


def _note_hidden(state: State, node: Simple, scope: int, name: str) -> None:
    """bash exports a hidden global variable where the local one isn't exported."""
    hidden, shown = state.scopes[scope].outer[name], state.vars.get(name)
    if hidden is not None and hidden.exported and not (shown is not None and shown.exported):
        text = f"{name} may be exported here: a local variable hides the exported one"
        state.note(Note(text, state.source.place(node.pos)))


def _declare_operand(
    vm: Machine,
    state: State,
    node: Simple,
    name: str,
    operand: tuple[Assign, Text | None] | tuple[Text, Location],
    on: set[str],
    off: set[str],
    *,
    local: bool,
) -> None:
    if not isinstance(operand[0], Assign):
        value, place = operand[0], operand[1]
        assert isinstance(place, Location)
        if isinstance(value, Symbol):
            unknown_operand(vm, state, value, place, exported="x" in on)
            return
        if value == "-" and name == "local":
            scope = state.scopes[-1]
            scope.opts = state.opts if scope.opts is None else scope.opts
            return
        m = re.match(r"([A-Za-z_]\w*)(\+?)=", value, re.ASCII)
        if m is None and name not in ("export", "readonly") and _ELEMENT.match(value):
            target = value.partition("[")[0]
            _declare_one(vm, state, node, target, on | {"a"} - {"A"}, off, local=local)
            havoc(vm, state, [target], "an element that a word names was set")
            return
        if m is None and not _NAME.fullmatch(value):
            state.status = 1
            return
        target = m[1] if m else value
        _declare_one(vm, state, node, target, on, off, local=local)
        if m:
            text = value[m.end() :]
            if (items := _listed(vm, state, target, text, on)) is not None:
                set_array(vm, state, target, items, append=bool(m[2]))
            else:
                assign(vm, state, target, text, append=bool(m[2]), location=place)
            _mark(state, target, on, off)
        else:
            _exported_again(vm, state, target, on, place)
            _mark(state, target, on, off)
        return
    given = operand[1]
    assert not isinstance(given, Location)
    if operand[0].sub is not None and name in ("export", "readonly"):
        state.status = 1  # an element is no name
        return
    if "n" in on and name != "export" and isinstance(given, str) and _NAME.fullmatch(given):
        if local:
            make_local(state, operand[0].name)
        if given != operand[0].name:
            state.vars[operand[0].name] = Var("n", given)
        return
    _declare_assign(vm, state, node, operand[0], given, on, off, local=local)


def _exported_at_once(vm: Machine, state: State, words: list[Word | Assign]) -> bool:
    """``export A=1 B=2``, by far the most common: done where nothing is special about it."""
    for word in words:
        if (
            not isinstance(word, Assign)
            or word.sub is not None
            or word.append
            or (isinstance(word.value, list))
        ):
            return False
        var = state.vars.get(word.name)
        if var is not None and (
            var.readonly or var.integer or var.case or var.vague or var.kind not in "s"
        ):
            return False
    values = [value_of(vm, state, w) for w in words if isinstance(w, Assign)]
    for word, value in zip(words, values, strict=True):
        assert isinstance(word, Assign)
        old = state.vars.get(word.name)
        _let_out(state, word.name)
        state.seq += 1
        event = Event(
            state.seq,
            value,
            state.source.place(word.pos),
            word.text[len(word.name) + 1 :],
            old.event if old is not None else None,
        )
        state.vars[word.name] = Var("s", value, exported=True, event=event)
    state.status = 0
    return bool(words)


def _let_out(state: State, name: str) -> None:
    """Exported in a function, a variable set before its call outlives the call."""
    for scope in state.scopes:
        if name in scope.given:
            scope.escaped |= {name}


def _declare_assign(
    vm: Machine,
    state: State,
    node: Simple,
    operand: Assign,
    value: Text | None,
    on: set[str],
    off: set[str],
    *,
    local: bool,
) -> None:
    if (
        isinstance(operand.value, list)
        and local
        and not (state.scopes and operand.name in state.scopes[-1].outer)
    ):
        outer = state.vars.get(operand.name)
        _declare_one(vm, state, node, operand.name, on, off, local=local)
        inner = state.vars.get(operand.name)
        if outer is not None and inner is not None:  # local a=("${a[@]}") reads the outer one
            state.vars[operand.name] = outer
            kind = "A" if "A" in on else "a"
            set_array(vm, state, operand.name, operand.value, append=False, kind=kind)
            made = state.vars[operand.name]
            state.vars[operand.name] = replace(inner, kind=kind, items=made.items, value=made.value)
            _mark(state, operand.name, on, off)
            return
        set_array(vm, state, operand.name, operand.value, append=operand.append)
        _mark(state, operand.name, on, off)
        return
    _declare_one(vm, state, node, operand.name, on, off, local=local, given=value)
    if "n" in on:
        return
    items = _listed(vm, state, operand.name, value, on) if operand.sub is None else None
    if items is not None:
        set_array(vm, state, operand.name, items, append=operand.append)
    elif isinstance(value, Symbol) and on & {"a", "A"} and operand.sub is None:
        # It may be a list of elements in parentheses, or one.
        havoc(vm, state, [operand.name], "an array made of what isn't known")
    elif value is None:
        assert isinstance(operand.value, list)
        set_array(vm, state, operand.name, operand.value, append=operand.append)
    elif operand.sub is not None:
        assign_node(vm, state, operand)
    else:
        spelled = operand.text.partition("=")[2]
        assign(
            vm,
            state,
            operand.name,
            value,
            append=operand.append,
            location=state.source.place(operand.pos),
            spelled=spelled,
        )
    _mark(state, operand.name, on, off)


def _listed(
    vm: Machine, state: State, name: str, value: Text | None, on: set[str]
) -> list[Item] | None:
    """The elements of ``declare -a NAME='(…)'``: bash reads them as if they weren't quoted."""
    var = state.vars.get(name)
    array = on & {"a", "A"} or (var is not None and var.kind in ("a", "A"))
    if not array or not isinstance(value, str) or not re.fullmatch(r"(?s)\(.*\)", value):
        return None
    block, problem = parse(f"made={value}", vm.budget, narrow=vm.narrow)
    made = block.items[0] if len(block.items) == 1 and problem is None else None
    if not isinstance(made, Simple) or made.words or len(made.assigns) != 1:
        return None
    items = made.assigns[0].value
    return items if isinstance(items, list) else None


def _declare_one(
    vm: Machine,
    state: State,
    node: Simple,
    target: str,
    on: set[str],
    off: set[str],
    *,
    local: bool,
    given: Text | None = "",
) -> None:
    if "n" in on:
        place = state.source.place(node.pos)
        state.note(Note("name references (declare -n) aren't followed", place))
        names = [target, *_NAME.findall(given)] if isinstance(given, str) else sorted(state.vars)
        havoc(vm, state, names, "a name reference")
        return
    held = state.vars.get(target)
    if local and held is not None and held.readonly:
        raise FatalError(discard=True, readonly=True)
    if "x" in on:
        _let_out(state, target)
    if local and make_local(state, target):
        outer = state.vars.get(target)
        state.vars[target] = (
            Var("", exported=outer.exported, perhaps=outer.perhaps) if outer else Var("")
        )
    var = state.vars.get(target)
    if var is None:
        found = find_variable(vm, state, target)
        if found is not None and found.maybe and "x" in on:
            var = found
        else:
            var = Var("") if found is None or found.maybe else found
            if found is not None and found.maybe and not local:
                var = found
    kind = var.kind
    items = var.items
    if "A" in on and kind in ("", "s"):
        kind, items = "A", {}
    elif "a" in on and kind in ("", "s"):
        items = {0: var.value} if kind == "s" else {}
        kind = "a"
    state.vars[target] = replace(var, kind=kind, items=items)
    soft = on - {"r"}
    _mark(state, target, soft, off)


def _mark(state: State, target: str, on: set[str], off: set[str]) -> None:
    var = state.vars.get(target)
    if var is None:
        return
    state.vars[target] = replace(
        var,
        exported=("x" in on or var.exported) and "x" not in off,
        readonly="r" in on or var.readonly,
        integer=("i" in on or var.integer) and "i" not in off,
        case="u"
        if "u" in on
        else "l"
        if "l" in on
        else ("" if var.case and var.case in off else var.case),
    )


def _exported_again(_vm: Machine, state: State, target: str, on: set[str], place: Location) -> None:
    """``export NAME``: the variable's value is its setting, where nothing else set it."""
    var = state.vars.get(target)
    if "x" not in on or var is None or var.kind != "s" or var.event is not None:
        return
    state.seq += 1
    value = settle(state, var.value)
    event = Event(state.seq, value, place, value if isinstance(value, str) else value.text)
    state.vars[target] = replace(var, event=event)


def unknown_operand(
    vm: Machine, state: State, value: Symbol, place: Location, *, exported: bool
) -> None:
    """An operand that isn't known: what it may have declared is unknown from here on."""
    m = re.match(r"([A-Za-z_]\w*)=", value.text, re.ASCII)
    message = f"what `{value.text}` exports or declares isn't known"
    if m:
        havoc(vm, state, [m[1]], message)
        if exported:
            state.vars[m[1]] = replace(state.vars[m[1]], exported=True)
        if not value.splits:
            return
    if value.splits and exported:
        for name, var in state.vars.items():
            if not var.exported and not var.perhaps:
                state.vars[name] = replace(var, perhaps=Test(f"`{value.text}` exports it"))
    havoc_all(vm, state, message, place)
