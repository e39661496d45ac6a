"""What a command reads from and prints to: redirections, files, captured output."""

from __future__ import annotations

from dsv4_env.guard.files import looked_at, read_bytes
from dsv4_env.lang.bash.expand.fields import single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import State
from dsv4_env.lang.bash.expand.values import Symbol, Text
from dsv4_env.lang.bash.syntax.nodes import Redirect
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import meet


def captured(redirs: list[Redirect]) -> bool:
    """Whether standard output still goes where it went."""
    for r in redirs:
        if r.op in (">", ">>", "&>", "&>>", ">|", ">&", "<>") and r.fd in ("", "1"):
            return False
    return True


def redirected(vm: Machine, state: State, redirs: list[Redirect]) -> tuple[Text | None] | None:
    """Expand what redirections need; what standard input is then, where one sets it."""
    found: tuple[Text | None] | None = None
    for r in redirs:
        value = single(vm, state, r.word)
        if r.op == "<<<":
            found = (vm.join([value, "\n"]),)
        elif r.op in ("<<", "<<-"):
            found = (value,)
        elif r.op in ("<", "<>", "<&") and r.fd in ("", "0"):
            found = (read_file(vm, value, state),)
    return found


def read_file(vm: Machine, path: Text, state: State) -> str | None:
    """What a file below the root holds, None where that isn't known."""
    if isinstance(path, Symbol) and path.content is not None:
        return path.content
    file = vm.located(path, state)
    if file is None or not vm.below_root(file):
        return None
    looked_at(file)
    try:
        text = read_bytes(file, root=vm.root).decode("utf-8", "surrogateescape")
    except ReadError:
        return None
    meet(text)
    return text


def emit_file(vm: Machine, state: State, redirect: Redirect) -> None:
    """``$(< FILE)``: what the file holds is printed."""
    if state.out is not None:
        state.out.append(read_file(vm, single(vm, state, redirect.word), state))


def emit(state: State, *values: Text) -> None:
    """Add to the output that is being captured."""
    if state.out is not None:
        state.out += values


def emit_unknown(state: State) -> None:
    """Something is printed, but not known what."""
    if state.out is not None:
        state.out.append(None)
