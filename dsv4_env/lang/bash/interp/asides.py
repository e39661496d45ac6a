"""Commands that cost more than they matter: followed up to a limit, and else what they set is
unknown from there on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dsv4_env.lang.bash.expand.assignments import Assigned, assigned
from dsv4_env.lang.bash.expand.decisions import decide
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import emit_unknown
from dsv4_env.lang.bash.expand.state import State, Undecided
from dsv4_env.lang.bash.expand.variables import havoc, unknown_params
from dsv4_env.lang.bash.interp.paths import havoc_all, merge_paths, with_errexit
from dsv4_env.lang.bash.syntax.nodes import Block, ForArith, Node, Simple, While, Word
from dsv4_env.model import Location, Note
from dsv4_env.model.budget import AllowanceError
from dsv4_env.model.condition import Test
from dsv4_env.model.errors import shortened

_ASIDE = 600  # steps of a command that no launch depends on
_LEAST = 2_000  # of one that may set what a launch reads, at least
_PART = 16  # of what is left of the budget, for all paths together


def run_items(
    vm: Machine, items: Sequence[Node], states: list[State], *, status: bool
) -> list[State]:
    """The states after some commands; *status* says whether that of the last one matters."""
    for i, item in enumerate(items):
        matters = status and i == len(items) - 1
        states = _run_item(vm, item, states, matters=matters)
    return states


def _run_item(vm: Machine, item: Node, states: list[State], *, matters: bool) -> list[State]:
    if vm.aside or not _is_dear(vm, item, states[0]) or vm.outline.leads(item):
        return vm.execute(item, states)
    counts = bool(vm.whole) or matters or vm.outline.counts(item)
    if counts:
        left = vm.budget.steps - vm.budget.spent_steps
        allowed = max(_LEAST, left // _PART // len(states))
    else:
        allowed = _ASIDE
    found: list[State] = []
    for state in states:
        if state.flow is not None:
            found.append(state)
            continue
        before = state.copy()
        kept = vm.whole, vm.pure, vm.forks, len(vm.running), len(vm.skipped), set(vm.exits)
        vm.aside = not counts
        try:
            with vm.budget.allowance(allowed):
                found += vm.execute(item, [state])
        except AllowanceError:
            if vm.budget.overdrawn:
                raise
            vm.whole, vm.pure, vm.forks = kept[:3]
            del vm.running[kept[3] :], vm.skipped[kept[4] :]
            vm.exits = kept[5]
            found.append(_passed(vm, item, before, counts=counts))
        finally:
            vm.aside = False
    return merge_paths(vm, found)


def _is_dear(vm: Machine, item: Node, state: State) -> bool:
    """Whether a command may take many steps: all but those that are one command alone."""
    if not isinstance(item, Simple):  # a loop that may never end decides what comes behind it
        return not isinstance(item, (Block, While, ForArith))
    first = item.words[0] if item.words else None
    name = first.plain if isinstance(first, Word) else None
    return name in state.funcs or "$(" in vm.outline.text(item)


def _passed(vm: Machine, item: Node, state: State, *, counts: bool) -> State:
    """A command that isn't followed: what it assigns isn't known."""
    place = state.source.place(_position(item))
    text = shortened(vm.outline.text(item), 60)
    why = f"`{text}` takes too many steps to follow"
    reason = why if counts else f"`{text}` isn't followed: no launch depends on it"
    found = assigned(item, state, vm.budget)
    names = sorted(found.names)
    havoc(vm, state, names, reason)
    let_go(vm, state, found, names, reason, Test(f"`{text}` exports it"), place)
    if found.params:
        unknown_params(state, item)
    emit_unknown(state)
    state.seq += 1
    if counts:
        state.note(Note(f"{why}: what it sets isn't known", place))
        key = ("passed", item, state.seq)
        decide(vm, state, Undecided(key, Test(f"`{text}`", "goes on")), True)
    test = Test(f"`{text}`", "succeeds")
    state.status = Undecided(("status", item, state.seq), test, command=True)
    return with_errexit(state)


def let_go(
    vm: Machine,
    state: State,
    found: Assigned,
    names: Sequence[str],
    reason: str,
    exports: Test,
    place: Location,
) -> None:
    """What else is unknown of variables that are, behind commands nobody knows how often run.

    They may be unset or exported there, which *exports* says; *found* is what the commands do.
    """
    for name in names:
        if (var := state.vars.get(name)) is not None:
            exported = name in found.exports or found.allexport or "allexport" in state.opts
            state.vars[name] = replace(
                var,
                maybe=var.maybe or name in found.unsets,
                perhaps=exports if exported else var.perhaps,
            )
    if found.wild:
        havoc_all(vm, state, reason, place)


def _position(node: Node) -> int:
    """Where a command stands, as far as its tree says."""
    found = getattr(node, "pos", None) or getattr(node, "body_pos", None)
    return found if isinstance(found, int) else 0
