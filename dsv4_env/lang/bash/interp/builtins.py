"""Builtins of bash, and commands that only print what their arguments say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from dsv4_env.lang.bash.expand.arithmetic import WRITES, evaluated
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import emit_unknown
from dsv4_env.lang.bash.expand.state import FatalError, State, Undecided
from dsv4_env.lang.bash.expand.values import Argv, Symbol, Text
from dsv4_env.lang.bash.expand.variables import havoc, own_params, unknown_params, unset
from dsv4_env.lang.bash.interp.declare import declare, unknown_operand
from dsv4_env.lang.bash.interp.output import PRINTING
from dsv4_env.lang.bash.interp.paths import (
    arithmetic_status,
    havoc_all,
    spelled_command,
    unknown_status,
)
from dsv4_env.lang.bash.interp.reading import READING
from dsv4_env.lang.bash.interp.tests import test_status
from dsv4_env.lang.bash.interp.texts import run_sourced, run_text
from dsv4_env.lang.bash.interp.wrappers import external
from dsv4_env.lang.bash.syntax.nodes import Assign, Simple, Word
from dsv4_env.model import Note

Builtin: TypeAlias = Callable[[Machine, State, Simple, Argv], list[State]]
_LETTERS = {
    "e": "errexit",
    "u": "nounset",
    "a": "allexport",
    "f": "noglob",
    "x": "xtrace",
    "v": "verbose",
    "n": "noexec",
    "m": "monitor",
    "b": "notify",
    "h": "hashall",
    "B": "braceexpand",
    "C": "noclobber",
    "E": "errtrace",
    "T": "functrace",
    "P": "physical",
    "k": "keyword",
    "p": "privileged",
}


def _plain(
    function: Callable[[Machine, State, Simple, list[Text]], int | Undecided | None],
) -> Builtin:
    def builtin(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
        status = function(vm, state, node, [v for v, _ in words])
        if status is not None:
            state.status = status
        return [state]

    return builtin


def _unset(vm: Machine, state: State, node: Simple, args: list[Text]) -> int:
    functions = variables = False
    status = 0
    for arg in args[1:]:
        if isinstance(arg, Symbol):
            havoc_all(vm, state, f"`unset {arg.text}`", state.source.place(node.pos))
        elif arg in ("-f", "-v", "--", "-n"):
            functions = functions or arg == "-f"
            variables = variables or arg == "-v"
        elif functions:
            _undefine(state, arg)
        elif m := re.fullmatch(r"([A-Za-z_]\w*)\[(.*)\]", arg, re.ASCII | re.DOTALL):
            _unset_item(vm, state, m[1], m[2])
        elif arg not in state.vars and arg in state.funcs and not variables:
            _undefine(state, arg)
        else:
            var = state.vars.get(arg)
            if var is not None and var.readonly:
                status = 1
            elif vm.watch.variable(arg) and (state.open or (var is not None and var.exported)):
                place = state.source.place(node.pos)
                state.note(Note(f"{arg} is unset here: what it is outside doesn't count", place))
            unset(state, arg)
    return status


def _undefine(state: State, name: str) -> None:
    if name in state.funcs:
        state.funcs = state.funcs.copy()
        del state.funcs[name]


def _unset_item(vm: Machine, state: State, name: str, sub: str) -> None:
    var = state.vars.get(name)
    if var is None or not var.kind:
        return
    known = (
        var.items is not None and re.fullmatch(r"\d{1,18}", sub)
        if var.kind == "a"
        else (var.items is not None and re.fullmatch(r"[\w.-]+", sub))
    )
    if not known or any(isinstance(v, Symbol) and v.splits for v in (var.items or {}).values()):
        havoc(vm, state, [name], "an element was unset")
        return
    key: int | str = int(sub) if var.kind == "a" else sub
    items = {k: v for k, v in (var.items or {}).items() if k != key}
    state.vars[name] = replace(var, items=items)


def _set(_vm: Machine, state: State, node: Simple, args: list[Text]) -> int:
    rest = list(args[1:])
    if not rest:
        emit_unknown(state)
        return 0
    opts = set(state.opts)
    while rest:
        arg = rest[0]
        if isinstance(arg, Symbol):
            unknown_params(state, node)
            note = Note(f"what `set {arg.text}` sets isn't known", state.source.place(node.pos))
            state.note(note)
            break
        if arg == "--" or arg == "-" or not re.match(r"[-+].", arg):
            state.params = rest[1:] if arg in ("--", "-") else rest
            state.replaced |= not state.scopes
            break
        rest = rest[1:]
        for letter in arg[1:]:
            option = _LETTERS.get(letter)
            if letter == "o":
                if not rest:
                    break
                option = rest[0] if isinstance(rest[0], str) else None
                rest = rest[1:]
            if option:
                (opts.add if arg[0] == "-" else opts.discard)(option)
    state.opts = frozenset(opts)
    return 0


def _shopt(_vm: Machine, state: State, node: Simple, args: list[Text]) -> int | Undecided:
    names = [a for a in args[1:] if isinstance(a, str)]
    on = any(re.fullmatch(r"-[qo]*s[qo]*", n) for n in names)
    off = any(re.fullmatch(r"-[qo]*u[qo]*", n) for n in names)
    options = [n for n in names if not n.startswith("-")]
    if on:
        state.opts |= set(options)
    elif off:
        state.opts -= set(options)
    else:
        return unknown_status(state, node)
    return 0


def _shift(_vm: Machine, state: State, node: Simple, args: list[Text]) -> int | Undecided:
    if len(args) > 1 and not (isinstance(args[1], str) and re.fullmatch(r"[0-9]{1,18}", args[1])):
        unknown_params(state, node)
        return unknown_status(state, node)
    count = int(str(args[1])) if len(args) > 1 else 1
    if count == 0:
        return 0
    if state.params is None and count == 1 and not state.given:
        state.shifted += 1  # where there is none left, there is none afterwards either
        return unknown_status(state, node)
    if state.params is None or any(
        isinstance(v, Symbol) and v.splits for v in state.params[:count]
    ):
        unknown_params(state, node, own=own_params(state))
        return unknown_status(state, node)
    if count > len(state.params):
        return 1
    state.params = state.params[count:]
    return 0


def _leave(kind: str) -> Builtin:
    def builtin(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
        count = words[1][0] if len(words) > 1 else None
        if kind in ("break", "continue"):
            state.status = 0
            if not state.loops:
                return [state]
            if isinstance(count, str) and not re.fullmatch(r"[-+]?[0-9]{1,18}", count):
                raise FatalError
            number = max(int(count), 0) if isinstance(count, str) else 1
            if isinstance(count, Symbol):
                note = Note("how many loops it leaves isn't known", words[0][1])
                state.note(note)
                state.partial = True
            if number == 0:  # wrong: it leaves all
                state.status = 1
            state.flow = (kind if number else "break", min(number or state.loops, state.loops))
            return [state]
        if kind == "return" and not state.scopes and not state.sourced:
            state.status = 2
            return [state]
        if isinstance(count, str) and re.fullmatch(r"-?\d{1,18}", count):
            state.status = int(count) & 255
        elif count is not None:
            state.status = unknown_status(state, node)
        state.flow = (kind, state.status if isinstance(state.status, int) else -1)
        if kind == "exit":
            for path in (p for alts in (*state.settled, state.alts) for p in alts):
                vm.exits.update(path)
                for key, _ in path:
                    vm.where.setdefault(key, words[0][1])
        return [state]

    return builtin


def _eval(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
    code = vm.join([x for v, _ in words[1:] for x in (v, " ")][:-1]) if len(words) > 1 else ""
    return run_text(vm, state, node, code, words[0][1])


def _source(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:

    return run_sourced(vm, state, node, words)


def _test(vm: Machine, state: State, node: Simple, args: list[Text]) -> int:
    if args[0] == "[":
        if args[-1] != "]":
            return 2
        args = args[:-1]
    return test_status(vm, state, args[1:], spelled_command(node, state))


def _let(vm: Machine, state: State, node: Simple, args: list[Text]) -> int | Undecided:

    value: Text = "0"
    for arg in args[1:]:
        if isinstance(arg, Symbol):
            names = [n for g in WRITES.findall(arg.text) for n in g if n]
            if names and "$" not in arg.text:
                havoc(vm, state, names, "set by `let`")
            else:
                havoc_all(vm, state, f"`let {arg.text}`", state.source.place(node.pos))
            return unknown_status(state, node)
        try:
            value = evaluated(vm, state, arg, f"$(({arg}))")
        except FatalError as fatal:
            if not fatal.discard:
                raise
            return 1  # unlike in $((…)), the script goes on
    return arithmetic_status(vm, state, value, spelled_command(node, state))


def _command(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
    """``command`` and ``builtin``: what follows, but never a function."""
    rest = words[1:]
    while rest and rest[0][0] in ("-p", "--"):
        rest = rest[1:]
    if not rest:
        state.status = 0
        return [state]
    first = rest[0][0]
    if isinstance(first, str) and first.startswith("-"):
        emit_unknown(state)
        state.status = unknown_status(state, node)
        return [state]
    if isinstance(first, str) and first in BUILTINS:
        return BUILTINS[first](vm, state, node, rest)
    return external(vm, state, node, rest)


def _declared(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
    """A declaration behind ``command``, or with assignments before it: words, not syntax."""
    state.status = 0
    before = [x for x in node.words if isinstance(x, Assign)]
    if before and isinstance(node.words[0], Word) and node.words[0].plain == words[0][0]:
        declare(vm, state, node, str(words[0][0]), node.words[1:])
        return [state]
    made = [Word([], node.pos, node.end, v) if isinstance(v, str) else None for v, _ in words[1:]]
    if any(m is None for m in made):
        for value, place in words[1:]:
            if isinstance(value, Symbol):
                unknown_operand(vm, state, value, place, exported=words[0][0] == "export")
    declare(vm, state, node, str(words[0][0]), [m for m in made if m is not None])
    return [state]


def _trap(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
    """``trap ACTION EXIT`` and ``ERR``: signals don't come by themselves."""
    state.status = 0
    args = words[2:] if len(words) > 1 and words[1][0] == "--" else words[1:]
    if args and isinstance(args[0][0], str) and re.fullmatch(r"-[lpP]+", args[0][0]):
        emit_unknown(state)
        return [state]
    if len(args) == 1:  # back to what it was at first
        args = [("-", args[0][1]), *args]
    if not args:
        emit_unknown(state)
        return [state]
    action, place = args[0]
    for value, _ in args[1:]:
        name = value.upper().removeprefix("SIG") if isinstance(value, str) else None
        if name in ("EXIT", "0", None):
            state.trap = None if action in ("-", "") else (node, action, place)
        elif name == "ERR":
            depth = len(state.scopes)
            state.err = None if action in ("-", "") else (node, action, place, depth)
        elif vm.watch.told(str(action)):
            vm.lose(f"a trap of {name} runs it", place)
    return [state]


def _alias(vm: Machine, state: State, node: Simple, args: list[Text]) -> int | Undecided:
    if len(args) == 1:
        emit_unknown(state)
        return 0
    for arg in args[1:]:
        name, equals, rest = (arg if isinstance(arg, str) else arg.text).partition("=")
        if isinstance(arg, str):
            value: Text = rest
        else:
            value = vm.unlike(arg, rest, None)
        if equals and name:
            state.aliases = {**state.aliases, name: value}
        elif not equals:
            emit_unknown(state)
    return 0


def _unalias(vm: Machine, state: State, node: Simple, args: list[Text]) -> int | Undecided:
    gone = {a for a in args[1:] if isinstance(a, str)}
    known = state.aliases
    state.aliases = {} if "-a" in gone else {n: v for n, v in known.items() if n not in gone}
    return 0 if "-a" in gone or gone <= known.keys() else 1


def _true(_vm: Machine, _state: State, _node: Simple, _args: list[Text]) -> int:
    return 0


def _false(_vm: Machine, _state: State, _node: Simple, _args: list[Text]) -> int:
    return 1


def _exec(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:

    if len(words) == 1:
        state.status = 0
        return [state]
    found = external(vm, state, node, words)
    for after in found:
        after.flow = ("exit", 0)
        after.trap = None  # the shell isn't there any more
    return found


BUILTINS: dict[str, Builtin] = {
    ":": _plain(_true),
    "true": _plain(_true),
    "false": _plain(_false),
    "unset": _plain(_unset),
    "set": _plain(_set),
    "shopt": _plain(_shopt),
    "shift": _plain(_shift),
    "let": _plain(_let),
    "[": _plain(_test),
    "test": _plain(_test),
    "exit": _leave("exit"),
    "return": _leave("return"),
    "break": _leave("break"),
    "continue": _leave("continue"),
    "eval": _eval,
    "source": _source,
    ".": _source,
    "command": _command,
    "builtin": _command,
    "exec": _exec,
    "trap": _trap,
    "alias": _plain(_alias),
    "unalias": _plain(_unalias),
    "wait": _plain(lambda _r, s, n, _a: unknown_status(s, n)),
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly"), _declared),
    **{name: _plain(function) for name, function in (PRINTING | READING).items()},
}
