"""Tests that only a run decides: deciding them on a path, and what is known of them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import (
    ForkError,
    State,
    Undecided,
)
from dsv4_env.lang.bash.expand.values import ALWAYS, Alternatives, Key, Symbol
from dsv4_env.model import Location, RequiredInput
from dsv4_env.model.condition import Test, shorter

MAX_TOGETHER = 256  # alternatives that are told apart where they are put together
MAX_COMPARED = 4_000_000  # of their lengths, squared and added up


def decide(vm: Machine, state: State, condition: Undecided, answer: bool) -> bool:
    """Take a decision on this path; False when the path can't be."""
    key = condition.key
    known = state.decided.get(key)
    if known is not None:
        return known is answer
    vm.conditions[key] = condition
    opposite = (key, not answer)
    look_at(vm, state.alts)
    alts = frozenset(a | {(key, answer)} for a in state.alts if opposite not in a)
    if not alts:
        return False
    settled = _settled(vm, state, key, opposite)
    if settled is None:
        return False
    state.alts, state.settled = alts, settled
    state.decided[key] = answer
    if answer and condition.solves is not None:
        unknown, text = condition.solves
        state.solved[unknown.number] = text
    return True


def _settled(
    vm: Machine, state: State, key: Key, opposite: tuple[Key, bool]
) -> tuple[Alternatives, ...] | None:
    """What is settled on a path without what a decision rules out; None where nothing is left."""
    found = state.settled
    for at, factor in enumerate(state.settled):
        if (keys := vm.keys.get(factor)) is None:
            keys = vm.keys[factor] = frozenset(k for path in factor for k, _ in path)
        if key not in keys:
            continue
        look_at(vm, factor)
        left = frozenset(path for path in factor if opposite not in path)
        if not left:
            return None
        found = (*found[:at], left, *found[at + 1 :])
    return found


def settle_paths(state: State) -> None:
    """What is told apart of a path so far holds from here on, whatever is decided."""
    if len(state.alts) > 1:
        state.settled, state.alts = (*state.settled, state.alts), ALWAYS


def whole_paths(vm: Machine, settled: Sequence[Alternatives], alts: Alternatives) -> Alternatives:
    """All alternatives of a path, with what is settled; of too many, what they have in common."""
    found = alts
    for factor in reversed(settled):
        if len(found) * len(factor) > MAX_TOGETHER:
            common = frozenset.intersection(*found) | frozenset.intersection(*factor)
            found = frozenset([common])
            continue
        found = both_paths(vm, factor, found)
    return found


def both_paths(vm: Machine, one: Alternatives, other: Alternatives) -> Alternatives:
    """The paths on which both hold."""
    look_at(vm, one)
    opposites = [(a, frozenset((k, not v) for k, v in a)) for a in one]
    found = frozenset(a | b for a, no in opposites for b in other if no.isdisjoint(b))
    vm.budget.step(count=sum(map(len, found)) >> 3)
    return found


def settled_alike(every: Sequence[tuple[Alternatives, ...]]) -> int:
    """How much of what is settled, from the first on, is the same on all paths."""
    return next(
        (i for i, factors in enumerate(zip(*every, strict=False)) if len(set(factors)) > 1),
        min(map(len, every), default=0),
    )


def contradicts(state: State, condition: Undecided) -> bool | None:
    """What is already known of a condition on this path, None when nothing is."""
    known = state.decided.get(condition.key)
    if known is not None:
        return known
    if condition.solves is not None:
        unknown, text = condition.solves
        solved = state.solved.get(unknown.number)
        if solved is not None:
            return solved == text
        if text and state.decided.get(("empty", unknown.number)) is True:
            return False
    return None


def negated(condition: Undecided) -> Undecided:
    """The condition that holds where this one doesn't."""
    return replace(
        condition,
        key=("not", *condition.key),
        test=~condition.test,
        solves=None,
        success=not condition.success,
    )


def require(vm: Machine, state: State, condition: Undecided) -> bool:
    """The answer of a condition on this path, or a ForkError."""
    known = contradicts(state, condition)
    if known is None:
        vm.conditions[condition.key] = condition
        raise ForkError(condition)
    return known


def look_at(vm: Machine, alts: Alternatives) -> None:
    """Spend what it takes to look at alternatives once."""
    vm.budget.step(count=1 + (sum(len(a) for a in alts) >> 3))


def shortened_paths(vm: Machine, alts: Alternatives) -> Alternatives:
    """The same alternatives, shorter: ``a and b or a and not b`` is ``a``."""
    if len(alts) < 2:
        return alts
    if sum(len(a) * len(a) for a in alts) > MAX_COMPARED:  # they stay as they are
        vm.budget.step(count=sum(len(a) for a in alts))
        return alts
    return shorter(alts, vm.ordered(), lambda steps: vm.budget.step(count=steps))


def empty_condition(value: Symbol) -> Undecided:
    """``-z`` of a value."""
    shown = f'"{value.text}"'
    return Undecided(("empty", value.number), Test(shown, "empty"), (value, ""), value)


def set_condition(value: Symbol) -> Undecided:
    """Whether a variable is set at all."""
    name = value.names[0] if value.names else value.text
    return Undecided(("set", value.number), Test(name, "set"))


def take_for_granted(vm: Machine, state: State, value: Symbol, *, colon: bool) -> None:
    """Take for granted that a value is set, or not empty."""
    condition = empty_condition(value) if colon else set_condition(value)
    key, answer = condition.key, not colon
    vm.conditions[key] = condition
    state.decided[key] = answer


def note_required(state: State, value: Symbol, place: Location | None) -> None:
    """Note the outside variables without which the script stops."""
    for name in value.names:
        if value.text in (f"${{{name}}}", f"${name}") and all(
            r.name != name for r in state.required
        ):
            state.required = (*state.required, RequiredInput(name, place))
