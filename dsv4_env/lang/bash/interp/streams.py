"""What a command reads from and prints to: descriptors, redirections, files, captured output."""

from __future__ import annotations

import posixpath
import re
from typing import TypeAlias

from dsv4_env.guard.files import looked_at, read_bytes
from dsv4_env.lang.bash.expand.decisions import contradicts
from dsv4_env.lang.bash.expand.fields import single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import anywhere, emit, held
from dsv4_env.lang.bash.expand.state import ForkError, Sink, State, Undecided
from dsv4_env.lang.bash.expand.values import Symbol, Text, identity
from dsv4_env.lang.bash.expand.variables import havoc
from dsv4_env.lang.bash.syntax.nodes import Redirect
from dsv4_env.model.condition import Test
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.model.secrets import meet

_SCRIPT = re.compile(r"\.(?:sh|bash|slurm|sbatch|job|service|py)$")
Held: TypeAlias = tuple["Text | None", dict[str, Sink], dict[str, "Text | None"]]


def held_streams(state: State) -> Held:
    """What to go back to behind a command with redirections."""
    return state.stdin, dict(state.fds), dict(state.inputs)


def give_back(state: State, held: Held, redirs: list[Redirect]) -> None:
    """Undo redirections: what was read of input that they didn't set stays read."""
    if any(r.op in _READS and r.fd in ("", "0") for r in redirs):
        state.stdin = held[0]
    state.fds = held[1]
    if any(r.op in _READS and r.fd not in ("", "0") for r in redirs):
        state.inputs = held[2]


_READS = ("<", "<>", "<&", "<<", "<<-", "<<<")


def redirected(
    vm: Machine, state: State, redirs: list[Redirect], *, may_fail: bool = False
) -> None:
    """Redirect descriptors, one after the other.

    With *may_fail*, a file that isn't known to be there may be missing: then RedirectError.
    """
    for r in redirs:
        value = single(vm, state, r.word)
        if r.op == "<<<":
            _read_from(state, r.fd, vm.join([value, "\n"]))
        elif r.op in ("<<", "<<-"):
            _read_from(state, r.fd, value)
        elif r.op in ("<", "<>"):
            _read_from(state, r.fd, _opened(vm, state, value, may_fail))
            if r.op == "<>" and r.fd not in ("", "0"):
                _lead(state, r.fd, _leads(vm, state, value))
        elif r.op in ("<&", ">&") and (
            isinstance(value, Symbol) or re.fullmatch(r"\d+-?|-", value)
        ):
            _duplicated(vm, state, r, value)
        elif r.op in (">&", "&>", "&>>"):  # both to a file
            sink = _leads(vm, state, value)
            if isinstance(sink, tuple) and r.op != "&>>":
                state.written[sink[0]] = ()
            _lead(state, "1", sink)
            _lead(state, "2", sink)
        else:
            sink = _leads(vm, state, value)
            if isinstance(sink, tuple) and r.op != ">>":
                state.written[sink[0]] = ()
            elif isinstance(sink, tuple) and sink[0] not in state.written:
                state.written[sink[0]] = (read_file(vm, value, state),)
            if isinstance(sink, tuple):
                vm.writes.setdefault(sink[0], (state.source.place(r.word.pos), value))
            _lead(state, _number(vm, state, r.fd) or "1", sink)


def unused_files(vm: Machine, states: list[State]) -> None:
    """Say so where a script is written that starts what is watched for, and never followed."""
    for state in states:
        for name, written in state.written.items():
            if name in vm.used or name not in vm.writes:
                continue
            text = "".join(v if isinstance(v, str) else v.text for v in written if v is not None)
            vm.budget.step(count=1 + (len(text) >> 6))
            place, path = vm.writes[name]
            shown = path if isinstance(path, str) else path.text
            if (text.startswith("#!") or _SCRIPT.search(shown)) and vm.watch.told(text):
                vm.lose(f"it is written to `{shortened(str(shown))}`", place)


class RedirectError(Exception):
    """A file that a command reads isn't there: the command doesn't run."""


def _opened(vm: Machine, state: State, value: Text, may_fail: bool) -> Text | None:
    """What a file holds that is opened for reading."""
    content = content_of(vm, value, state)
    vm.used.add(file_name(vm, state, value))
    if content is not None or not may_fail or str(value).startswith(("/dev/", "/proc/self/")):
        return content
    if isinstance(value, Symbol) and value.content is not None:
        return content
    if file_name(vm, state, value) in state.written:
        return content
    shown = value if isinstance(value, str) else value.text
    condition = Undecided(("opens", identity(value)), Test(f"< {shown}", "succeeds"), command=True)
    known = contradicts(state, condition)
    if known is None:
        raise ForkError(condition)
    if not known:
        raise RedirectError
    return content


def _read_from(state: State, fd: str, text: Text | None) -> None:
    if fd in ("", "0"):
        state.stdin = text
    else:
        state.inputs = {**state.inputs, fd: text}


def _number(vm: Machine, state: State, fd: str) -> str:
    """The descriptor that is redirected: of ``{NAME}`` bash chooses one, and NAME tells which."""
    if fd.startswith("{"):
        havoc(vm, state, [fd[1:-1]], "a descriptor that bash chooses", quiet=True)
    return fd


def _lead(state: State, fd: str, sink: Sink | None) -> None:
    fds = dict(state.fds)
    fds.pop(fd, None)
    if sink is not None and sink != 0:
        fds[fd] = sink
    state.fds = fds


def _duplicated(vm: Machine, state: State, r: Redirect, value: Text) -> None:
    """``2>&1``, ``3<&0``, ``3>&-``, ``1>&3-``."""
    fd = _number(vm, state, r.fd) or ("0" if r.op == "<&" else "1")
    if r.fd.startswith("{") and value == "-":
        return
    if isinstance(value, Symbol):
        _lead(state, fd, anywhere(state))
        if r.op == "<&":
            _read_from(state, fd, None)
        return
    source = value.removesuffix("-")
    _lead(state, fd, state.fds.get(source) if source else None)
    if source != fd and (r.op == "<&" or source in state.inputs):
        # They share one place in the file: how far it is read isn't followed through two.
        _read_from(state, fd, None)
        if source:
            _read_from(state, source, None)
    if source and value != source:
        _lead(state, source, None)


def _leads(vm: Machine, state: State, value: Text) -> Sink | None:
    """Where a descriptor leads that a file is opened for."""
    if isinstance(value, Symbol):
        shown = f"{value.text}{value.default or ''}"
        if re.search(r"/dev/|/proc/|>\(", shown):
            return anywhere(state)
    elif m := re.fullmatch(r"/(?:dev|proc/self)/(?:fd/(\d+)|stdout|(stderr))", value):
        return state.fds.get(m[1] or ("2" if m[2] else "1"))
    elif value.startswith("/dev/"):
        return None
    return (file_name(vm, state, value),)


def file_name(vm: Machine, state: State, path: Text) -> str | int:
    """What a file is told by that the script writes: the same for the same file."""
    if isinstance(path, Symbol):
        return path.number
    name = posixpath.normpath(path) if path else path
    if name.startswith("/") or state.cwd is None:
        return name
    return posixpath.join(
        state.cwd if isinstance(state.cwd, str) else f"<{state.cwd.number}>", name
    )


def content_of(vm: Machine, path: Text, state: State) -> Text | None:
    """What a file holds, a part of it maybe unknown: one that the script wrote or that is there."""
    written = state.written.get(file_name(vm, state, path))
    if written is None:
        return read_file(vm, path, state)
    pieces = held(written)
    return None if pieces is None else vm.join(pieces) if pieces else ""


def read_file(vm: Machine, path: Text, state: State) -> str | None:
    """What a file below the root holds, None where that isn't known."""
    if isinstance(path, Symbol) and path.content is not None:
        return path.content
    if file_name(vm, state, path) in state.written:
        known = content_of(vm, path, state)
        return known if isinstance(known, str) else None
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
    emit(state, content_of(vm, single(vm, state, redirect.word), state))
