"""Assignments: scalars, array literals, temporary ones, and what a loop may assign."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from dsv4_env.lang.bash.expand.arithmetic import WRITES
from dsv4_env.lang.bash.expand.fields import expand_word, is_mixed, single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.parameters import subscript_key
from dsv4_env.lang.bash.expand.state import FatalError, State, Var
from dsv4_env.lang.bash.expand.tables import Elements
from dsv4_env.lang.bash.expand.values import Symbol, Text
from dsv4_env.lang.bash.expand.variables import (
    appended,
    assign,
    assign_item,
    converted,
    find_variable,
    havoc,
    integer,
    referent,
    restore,
)
from dsv4_env.lang.bash.syntax.nodes import (
    Arith,
    ArithCmd,
    Assign,
    For,
    Item,
    Node,
    Param,
    Simple,
    Word,
)
from dsv4_env.model.budget import Budget

MAX_ELEMENTS = 50_000  # of an array: those of a longer one are left unknown
OPTIONS = frozenset(  # those of ``set -o``, which ``local -`` keeps; those of ``shopt`` stay
    "allexport braceexpand emacs errexit errtrace functrace hashall histexpand history ignoreeof "
    "interactive-comments keyword monitor noclobber noexec noglob nolog notify nounset onecmd "
    "physical pipefail posix privileged verbose vi xtrace".split()
)
_NAMES = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ASSIGNERS = frozenset(
    "read mapfile readarray printf getopts let unset export declare typeset local readonly".split()
)
_WILD = frozenset({"eval", "source", "."})


def value_of(vm: Machine, state: State, node: Assign) -> Text:
    """The value of a scalar assignment."""
    assert isinstance(node.value, Word)
    if node.value.plain is not None:
        return node.value.plain
    return single(vm, state, node.value, assignment=True)


def assign_node(vm: Machine, state: State, node: Assign) -> None:
    """Do an assignment."""
    if isinstance(node.value, list):
        set_array(vm, state, node.name, node.value, append=node.append)
        return
    value = value_of(vm, state, node)
    place = state.source.place(node.pos)
    if node.sub is not None:
        key = subscript_key(vm, state, node.name, node.sub)
        assign_item(vm, state, node.name, key, value, append=node.append)
        return
    spelled = node.text.partition("=")[2]
    assign(vm, state, node.name, value, append=node.append, location=place, spelled=spelled)


def set_array(
    vm: Machine, state: State, name: str, items: list[Item], *, append: bool, kind: str = ""
) -> None:
    """``name=(…)`` and ``name+=(…)``."""
    name = referent(state, name)
    var = state.vars.get(name)
    if var is not None and var.readonly:
        raise FatalError(discard=True, readonly=True)
    base = var or Var()
    if append and var is None:
        outer = find_variable(vm, state, name)
        if outer is not None:
            base = replace(outer, exported=False)
    kind = kind or ("A" if base.kind == "A" else "a")
    found: Elements[Text] | None = None if base.vague else Elements({})
    if append:
        if base.kind == "s" and not base.maybe:
            found = Elements({0 if kind == "a" else "0": base.value})
        elif base.kind == "s":
            found = Elements({0: vm.derived(f"${{{name}[@]}}", [base.value, "all"], splits=True)})
        elif base.kind:
            found = base.items if isinstance(base.items, Elements) else None
            if found is None and base.items is not None:
                found = Elements(base.items)
    additions: list[Text] = []
    index = 0
    if found and kind == "a":
        index = found.highest + 1
    if kind == "A" and any(i.sub is None for i in items):
        found = None  # (key value key value): rare enough to be left unknown
    for item in items:
        braced = item.braced if kind == "a" else None
        if item.sub is None or braced is not None:
            for word in braced or item.words:
                for value in expand_word(vm, state, word):
                    value = converted(vm, state, base, value)
                    additions.append(value)
                    if found is not None:
                        found = found.plus(index, value)
                        index += 1
                if found is not None and len(found) > vm.most(MAX_ELEMENTS):
                    found = None
            continue
        if kind == "a" and found is not None and found.ragged:
            found = None
        value = single(
            vm, state, item.words[0], assignment=kind == "a" or not is_mixed(item.words[0])
        )
        value = converted(vm, state, base, value)
        key = _key(vm, state, kind, item.sub)
        if isinstance(key, Symbol) or found is None:
            found = None
            continue
        real: int | str = key if kind == "A" else int(key)
        if item.append:
            value = appended(vm, state, base, found.get(real, ""), value)
        if real in found:  # all of it is copied
            vm.budget.step(state.source, len(found) >> 5)
        found = found.plus(real, value)
        index = int(real) + 1 if kind == "a" else 0
    place = items[0].words[0].pos if items and items[0].words else 0
    vm.budget.step((state.source, place), 1 + len(additions))
    state.seq += 1
    if found is None:
        unknown = vm.unknown(
            f"${{{name}[@]}}",
            "an array of which not all is known",
            ("array", name, state.seq),
            splits=True,
        )
        if append and base.items is None and kind == "a" and base.kind == "a":
            # Known elements behind unknown ones stay known as words.
            before = base.value
            ragged: dict[int | str, Text] = dict(enumerate([before, *additions]))
            state.vars[name] = replace(base, kind="a", value="", items=ragged, maybe=False)
            return
        state.vars[name] = replace(base, kind=kind, value=unknown, items=None, maybe=False)
        return
    state.vars[name] = replace(base, kind=kind, value="", items=found, maybe=False)


def _key(vm: Machine, state: State, kind: str, sub: Word) -> str | Symbol:
    text = single(vm, state, sub)
    if kind == "A" or isinstance(text, Symbol):
        return text
    return integer(vm, state, text)


def as_words(vm: Machine, state: State, word: Word | Assign) -> list[Text]:
    """A word of a command, or an assignment that is an argument, as words."""
    if isinstance(word, Word):
        return [word.plain] if word.plain is not None else expand_word(vm, state, word)
    if isinstance(word.value, list):
        return [vm.unknown(word.text, "an array where a word is expected", ("array", word))]
    head = word.text[: word.text.index("=") + 1] if "=" in word.text else word.text
    return [vm.join([head, value_of(vm, state, word)])]


def assign_for_builtin(vm: Machine, state: State, assigns: list[Assign]) -> dict[str, Var | None]:
    """Assignments before a builtin: made, and what to go back to."""
    before: dict[str, Var | None] = {}
    try:
        for node in assigns:
            before.setdefault(node.name, state.vars.get(node.name))
            if assign_for_command(vm, state, node):
                state.vars[node.name] = replace(state.vars[node.name], exported=True)
    except FatalError:
        restore(state, before)
        raise
    finally:
        state.lent = {}
    return before


def assign_for_command(vm: Machine, state: State, node: Assign) -> bool:
    """An assignment before a command: one to a readonly variable only isn't made."""
    var = state.vars.get(node.name)
    if var is not None and var.readonly:
        if "errexit" in state.opts and not state.tested:
            raise FatalError
        return False
    if var is not None and (var.integer or var.case):  # it's a plain one for the command
        state.vars[node.name] = replace(var, integer=False, case="")
    assign_node(vm, state, node)
    state.lent = {node.name: var, **state.lent}
    return True


def reclaim(vm: Machine, state: State, node: Simple, lent: dict[str, Var | None]) -> None:
    """In ``A=x B=$(…) command``, A is x up to the first simple command of the substitution."""
    restore(state, lent)
    state.lent = {}
    found = assigned(node, state, vm.budget)
    changed = lent.keys() if found.wild else lent.keys() & found.names
    havoc(vm, state, sorted(changed), "set by an assignment before a command, too")


def given_back(vm: Machine, state: State, commands: list[Node]) -> None:
    """The same behind commands that ran beside this shell."""
    for command in commands:
        if isinstance(command, Simple) and state.lent:
            reclaim(vm, state, command, state.lent)


def set_inside(vm: Machine, assigns: list[Assign], state: State) -> list[str]:
    """What assignments before a command assign and set in an expansion too (``A=${A:=x} cmd``)."""
    inside = assigned([a.value for a in assigns], state, vm.budget).names
    return sorted(inside & {a.name for a in assigns}) if inside else []


def make_local(state: State, name: str) -> bool:
    """Make a variable local to the function that runs; False outside functions."""
    if not state.scopes:
        return False
    scope = state.scopes[-1]
    if name not in scope.outer:
        scope.outer[name] = state.vars.get(name)
        return True
    scope.declared |= {name}
    return False


def leave_function(state: State) -> list[str]:
    """Give back what is local to the function that ends; the names that bash lets out of it."""
    scope, state.scopes = state.scopes[-1], state.scopes[:-1]
    restore(state, scope.outer)
    if scope.opts is not None:
        state.opts = (state.opts - OPTIONS) | (scope.opts & OPTIONS)
    return sorted(scope.escaped)


def local_export(vm: Machine, state: State, node: Assign) -> None:
    """An assignment before a function call: exported, for the time of the call."""
    before = state.vars.get(node.name)
    if not assign_for_command(vm, state, node):
        return
    scope = state.scopes[-1]
    scope.outer.setdefault(node.name, before)
    scope.given |= {node.name}
    state.vars[node.name] = replace(state.vars[node.name], exported=True)


@dataclass(slots=True, eq=False, repr=False)
class Assigned:
    """What a piece of script may do: assign, export or unset names, change ``$@``, anything."""

    names: set[str] = field(default_factory=set)
    exports: set[str] = field(default_factory=set)
    unsets: set[str] = field(default_factory=set)
    params: bool = False
    allexport: bool = False
    wild: bool = False


def assigned(node: Any, state: State, budget: Budget) -> Assigned:
    """What a piece of script may assign."""
    found = Assigned()
    names = found.names
    seen: set[str] = set()
    todo: list[Any] = [node]
    while todo:
        one = todo.pop()
        budget.step()
        if isinstance(one, (list, tuple)):
            todo += one
            continue
        if not is_dataclass(one) or isinstance(one, type):
            continue
        if isinstance(one, (Assign, For)) or (isinstance(one, Param) and one.op in ("=", ":=")):
            names.add(one.name)
        elif isinstance(one, (Arith, ArithCmd)):
            names.update(n for g in WRITES.findall(one.text) for n in g if n)
        elif isinstance(one, Simple) and one.words:
            _of_command(one, found)
            first = one.words[0]
            name = first.plain if isinstance(first, Word) else None
            if name is not None and name in state.funcs and name not in seen:
                seen.add(name)
                todo.append(state.funcs[name][0].body)
        expr = getattr(one, "expr", None), getattr(one, "step", None), getattr(one, "init", None)
        for word in expr:
            if isinstance(word, Word):
                text = "".join(getattr(p, "text", "") for p in word.parts)
                names.update(n for g in WRITES.findall(text) for n in g if n)
        todo += [getattr(one, f.name) for f in fields(one)]
    return found


def _of_command(node: Simple, found: Assigned) -> None:
    words = [x.plain if isinstance(x, Word) else x.name for x in node.words]
    while words[0] in ("builtin", "command") and len(words) > 1:
        words = words[1:]
    first, operands = words[0], words[1:]
    if first in _WILD:
        found.wild = True
    elif first == "set":
        options = [o for o in operands if o is not None and re.fullmatch(r"[-+]\w.*|allexport", o)]
        found.params |= len(options) < len(operands)
        found.allexport |= any(re.fullmatch(r"-[a-zA-Z]*a[a-zA-Z]*|allexport", o) for o in options)
    elif first == "shift":
        found.params = True
    elif first == "printf":
        operands = operands[1:2] if operands[:1] == ["-v"] else []
    elif first in ("read", "mapfile", "readarray"):
        # What stands behind an option with a value is no name.
        before = [None, *operands]
        operands = [
            o
            for o, b in zip(operands, before, strict=False)
            if o is not None or not re.fullmatch(r"-\w*[dinNptuCcOs]", b or "")
        ]
        found.names.update({"REPLY", "MAPFILE"})
    elif first == "getopts":
        found.names.update({"OPTARG", "OPTIND"})
    elif first not in _ASSIGNERS:
        return
    for word in operands:
        if word is None:
            found.wild = True
        else:
            found.names.update(_NAMES.findall(word))
    if first == "unset":
        found.unsets.update(n for o in operands for n in _NAMES.findall(o or ""))
    elif first == "export" or "-x" in operands:
        found.exports.update(n for o in operands for n in _NAMES.findall(o or ""))
