"""Where output goes: captures of ``$(…)`` and of pipes, files that the script writes."""

from __future__ import annotations

from collections.abc import Sequence

from dsv4_env.lang.bash.expand.state import Sink, State, Written
from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.expand.values import Text

MAX_WRITTEN = 2_000  # pieces of a file: what more is written isn't known


def begin_capture(state: State) -> None:
    """Capture what standard output gets from here on."""
    state.out = []
    state.level += 1
    state.fds = {**state.fds, "1": state.level}
    state.spilled = frozenset()


def spill(state: State, ends: Sequence[State]) -> None:
    """Take over what was written to captures further out, and to files, in a subshell."""
    for end in ends:
        for level in end.spilled:
            _into(state, level, None)
    state.written = written_together(ends)


def written_together(states: Sequence[State]) -> Layers[str | int, Written]:
    """What files hold on all of some paths: where they differ, it isn't known."""
    found = states[0].written.copy()
    for other in states[1:]:
        for name in list(found.differing(other.written)):
            one, two = found.get(name, ()), other.written.get(name, ())
            if one != two:
                found = found.plus(name, (*one, None, *two)[:MAX_WRITTEN])
    return found


def heard(state: State) -> bool:
    """Whether it matters what is printed to standard output."""
    return "1" in state.fds


def emit(state: State, *values: Text | None, fd: str = "1") -> None:
    """Print to a descriptor; None: it isn't known what."""
    sink = state.fds.get(fd)
    if sink is None:
        return
    if isinstance(sink, tuple):
        write(state, sink[0], *values)
    elif sink > 0:
        _into(state, sink, *values)
    else:  # to any of them, or elsewhere
        for level in range(1, 1 - sink):
            _into(state, level, None)


def emit_unknown(state: State, text: Text | None = None) -> None:
    """Something may be printed, but not known what: to standard output and error.

    Where it's a text of which something is known, that is *text*.
    """
    emit(state, text)
    emit(state, None, fd="2")


def _into(state: State, level: int, *values: Text | None) -> None:
    if level == state.level and state.out is not None:
        state.out += values
    else:
        state.spilled |= {level}


def write(state: State, name: str | int, *values: Text | None) -> None:
    """Write to the end of a file."""
    before = state.written.get(name, (None,))
    if len(before) + len(values) > MAX_WRITTEN:
        values = () if before[-1] is None else (None,)
    state.written[name] = (*before, *values)


def anywhere(state: State) -> Sink:
    """Where a descriptor leads that isn't known."""
    return -state.level


def held(written: Written) -> list[Text] | None:
    """What a file holds that the script wrote, None where not all is known."""
    known = [v for v in written if v is not None]
    return known if len(known) == len(written) else None
