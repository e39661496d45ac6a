"""Builtins of bash, and commands that only print what their arguments say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from dsv4_env.lang.bash import conditions as tests
from dsv4_env.lang.bash import output
from dsv4_env.lang.bash import words as w
from dsv4_env.lang.bash.declare import declare, taint, text_of, unknown_operand, unknown_status
from dsv4_env.lang.bash.reading import READERS
from dsv4_env.lang.bash.special import own_params, unknown_params
from dsv4_env.lang.bash.state import Condition, FatalError, Run, State
from dsv4_env.lang.bash.syntax import Assign, Simple, Word
from dsv4_env.lang.bash.variables import forget, unset
from dsv4_env.lang.bash.ways import decide
from dsv4_env.model import Location, Note, Unknown, Value

Words: TypeAlias = list[tuple[Value, Location]]


Builtin: TypeAlias = Callable[[Run, State, Simple, Words], list[State]]


MAX_DEPTH = 50  # of texts that run texts
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
    function: Callable[[Run, State, Simple, list[Value]], int | Condition | None],
) -> Builtin:
    def builtin(run: Run, state: State, node: Simple, words: Words) -> list[State]:
        status = function(run, state, node, [v for v, _ in words])
        if status is not None:
            state.status = status
        return [state]

    return builtin


def _unset(run: Run, state: State, node: Simple, args: list[Value]) -> int:
    functions = variables = False
    status = 0
    for arg in args[1:]:
        if isinstance(arg, Unknown):
            taint(run, state, f"`unset {arg.text}`", state.source.place(node.pos))
        elif arg in ("-f", "-v", "--", "-n"):
            functions = functions or arg == "-f"
            variables = variables or arg == "-v"
        elif functions:
            _undefine(state, arg)
        elif m := re.fullmatch(r"([A-Za-z_]\w*)\[(.*)\]", arg, re.ASCII | re.DOTALL):
            _unset_item(run, state, m[1], m[2])
        elif arg not in state.vars and arg in state.funcs and not variables:
            _undefine(state, arg)
        else:
            var = state.vars.get(arg)
            if var is not None and var.readonly:
                status = 1
            unset(state, arg)
    return status


def _undefine(state: State, name: str) -> None:
    if name in state.funcs:
        state.funcs = state.funcs.copy()
        del state.funcs[name]


def _unset_item(run: Run, state: State, name: str, sub: str) -> None:
    var = state.vars.get(name)
    if var is None or not var.kind:
        return
    known = (
        var.items is not None and re.fullmatch(r"\d{1,18}", sub)
        if var.kind == "a"
        else (var.items is not None and re.fullmatch(r"[\w.-]+", sub))
    )
    if not known or any(isinstance(v, Unknown) and v.splits for v in (var.items or {}).values()):
        forget(state, run, [name], "an element was unset")
        return
    key: int | str = int(sub) if var.kind == "a" else sub
    items = {k: v for k, v in (var.items or {}).items() if k != key}
    state.vars[name] = replace(var, items=items)


def _set(_run: Run, state: State, node: Simple, args: list[Value]) -> int:
    rest = list(args[1:])
    if not rest:
        output.unknown(state)
        return 0
    opts = set(state.opts)
    while rest:
        arg = rest[0]
        if isinstance(arg, Unknown):
            unknown_params(state, id(node))
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


def _shopt(_run: Run, state: State, node: Simple, args: list[Value]) -> int | Condition:
    names = [a for a in args[1:] if isinstance(a, str)]
    on = any(re.fullmatch(r"-[qo]*s[qo]*", n) for n in names)
    off = any(re.fullmatch(r"-[qo]*u[qo]*", n) for n in names)
    options = [n for n in names if not n.startswith("-")]
    if on:
        state.opts |= set(options)
        if "expand_aliases" in options:
            state.note(Note("aliases aren't followed", state.source.place(node.pos)))
    elif off:
        state.opts -= set(options)
    else:
        return unknown_status(state, node)
    return 0


def _shift(_run: Run, state: State, node: Simple, args: list[Value]) -> int | Condition:
    if len(args) > 1 and not (isinstance(args[1], str) and re.fullmatch(r"[0-9]{1,18}", args[1])):
        unknown_params(state, id(node))
        return unknown_status(state, node)
    count = int(str(args[1])) if len(args) > 1 else 1
    if count == 0:
        return 0
    if state.params is None and count == 1 and not state.given:
        state.shifted += 1  # where there is none left, there is none afterwards either
        return unknown_status(state, node)
    if state.params is None or any(
        isinstance(v, Unknown) and v.splits for v in state.params[:count]
    ):
        unknown_params(state, id(node), own=own_params(state))
        return unknown_status(state, node)
    if count > len(state.params):
        return 1
    state.params = state.params[count:]
    return 0


def _leave(kind: str) -> Builtin:
    def builtin(run: Run, state: State, node: Simple, words: Words) -> list[State]:
        count = words[1][0] if len(words) > 1 else None
        if kind in ("break", "continue"):
            state.status = 0
            if not state.loops:
                return [state]
            if isinstance(count, str) and not re.fullmatch(r"[-+]?[0-9]{1,18}", count):
                raise FatalError
            number = max(int(count), 0) if isinstance(count, str) else 1
            if isinstance(count, Unknown):
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
            for path in state.alts:
                run.exits.update(path)
                for key, _ in path:
                    run.where.setdefault(key, words[0][1])
        return [state]

    return builtin


def _eval(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    code = run.join([x for v, _ in words[1:] for x in (v, " ")][:-1]) if len(words) > 1 else ""
    return nested(run, state, node, code, words[0][1])


def nested(run: Run, state: State, node: Simple, text: Value, place: Location) -> list[State]:
    """Run a text in this shell."""
    from dsv4_env.lang.bash.holes import code_of
    from dsv4_env.lang.bash.interp import program
    from dsv4_env.lang.bash.syntax import Source

    parsed = code_of(run, state, text, place)
    if parsed is None:
        shown = text if isinstance(text, str) else text.text
        taint(run, state, f"`eval {shown[:60]}` ran text that isn't known", place)
        state.status = unknown_status(state, node)
        return [state]
    code, block, problem = parsed
    if isinstance(text, Unknown):
        taint(
            run, state, f"`eval {text.text[:60]}` ran text that isn't all known", place, names=False
        )
    if problem is not None:
        taint(run, state, "what `eval` of text with a syntax error sets isn't known", place)
        state.partial = True
        state.status = unknown_status(state, node)
        state.seq += 1
        key = ("ends", id(node), state.seq)
        decide(state, run, Condition(key, "what `eval` runs doesn't end the script", "…"), True)
        return [state]
    if state.depth >= MAX_DEPTH or not run.follows(block, state):
        why = "a text that `eval` runs takes too many steps to follow"
        run.skipped.append(Note(why, place))
        taint(run, state, why, place)
        state.partial = True
        state.status = unknown_status(state, node)
        return [state]
    outer = state.source
    state.source = Source(code, place.path, at=place)
    state.depth += 1
    if not block.items:
        state.status = 0
    found = program(run, block, [state], outermost=False)
    for after in found:
        after.source = outer
        after.depth -= 1
        if after.flow == ("discard", 1):
            after.flow = None
    return found


def _source(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    from dsv4_env.lang.bash.files import sourced

    return sourced(run, state, node, words)


def _test(run: Run, state: State, node: Simple, args: list[Value]) -> int:
    if args[0] == "[":
        if args[-1] != "]":
            return 2
        args = args[:-1]
    return tests.test(run, state, args[1:], text_of(node, state))


def _let(run: Run, state: State, node: Simple, args: list[Value]) -> int | Condition:
    from dsv4_env.lang.bash.interp import truth

    value: Value = "0"
    for arg in args[1:]:
        if isinstance(arg, Unknown):
            names = [n for g in w.WRITES.findall(arg.text) for n in g if n]
            if names and "$" not in arg.text:
                forget(state, run, names, "set by `let`")
            else:
                taint(run, state, f"`let {arg.text}`", state.source.place(node.pos))
            return unknown_status(state, node)
        try:
            value = w.evaluated(run, state, arg, f"$(({arg}))")
        except FatalError as fatal:
            if not fatal.discard:
                raise
            return 1  # unlike in $((…)), the script goes on
    return truth(run, state, value, text_of(node, state))


def _command(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    """``command`` and ``builtin``: what follows, but never a function."""
    from dsv4_env.lang.bash.launch import external

    rest = words[1:]
    while rest and rest[0][0] in ("-p", "--"):
        rest = rest[1:]
    if not rest:
        state.status = 0
        return [state]
    first = rest[0][0]
    if isinstance(first, str) and first.startswith("-"):
        output.unknown(state)
        state.status = unknown_status(state, node)
        return [state]
    if isinstance(first, str) and first in BUILTINS:
        return BUILTINS[first](run, state, node, rest)
    return external(run, state, node, rest)


def _declared(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    """A declaration behind ``command``, or with assignments before it: words, not syntax."""
    state.status = 0
    before = [x for x in node.words if isinstance(x, Assign)]
    if before and isinstance(node.words[0], Word) and node.words[0].plain == words[0][0]:
        declare(run, state, node, str(words[0][0]), node.words[1:])
        return [state]
    made = [Word([], node.pos, node.end, v) if isinstance(v, str) else None for v, _ in words[1:]]
    if any(m is None for m in made):
        for value, place in words[1:]:
            if isinstance(value, Unknown):
                unknown_operand(run, state, value, place, exported=words[0][0] == "export")
    declare(run, state, node, str(words[0][0]), [m for m in made if m is not None])
    return [state]


def _trap(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    """``trap ACTION EXIT``: the other signals don't come by themselves."""
    state.status = 0
    args = words[2:] if len(words) > 1 and words[1][0] == "--" else words[1:]
    if any(value in ("EXIT", "0") or isinstance(value, Unknown) for value, _ in args[1:]):
        action, place = args[0]
        state.trap = None if action in ("-", "") else (node, action, place)
    return [state]


def ended(run: Run, states: list[State]) -> None:
    """Run what was to run when the shell ends."""
    for state in states:
        if state.trap is not None:
            node, action, place = state.trap
            state.trap, state.flow = None, None
            nested(run, state, node, action, place)


def _true(_run: Run, _state: State, _node: Simple, _args: list[Value]) -> int:
    return 0


def _false(_run: Run, _state: State, _node: Simple, _args: list[Value]) -> int:
    return 1


def _exec(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    from dsv4_env.lang.bash.launch import external

    if len(words) == 1:
        state.status = 0
        return [state]
    found = external(run, state, node, words)
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
    "wait": _plain(lambda _r, s, n, _a: unknown_status(s, n)),
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly"), _declared),
    **{name: _plain(function) for name, function in (output.COMMANDS | READERS).items()},
}
