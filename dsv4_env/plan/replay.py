"""Follow a launch again with some settings otherwise: only what hangs on them is evaluated anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dsv4_env.plan.evaluate import OWN_FIELD, Evaluator, Expr, Open, Refusal, Resolution

_Token: TypeAlias = tuple[str, str | int]
"""What a step reads or sets: a field, a field as given, a variable, or an earlier value."""

Reads: TypeAlias = Sequence[frozenset[_Token]]

_KINDS = {"cfg": "set", "raw": "raw", "env": "env", "env?": "env", "environ": "env", "mc": "mc"}
_SETS = ("set", "env")


@dataclass(slots=True)
class Replay:
    """A launch that was followed through all *steps*, and what came of each of them."""

    steps: Sequence[Expr]
    base: Evaluator
    reads: Reads
    start: Resolution  # the fields and variables as given
    trace: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, step in enumerate(self.steps):
            self.trace.append(_taken(self.base, number, step))

    def again(
        self, fields: Mapping[str, object], env: Mapping[str, object], changed: Collection[_Token]
    ) -> Resolution:
        """What comes of it with other *fields* and *env*, which differ in *changed* alone."""
        base = self.base
        again = Evaluator(
            base.catalogue, base.platform, base.model, fields, Resolution({**fields}, {**env}),
            temporaries=dict(base.temporaries), stops=False,
        )  # fmt: skip
        tables = {"set": again.result.fields, "env": again.result.env}
        was = {"set": dict(self.start.fields), "env": dict(self.start.env)}
        # What the model says may be made of fields.
        computed = {("mc", n[3:]) for n, v in base.model.items() if isinstance(v, list)}
        dirty: set[_Token] = {*changed, *(("raw", n) for k, n in changed if k == "set"), *computed}
        for number, step in enumerate(self.steps):
            kind = step[0]
            token = (kind, step[2]) if kind in _SETS else ("let", number)
            if not dirty.isdisjoint(self.reads[number]) or token in dirty:
                after = _taken(again, number, step)[2]
            elif kind == "let":
                continue
            else:
                after = _repeated(again, step, self.trace[number])
            before = self.trace[number][2]
            if kind == "let":
                (dirty.discard if before == after else dirty.add)(token)
            elif kind in _SETS:
                name = step[2]
                if before is not None:
                    was[kind][name] = before[0]
                same = tables[kind].get(name, token) == was[kind].get(name, token)
                (dirty.discard if same else dirty.add)(token)
        return again.result


def _taken(by: Evaluator, number: int, step: Expr) -> tuple[Any, Any, Any]:
    """Take a step: its condition, what it says or sets, and what is there afterwards."""
    kind = step[0]
    if kind == "let":
        value = by.temporaries[number] = by.value(step[1])
        return None, value, value
    condition = by.value(step[1])
    if not isinstance(condition, Open) and not condition:
        return condition, None, None
    value = by.text(step[2]) if kind == "refuse" else by.value(step[3])
    return condition, value, _done(by, step, condition, value)


def _repeated(by: Evaluator, step: Expr, told: tuple[Any, Any, Any]) -> Any:
    """Take a step as it was taken before."""
    condition, value, _ = told
    if not isinstance(condition, Open) and not condition:
        return None
    return _done(by, step, condition, value)


def _done(by: Evaluator, step: Expr, condition: Any, value: Any) -> Any:
    """Do what a step says; of what it sets, what is there afterwards."""
    if step[0] == "refuse":
        refusal = Refusal(value, step[3])
        found = by.result.possible if isinstance(condition, Open) else by.result.refused
        found.append(refusal)
        return None
    by.set_(step[0], step[2], value, step[4], condition)
    table = by.result.fields if step[0] == "set" else by.result.env
    return (table[step[2]],)


def reads_of(steps: Sequence[Expr]) -> Reads:
    """What each step reads by itself."""
    known = _KNOWN.get(id(steps))
    if known is None or known[0] is not steps:
        if len(_KNOWN) >= _KEPT:
            _KNOWN.clear()
        known = _KNOWN[id(steps)] = (steps, [frozenset(_read(step[1:])) for step in steps])
    return known[1]


_KEPT = 4  # releases: looking through the steps of one takes as long as following a launch
_KNOWN: dict[int, tuple[Sequence[Expr], Reads]] = {}


def _read(parts: Sequence[Any]) -> Iterator[_Token]:
    left: list[Any] = [p for p in parts if isinstance(p, list)]
    while left:
        part = left.pop()
        if not part or part[0] == "=":
            continue
        if part[0] == "t":
            yield "let", part[1]
        elif part[0] == "?":
            yield from (("set", name) for name in OWN_FIELD.findall(part[1]))
        elif part[0] in _KINDS and isinstance(part[1], str):
            yield _KINDS[part[0]], part[1]
        left += [p for p in part[1:] if isinstance(p, list)]
