"""Ways through a script: deciding tests, and making ways one again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsv4_env.model import Note
from dsv4_env.readers.bash.state import Condition, Event, ForkError, Key, Path1, Run, State, Var

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STATES = 256
_FEW = 24


def decide(state: State, run: Run, condition: Condition, answer: bool) -> bool:
    """Take a decision on this path; False when the path can't be."""
    key = condition.key
    known = state.decided.get(key)
    if known is not None:
        return known is answer
    run.conditions[key] = condition
    opposite = (key, not answer)
    alts = frozenset(a | {(key, answer)} for a in state.alts if opposite not in a)
    if not alts:
        return False
    state.alts = alts
    state.decided[key] = answer
    if answer and condition.solves is not None:
        unknown, text = condition.solves
        state.solved[id(unknown)] = text
    return True


def contradicts(state: State, condition: Condition) -> bool | None:
    """What is already known of a condition on this path, None when nothing is."""
    known = state.decided.get(condition.key)
    if known is not None:
        return known
    if condition.solves is not None:
        unknown, text = condition.solves
        solved = state.solved.get(id(unknown))
        if solved is not None:
            return solved == text
        if text and state.decided.get(("empty", id(unknown))) is True:
            return False
    return None


def negated(condition: Condition) -> Condition:
    """The condition that holds where this one doesn't."""
    return replace(
        condition,
        key=("not", *condition.key),
        true=condition.false,
        false=condition.true,
        solves=None,
        success=not condition.success,
    )


def require(state: State, run: Run, condition: Condition) -> bool:
    """The answer of a condition on this path, or a ForkError."""
    known = contradicts(state, condition)
    if known is None:
        run.conditions[condition.key] = condition
        raise ForkError(condition)
    return known


def simplify(run: Run, alts: frozenset[Path1]) -> frozenset[Path1]:
    """The same alternatives, shorter: ``a and b or a and not b`` is ``a``."""
    if len(alts) < 2:
        return alts
    order = {key: i for i, key in enumerate(run.conditions)}

    def ordered(path: Path1) -> list[tuple[Key, bool]]:
        return sorted(path, key=lambda x: (order[x[0]], x[1]), reverse=True)

    def rank(path: Path1) -> list[tuple[int, bool]]:
        return [(order[k], v) for k, v in ordered(path)]

    current = set(alts)
    changed = True
    while changed:
        changed = False
        if time.monotonic() > run.deadline:
            raise run.late()
        for path in sorted(current, key=rank):
            if path not in current:
                continue
            for key, answer in ordered(path):
                rest = path - {(key, answer)}
                other = rest | {(key, not answer)}
                if other in current:
                    current -= {path, other}
                    current.add(rest)
                    changed = True
                    break
    if len(current) <= _FEW:
        current = _absorbed(current, ordered, rank)
    return frozenset(current)


def _absorbed(
    current: set[Path1],
    ordered: Callable[[Path1], list[tuple[Key, bool]]],
    rank: Callable[[Path1], list[tuple[int, bool]]],
) -> set[Path1]:
    """``a or not a and b`` is ``a or b``; tried only for few alternatives, as it takes long."""
    changed = True
    while changed:
        current = {p for p in current if not any(o < p for o in current)}
        changed = False
        for path in sorted(current, key=rank):
            for key, answer in ordered(path):
                rest = path - {(key, answer)}
                opposite = (key, not answer)
                if any(opposite in o and o - {opposite} <= rest for o in current):
                    current = (current - {path}) | {rest}
                    changed = True
                    break
            if changed:
                break
    return current


def merge(states: list[State], run: Run) -> list[State]:
    """The states with those made one that are the same again; at most MAX_STATES."""
    if len(states) < 2:
        return states
    groups: list[tuple[tuple[Any, ...], list[State]]] = []
    for state in states:
        if time.monotonic() > run.deadline:
            raise run.late()
        signature = state.signature()
        for known, members in groups:
            if known == signature:
                members.append(state)
                break
        else:
            groups.append((signature, [state]))
    merged = [m[0] if len(m) == 1 else _union(run, m) for _, m in groups]
    if len(merged) > MAX_STATES:
        merged = _degrade(merged, run)
    return merged


def _union(run: Run, states: list[State]) -> State:
    first = states[0].copy()
    first.alts = simplify(run, frozenset(a for s in states for a in s.alts))
    first.seq = max(s.seq for s in states)
    common = frozenset.intersection(*first.alts)
    first.decided = dict(common)
    first.solved = {
        k: v for k, v in first.solved.items() if all(s.solved.get(k) == v for s in states)
    }
    return first


def _degrade(states: list[State], run: Run) -> list[State]:
    """Too many ways: one state per kind of end, and what differs between them is unknown."""
    groups: dict[Any, list[State]] = {}
    for state in states:
        groups.setdefault((state.flow, state.opts, len(state.scopes)), []).append(state)
    result: list[State] = []
    for members in groups.values():
        one = _union(run, members)
        one.alts = frozenset([frozenset(one.decided.items())])
        for name in sorted({n for s in members for n in s.vars}):
            variants = [s.vars.get(name) for s in members]
            if any(v != variants[0] for v in variants):
                one.vars[name] = _one_of(run, one, name, variants)
        if any(s.params != one.params for s in members):
            one.params, one.given = None, (False, "many", one.seq)
        if any(s.status != one.status for s in members):
            one.status = Condition(("status", "many", one.seq), "…", "not (…)", command=True)
        one.notes = (*one.notes, Note("too many undecided tests: some values are left unknown"))
        result.append(one)
    return result


def _one_of(run: Run, state: State, name: str, variants: list[Var | None]) -> Var:
    """A variable that is one of several: not known which."""
    sets = [v for v in variants if v is not None]
    first = min(sets, key=lambda v: ("aAsn".find(v.kind) + 1 or 9) if v.kind else 9)
    many = first.kind in ("a", "A")
    state.seq += 1
    key = ("many", name, state.seq)
    text = f"${{{name}[@]}}" if many else f"${{{name}}}"
    unknown = run.unknown(text, "too many undecided tests", key, splits=many)
    chains = [_chain(v.event) for v in sets]
    last = max((c[0] for c in chains if c), key=lambda e: e.seq, default=None)
    shared = (e for e in chains[0] if all(e in c for c in chains))
    event = last and Event(
        state.seq, unknown, last.location, last.spelled, next(shared, None) if chains else None
    )
    exported = all(v is not None and v.exported for v in variants)
    perhaps = any(v.exported or v.perhaps for v in sets) and not exported
    return replace(
        first,
        value=unknown,
        items=None,
        maybe=True,
        readonly=all(v is not None and v.readonly for v in variants),
        vague=any(v.vague or v.readonly for v in sets),
        exported=exported,
        event=event,
        perhaps="one of too many undecided tests holds" if perhaps else "",
    )


def attributes(state: State, ends: list[State]) -> None:
    """What a loop that may run makes of variables: readonly, of integers, let out of functions."""
    for end in ends:
        for name, var in end.vars.items():
            old = state.vars.get(name, Var())
            if (var.readonly, var.integer, var.case) != (old.readonly, old.integer, old.case):
                state.vars[name] = replace(old, vague=True)
        for scope, after in zip(state.scopes, end.scopes, strict=False):
            scope.update({n: None for n in after if n[0] == "!"})


def _chain(event: Event | None) -> list[Event]:
    """The settings of a variable, the last first."""
    found: list[Event] = []
    while event is not None:
        found.append(event)
        event = event.before
    return found
