"""Commands that read: ``read``, ``mapfile`` and ``getopts``."""

from __future__ import annotations

import re
from dataclasses import replace

from dsv4_env.lang.bash.expand.fields import delimiter
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import State, Var
from dsv4_env.lang.bash.expand.values import Symbol, Text
from dsv4_env.lang.bash.expand.variables import assign, havoc, scalar_value, separators, store
from dsv4_env.lang.bash.interp.output import _IDENTIFIER, Printer, Status, assign_named, lose_target
from dsv4_env.lang.bash.interp.paths import unknown_status
from dsv4_env.lang.bash.syntax.nodes import Simple


def _read(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    names: list[str] = []
    flags = set[str]()
    rest = args[1:]
    sure, whole, fd = True, False, "0"
    while rest:
        arg = rest.pop(0)
        if isinstance(arg, Symbol):
            for one in (arg, *(x for x in rest if isinstance(x, Symbol))):
                lose_target(vm, state, node, one, "`read`")
            others = [x for x in rest if isinstance(x, str) and _IDENTIFIER.fullmatch(x)]
            havoc(vm, state, [*names, *others], "`read`")
            state.stdin = None
            return unknown_status(state, node)
        if arg.startswith("-") and len(arg) > 1 and not names:
            for i, letter in enumerate(arg[1:]):
                flags.add(letter)
                if letter in "adinNptu":
                    value = arg[i + 2 :] or (rest.pop(0) if rest else "")
                    if letter == "a":
                        names.append(str(value))
                    elif letter == "d" and value == "":
                        whole = True
                    elif letter == "u" and isinstance(value, str):
                        fd = value
                    elif letter not in "pt":
                        sure = False
                    break
        else:
            names.append(arg)
    whole_names = names
    names = [n.partition("[")[0] for n in names]
    if any(not _IDENTIFIER.fullmatch(n) for n in (whole_names if "a" in flags else names)):
        return 1 if sure else unknown_status(state, node)
    text = state.stdin if fd == "0" else state.inputs.get(fd)
    place = state.source.place(node.pos)
    if not sure or not isinstance(text, str):
        havoc(vm, state, names or ["REPLY"], "read from outside the script")
        for name in names:
            if "a" in flags:
                state.seq += 1
                value = vm.unknown(
                    f"${{{name}[@]}}",
                    "read from outside the script",
                    ("read", name, state.seq),
                    splits=True,
                )
                state.vars[name] = replace(state.vars[name], kind="a", items=None, value=value)
        _left(state, fd, None)
        return unknown_status(state, node)
    vm.budget.step((state.source, node.pos), len(text) >> 10)  # what is left of it is copied
    line, newline, left = (text, "", "") if whole else text.partition("\n")
    if "r" not in flags and "\\" in line:
        havoc(vm, state, names or ["REPLY"], "read with backslashes in it")
        return unknown_status(state, node)
    _left(state, fd, left)
    ifs = separators(vm, state)
    if isinstance(ifs, Symbol):
        havoc(vm, state, names or ["REPLY"], "IFS isn't known")
        return unknown_status(state, node)
    if "a" in flags:
        state.vars[names[0]] = replace(
            state.vars.get(names[0], Var()),
            kind="a",
            value="",
            items=dict(enumerate(read_fields(vm, line, ifs, 0))),
        )
    elif not names:
        assign(vm, state, "REPLY", line, location=place)
    else:
        found = read_fields(vm, line, ifs, len(names))
        for i, name in enumerate(whole_names):
            assign_named(vm, state, name, found[i] if i < len(found) else "", place)
    return 0 if newline else 1


def _left(state: State, fd: str, text: Text | None) -> None:
    """What is left to read from a descriptor."""
    if fd == "0":
        state.stdin = text
    else:
        state.inputs = {**state.inputs, fd: text}


def read_fields(vm: Machine, line: str, ifs: str, limit: int) -> list[str]:
    """The fields of a line as ``read`` splits it; the last takes the rest, *limit* 0: no limit."""
    white = "".join(c for c in ifs if c in " \t\n")
    rest = line.strip(white) if white else line
    found: list[str] = []
    pos, between = 0, delimiter(ifs)
    vm.budget.step(count=len(rest) >> 3)
    while pos < len(rest):
        m = between.search(rest, pos)
        if limit and len(found) == limit - 1:
            # A single delimiter that ends the line ends the last field.
            found.append(rest[pos : m.start()] if m and m.end() == len(rest) else rest[pos:])
            return found
        if m is None:
            found.append(rest[pos:])
            break
        found.append(rest[pos : m.start()])
        pos = m.end()
    return found


def _mapfile(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    names = [a for a in args[1:] if isinstance(a, str) and not a.startswith("-")]
    flags = [a for a in args[1:] if isinstance(a, str) and a.startswith("-")]
    name = names[-1] if names else "MAPFILE"
    if not _IDENTIFIER.fullmatch(name):
        return 1
    unknown = [a for a in args if isinstance(a, Symbol)]
    if unknown:
        for one in unknown:
            lose_target(vm, state, node, one, "`mapfile`")
        return unknown_status(state, node)
    old = state.vars.get(name, Var())
    if isinstance(state.stdin, str) and set(flags) <= {"-t"} and len(names) <= 1:
        lines = state.stdin.splitlines(keepends=True) if "\r" not in state.stdin else None
        if lines is not None and state.stdin.isascii():
            if flags:
                lines = [x.rstrip("\n") for x in lines]
            vm.tick(state, node.pos, len(lines) >> 2)
            state.vars[name] = replace(old, kind="a", value="", items=dict(enumerate(lines)))
            return 0
    state.seq += 1
    value = vm.unknown(
        f"${{{name}[@]}}", "read from outside the script", ("read", name, state.seq), splits=True
    )
    state.vars[name] = replace(old, kind="a", value=value, items=None)
    return unknown_status(state, node)


def _getopts(vm: Machine, state: State, node: Simple, args: list[Text]) -> Status:
    options, name = (args[1], args[2]) if len(args) >= 3 else ("", "")
    given = args[3:] if len(args) > 3 else state.params
    index = scalar_value(vm, state, "OPTIND")
    if (
        given is None
        or not all(isinstance(v, str) for v in given)
        or not isinstance(options, str)
        or not isinstance(name, str)
        or not isinstance(index, str)
        or not re.fullmatch(r"\d{1,9}", index)
    ):
        havoc(vm, state, [str(name), "OPTARG", "OPTIND"], "an option of the script")
        return unknown_status(state, node)
    within = scalar_value(vm, state, "__OPTCHAR") if "__OPTCHAR" in state.vars else "0"
    at, char = int(index) - 1, int(str(within))
    words = [str(v) for v in given]
    silent, options = options.startswith(":"), options.lstrip(":")

    def assign_(target: str, value: str) -> None:
        store(state, target, state.vars.get(target), value, None, None)

    if char == 0 and (at >= len(words) or not re.match(r"-.", words[at]) or words[at] == "--"):
        assign_("OPTIND", str(at + 1 + (at < len(words) and words[at] == "--")))
        assign_(name, "?")
        return 1
    char = char or 1
    letter = words[at][char]
    where = options.find(letter) if letter != ":" else -1
    char += 1
    state.vars.pop("OPTARG", None) if where < 0 and not silent else None
    if where < 0:
        assign_(name, "?")
        if silent:
            assign_("OPTARG", letter)
    elif options[where + 1 : where + 2] == ":":
        if char < len(words[at]):
            assign_("OPTARG", words[at][char:])
            assign_(name, letter)
        elif at + 1 < len(words):
            at += 1
            assign_("OPTARG", words[at])
            assign_(name, letter)
        else:
            assign_(name, ":" if silent else "?")
            if silent:
                assign_("OPTARG", letter)
        char = len(words[at])
    else:
        assign_(name, letter)
        state.vars["OPTARG"] = Var("")
    if char >= len(words[at]):
        at, char = at + 1, 0
    assign_("OPTIND", str(at + 1))
    state.vars["__OPTCHAR"] = Var("s", str(char))
    return 0


READING: dict[str, Printer] = {
    "read": _read,
    "mapfile": _mapfile,
    "readarray": _mapfile,
    "getopts": _getopts,
}
