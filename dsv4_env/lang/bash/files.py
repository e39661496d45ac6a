"""Files that a script sources."""

from __future__ import annotations

from dsv4_env.lang.bash.state import FatalError, Run, State
from dsv4_env.lang.bash.syntax import Simple, Source
from dsv4_env.lang.bash.tree import parse
from dsv4_env.model import Location, Note, Unknown, Value


def sourced(
    run: Run, state: State, node: Simple, words: list[tuple[Value, Location]]
) -> list[State]:
    """``source file [arguments]``: run where the file lies below the root, else unknown."""
    from dsv4_env.lang.bash.commands import read_file
    from dsv4_env.lang.bash.declare import taint, unknown_status
    from dsv4_env.lang.bash.interp import program

    if len(words) < 2:
        state.status = 2
        return [state]
    run.budget.step(count=12)  # looking for it
    name = words[1][0]
    text = read_file(run, name, state)
    place = words[0][1]
    if text is None or "\0" in text:
        shown = name.text if isinstance(name, Unknown) else name
        taint(run, state, f"`{words[0][0]} {shown}` ran a file that isn't known", place)
        state.status = unknown_status(state, node)
        return [state]
    file = str(run.located(name, state))
    block, problem = parse(text, run.budget)
    if problem is not None:
        where = Source(text, file).place(problem.pos)
        state.note(Note(f"{where} syntax error: {problem.message}", where))
        state.partial = True
    outer_source, outer_params = state.source, state.params
    outer_given = state.shifted, state.given
    replaced, state.replaced = state.replaced, False
    state.source = Source(text, file)
    if len(words) > 2:
        state.params = [v for v, _ in words[2:]]
    state.depth += 1
    state.sourced += 1
    if state.depth > 50:
        raise FatalError
    state.status = 0
    found = program(run, block, [state], outermost=False)
    for after in found:
        after.source = outer_source
        if problem is not None:
            taint(run, after, f"`{file}` isn't known beyond a syntax error", place)
        after.depth -= 1
        after.sourced -= 1
        if len(words) > 2 and (after.scopes or not after.replaced):
            after.params = outer_params
            after.shifted, after.given = outer_given
        after.replaced |= replaced
        if after.flow is not None and after.flow[0] == "return":
            after.flow = None
    return found
