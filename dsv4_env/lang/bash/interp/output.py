"""Commands that print what their arguments say."""

from __future__ import annotations

import re
from collections.abc import Callable
from os.path import normpath
from pathlib import Path
from typing import TypeAlias

from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import emit, emit_unknown, heard, write
from dsv4_env.lang.bash.expand.state import State, Undecided, Var
from dsv4_env.lang.bash.expand.values import Symbol, Text
from dsv4_env.lang.bash.expand.variables import (
    assign,
    assign_item,
    find_variable,
    havoc,
    integer,
)
from dsv4_env.lang.bash.interp.paths import havoc_all, unknown_status
from dsv4_env.lang.bash.interp.streams import content_of, file_name
from dsv4_env.lang.bash.syntax.nodes import Simple
from dsv4_env.lang.bash.syntax.scan import unescape
from dsv4_env.model import Location

Status: TypeAlias = int | Undecided | None
Printer: TypeAlias = Callable[[Machine, State, Simple, list[Text]], Status]
MAX_SEQ = 100_000  # of `seq`: the output of more of them is left unknown
_TARGET = re.compile(r"[A-Za-z_]\w*(?:\[.+\])?", re.ASCII | re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_DIGITS = 5  # of a width or precision
_DIRECTIVE = re.compile(r"%([-+ 0#]*+)(\*|\d*+)(?:\.(\*|\d*+))?([%bcdiouxXsq])|%|\\", re.DOTALL)


def _echo(vm: Machine, state: State, _node: Simple, args: list[Text]) -> Status:
    if not heard(state) and vm.pure == 0:
        return 0
    newline, escapes, rest = True, "xpg_echo" in state.opts, args[1:]
    while rest and isinstance(rest[0], str) and re.fullmatch(r"-[neE]+", rest[0]):
        for letter in rest[0][1:]:
            if letter == "n":
                newline = False
            else:
                escapes = letter == "e"
        rest = rest[1:]
    pieces: list[Text] = []
    for i, value in enumerate(rest):
        if i:
            pieces.append(" ")
        if escapes:
            if isinstance(value, Symbol):
                emit_unknown(state)
                return 0
            if "\\c" in value or re.search(r"\\[0-7]", value):
                emit_unknown(state)
                return 0
            value = unescape(re.sub(r"\\(['\"?])", r"\\\\\1", value), narrow=vm.narrow)
        pieces.append(value)
    if newline:
        pieces.append("\n")
    emit(state, *pieces)
    return 0


def _printf(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    rest = args[1:]
    target = None
    if len(rest) >= 2 and rest[0] == "-v":
        target, rest = rest[1], rest[2:]
    if rest and rest[0] == "--":
        rest = rest[1:]
    if not rest or (
        args[1:] == rest and isinstance(form := rest[0], str) and form[:1] == "-" != form
    ):
        return 2
    try:
        text = _formatted(vm, rest[0], rest[1:])
        status: Status = unknown_status(state, node) if text is None else 0
    except ValueError:
        text, status = None, 1
    if target is None:
        if text is None:
            emit_unknown(state)
        elif text != "":
            emit(state, text)
        return status
    if not isinstance(target, str):
        lose_target(vm, state, node, target, "`printf -v`")
        return unknown_status(state, node)
    if not names_variable(target):
        return 2
    if text is None:
        havoc(vm, state, [target.partition("[")[0]], "`printf` of something that isn't known")
    else:
        assign_named(vm, state, target, text, state.source.place(node.pos))
    return status


def lose_target(vm: Machine, state: State, node: Simple, target: Symbol, how: str) -> None:
    """A variable that isn't known is set: where its name may be a pattern, ``A[1]``, that is A."""
    if m := re.match(r"([A-Za-z_]\w*)\[", target.text, re.ASCII):
        havoc(vm, state, [m[1]], f"{how} of an element")
    else:
        why = f"{how} into a variable that isn't known"
        havoc_all(vm, state, why, state.source.place(node.pos))


def names_variable(target: str) -> bool:
    """Whether a word names a variable, or an element of an array."""
    return _TARGET.fullmatch(target) is not None


def assign_named(vm: Machine, state: State, target: str, value: Text, place: Location) -> None:
    """Assign to a variable or an element of an array that a word names."""
    name, bracket, sub = target.partition("[")
    if not bracket:
        assign(vm, state, name, value, location=place)
        return
    sub = sub[:-1]
    var = find_variable(vm, state, name)
    if any(c in sub for c in "$`\\\"'") or sub in "@*":
        havoc(vm, state, [name], "which element was set isn't known")
    elif var is not None and var.kind == "A":
        assign_item(vm, state, name, sub, value)
    else:
        assign_item(vm, state, name, integer(vm, state, sub), value)


def _formatted(vm: Machine, form: Text, args: list[Text]) -> Text | None:
    if isinstance(form, Symbol) or any(isinstance(a, Symbol) and a.splits for a in args):
        return None
    pieces: list[Text] = []
    rest = list(args)
    while True:
        used = len(rest)
        pos = 0
        while pos < len(form):
            m = _DIRECTIVE.search(form, pos)
            if m is None:
                pieces.append(form[pos:])
                break
            pieces.append(form[pos : m.start()])
            if m[0] == "\\":
                e = re.compile(
                    r"\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}"
                    r"|[abfnrtv\\\"e]|(.))",
                    re.DOTALL,
                ).match(form, m.start())
                if e is None or e[1] is not None:
                    if e is not None and e[1] in ("c", "U", "E"):
                        return None
                    pieces.append(e[0] if e is not None else "\\")
                    pos = e.end() if e is not None else len(form)
                else:
                    pieces.append(unescape(e[0], narrow=vm.narrow))
                    pos = e.end()
                continue
            pos = m.end()
            if m[0] == "%%":
                pieces.append("%")
                continue
            vm.budget.step(count=3)
            if m[4] is None or m[2] == "*" or m[3] == "*":
                return None
            if max(len(m[2]), len(m[3] or "")) > _DIGITS:  # nobody wants so many blanks
                return None
            vm.made(max(int(m[2] or 0), int(m[3] or 0)))
            value: Text = rest.pop(0) if rest else ""
            piece = _directive(vm, value, m)
            if piece is None:
                return None
            pieces.append(piece)
        if not rest or len(rest) == used:
            break
    return vm.join(pieces) if pieces else ""


def _directive(vm: Machine, value: Text, m: re.Match[str]) -> Text | None:
    flags, width, precision, kind = m[1], m[2], m[3], m[4]
    if isinstance(value, Symbol):
        return value if kind == "s" and not (flags or width or precision is not None) else None
    if kind in "sbq":
        if not value.isascii() and (width or precision):
            return None
        if kind == "b":
            if "\\c" in value or re.search(r"\\0", value):
                return None
            value = unescape(value, narrow=vm.narrow)
        if kind == "q":
            if not value:
                value = "''"
            elif re.search(r"[^A-Za-z0-9_./:=@%+,-]", value):
                if not value.isprintable() or not value.isascii() or "~" in value:
                    return None
                value = re.sub(r"([^A-Za-z0-9_./:=@%+-])", r"\\\1", value)
            elif "," in value:
                value = value.replace(",", "\\,")
        if precision is not None:
            value = value[: int(precision or 0)]
        size = int(width or 0)
        return value.ljust(size) if "-" in flags else value.rjust(size)
    if kind == "c":
        return value[:1]
    if value[:1] in ("'", '"'):
        return None  # the number of a letter
    number = r"[ \t\n]*[-+]?(?:0[0-7]*|[1-9][0-9]*|0[xX][0-9a-fA-F]+)"
    if value and not re.fullmatch(number, value):
        raise ValueError  # no number: a warning, and it fails
    digits = value.lstrip(" \t\n-+")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
    if len(digits) > 30:  # it's cut to 64 bits
        return None
    whole = int(value or "0", base)
    if (whole < 0 and kind not in "di") or abs(whole) >= 2**63 or ("#" in flags and kind == "o"):
        return None
    spec = "%" + flags + width + ("" if precision is None else "." + precision)
    return (spec + {"i": "d", "u": "d"}.get(kind, kind)) % whole


def _path(last: bool) -> Printer:
    def command(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
        rest = [a for a in args[1:] if a != "--"]
        if (
            not rest
            or any(isinstance(a, str) and a.startswith("-") for a in rest)
            or (len(rest) > (2 if last else 1))
            or any(isinstance(a, Symbol) for a in rest[1:])
        ):
            emit_unknown(state)
            return unknown_status(state, node)
        value = rest[0]
        suffix = str(rest[1]) if len(rest) > 1 else ""
        if isinstance(value, Symbol):
            default = (
                None
                if value.default is None or value.splits
                else _part(value.default, suffix, last)
            )
            name = "basename" if last else "dirname"
            text = f"$({name} {value.text}{' ' + suffix if suffix else ''})"
            if value.splits:
                emit_unknown(state)
                return unknown_status(state, node)
            file = None if last or value.path is None else value.path.parent
            found = vm.derived(text, [value, name, suffix], default=default, path=file)
            emit(state, found, "\n")
            return 0
        emit(state, _part(value, suffix, last) + "\n")
        return 0

    return command


def _part(path: str, suffix: str, last: bool) -> str:
    stripped = path.rstrip("/")
    if not stripped:
        return ("/" if path else "") if last else ("/" if path else ".")
    if last:
        name = stripped.rpartition("/")[2]
        if suffix and name.endswith(suffix) and name != suffix:
            name = name[: -len(suffix)]
        return name
    head, slash, _ = stripped.rpartition("/")
    return head.rstrip("/") or "/" if slash else "."


def _pwd(vm: Machine, state: State, _node: Simple, args: list[Text]) -> Status:
    value: Text | None = state.cwd
    if value is None and len(args) == 1:
        value = vm.facts.get("pwd") or vm.inputs.get("PWD")
    if len(args) > 1 or value is None:
        emit_unknown(state)
        return 0
    emit(state, value, "\n")
    return 0


def _cd(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    operands = [a for a in args[1:] if a not in ("-P", "-L", "--")]
    target = operands[0] if len(operands) == 1 else None
    state.seq += 1
    known = isinstance(target, Symbol) or bool(target and not target.startswith(("/", "-", "+")))
    folder = vm.located(target, state) if target is not None and known else None
    if folder is not None:
        folder = Path(normpath(folder))
        key = ("folder", str(folder))
        why = "the script's folder" if isinstance(target, Symbol) else f"the folder {target}"
        state.cwd = vm.unknown("$(pwd)", why, key, path=folder)
    elif (
        isinstance(target, str)
        and target.startswith("/")
        and "//" not in target
        and not (re.search(r"/\.\.?(/|$)", target))
    ):
        state.cwd = target.rstrip("/") or "/"
    else:
        state.cwd = vm.unknown(
            "$(pwd)", "the folder that the script is in then", ("cwd", node, state.seq)
        )
    state.vars["PWD"] = Var("s", state.cwd, exported=True)
    there = folder is not None and isinstance(target, Symbol)
    return 0 if there else unknown_status(state, node)


def _cat(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:

    if len(args) == 1 or args[1:] == ["-"]:
        if state.stdin is None:
            emit_unknown(state)
            return unknown_status(state, node)
        emit(state, state.stdin)
        return 0
    contents = [content_of(vm, a, state) for a in args[1:]]
    if heard(state):
        vm.used.update(file_name(vm, state, a) for a in args[1:])
    if any(c is None for c in contents):
        emit_unknown(state)
        return unknown_status(state, node)
    emit(state, *[c for c in contents if c is not None])
    return 0


def _tee(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    text = state.stdin
    more = any(isinstance(a, str) and a in ("-a", "--append") for a in args)
    for target in args[1:]:
        if isinstance(target, str) and target.startswith("-"):
            continue
        name = file_name(vm, state, target)
        if not more:
            state.written[name] = ()
        vm.writes.setdefault(name, (state.source.place(node.pos), target))
        write(state, name, text)
    emit(state, text)
    return 0 if text is not None else unknown_status(state, node)


def _fact(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    text = " ".join(a for a in args if isinstance(a, str))
    known = vm.facts.get(text) if all(isinstance(a, str) for a in args) else None
    if known is None:
        emit_unknown(state)
        return unknown_status(state, node)
    emit(state, known + "\n")
    return 0


def _real_path(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    """``readlink -f`` and ``realpath`` of a path whose file is known."""
    flags = {"-f", "-e", "-m", "-s", "--"} if args[0] == "realpath" else {"-f", "-e", "-m", "--"}
    operands = [a for a in args[1:] if not (isinstance(a, str) and a in flags)]
    value = operands[0] if len(operands) == 1 else None
    resolves = args[0] == "realpath" or len(args) > 2
    if not resolves or not isinstance(value, Symbol) or value.path is None or value.splits:
        return _fact(vm, state, node, args)
    text = f"$({args[0]} {value.text})"
    emit(state, vm.derived(text, [value, str(args[0])], path=value.path), "\n")
    return 0


def _seq(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    numbers = [int(a) for a in args[1:] if isinstance(a, str) and re.fullmatch(r"-?\d{1,18}", a)]
    if len(numbers) != len(args) - 1 or not 1 <= len(numbers) <= 3:
        return _fact(vm, state, node, args)
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(
        len(numbers), tuple(numbers)
    )
    if step == 0:
        return _fact(vm, state, node, args)
    values = range(first, last + (1 if step > 0 else -1), step)
    if len(values) > MAX_SEQ:
        emit_unknown(state)
        return 0
    vm.tick(state, node.pos, len(values) >> 2)
    emit(state, "".join(f"{n}\n" for n in values))
    return 0


PRINTING: dict[str, Printer] = {
    "echo": _echo,
    "printf": _printf,
    "dirname": _path(False),
    "basename": _path(True),
    "pwd": _pwd,
    "cd": _cd,
    "pushd": _cd,
    "popd": _cd,
    "cat": _cat,
    "tee": _tee,
    "nproc": _fact,
    "hostname": _fact,
    "whoami": _fact,
    "readlink": _real_path,
    "realpath": _real_path,
    "seq": _seq,
}
