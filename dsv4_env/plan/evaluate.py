"""Follow the steps of SGLang's resolution for one launch; what isn't known stays unknown.

The steps are data of the catalogue (``dsv4_env.catalogue.extract.effects``): in their order, each
under the condition that SGLang's source puts it under.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from dsv4_env.catalogue.entries import DECLARED, Catalogue
from dsv4_env.catalogue.operations import FAILURES, MAX_SIZE, OPERATIONS
from dsv4_env.catalogue.resolution import reads
from dsv4_env.catalogue.semantics import same_value, understand

Expr = Sequence[Any]
_FLAG = re.compile(r"--[a-z][a-z0-9-]*")
OWN_FIELD = re.compile(r"\b(?:cfg|view|server_args)\.([a-z]\w*)")
_MEMORY = "get_device_memory_capacity"  # the platform knows the least and the most


@dataclass(frozen=True, slots=True)
class Open:
    """A value that isn't known, and what would tell.

    *of* is what it was made of: two that were made of the same in the same way are equal.
    """

    why: str = ""
    of: int = field(default=0, kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Between(Open):
    """A number of which only the least and the most are known."""

    low: float = 0
    high: float = 0

    def compared(self, operation: str, other: float) -> bool | None:
        """What a comparison with a number says; None where that isn't known."""
        found = {OPERATIONS[operation](edge, other) for edge in (self.low, self.high)}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Change:
    """What SGLang set a field (``args``) or a variable (``env``) to; *at* is its file and line.

    *sure* is False where only a run tells whether it does.
    """

    section: str
    name: str
    value: object
    at: str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why SGLang stops: its message, and the file and line that say so."""

    message: str
    at: str


@dataclass(slots=True)
class Resolution:
    """What came of a launch: the fields and variables in the end, and each change on the way.

    *possible* are refusals of which it isn't known whether they come, *theirs* those of them that
    something that is given leads to.
    """

    fields: dict[str, object]
    env: dict[str, object]
    changes: list[Change] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    possible: list[Refusal] = field(default_factory=list)
    theirs: list[Refusal] = field(default_factory=list)

    def last(self, section: str, name: str) -> str | None:
        """Where a setting was changed last; None where it wasn't."""
        found = [c.at for c in self.changes if (c.section, c.name) == (section, name)]
        return found[-1] if found else None


def made_of(why: str, *parts: object) -> Open:
    """A value that isn't known, and what it is made of."""
    return Open(why, of=hash(tuple(map(_part, parts))))


def _part(value: object) -> object:
    """What tells a value from others: it may be of a kind that can't be hashed, as a list."""
    if isinstance(value, Between):
        return (value.why, value.of, value.low, value.high)
    if isinstance(value, Open):
        return (value.why, value.of)
    return value if isinstance(value, (str, int, float, NoneType)) else repr(value)


def shown_at(at: str) -> str:
    """SGLang's file and line as people read them: within the package."""
    return at.removeprefix("sglang/")


def same_text(catalogue: Catalogue, name: str, one: object, other: object) -> bool:
    """Whether two texts of a variable are known, and the same to SGLang."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    return one == other or same_value(catalogue, name, one, other) is not None


@dataclass(slots=True)
class Evaluator:
    """One launch on one platform: *given* fields and *env*, what the platform and model answer."""

    catalogue: Catalogue
    platform: Mapping[str, object]
    model: Mapping[str, object]
    given: Mapping[str, object]
    result: Resolution
    temporaries: dict[int, object] = field(default_factory=dict)
    stops: bool = True  # at the first refusal; else what would come after it is told, too
    named: frozenset[str] = frozenset()  # what the launch gives
    led: set[str] = field(default_factory=set)  # what is set where something that is given says so

    def run(self, steps: Sequence[Sequence[Any]]) -> Resolution:
        """Take the steps in order, up to the first refusal."""
        for number, step in enumerate(steps):
            kind = step[0]
            if kind == "let":
                self.temporaries[number] = self.value(step[1])
                continue
            condition = self.value(step[1])
            sure = not isinstance(condition, Open)
            if sure and not condition:
                continue
            if kind == "refuse":
                refusal = Refusal(self.text(step[2]), step[3])
                if sure:
                    self.result.refused.append(refusal)
                    if self.stops:
                        break
                    continue
                self.result.possible.append(refusal)
                if self._is_theirs(steps, step):
                    self.result.theirs.append(refusal)
            else:
                if self.named and step[2] not in self.led and self._is_led_to(steps, step[1]):
                    self.led.add(step[2])
                self.set_(kind, step[2], self.value(step[3]), step[4], condition)
        return self.result

    def _is_theirs(self, steps: Sequence[Sequence[Any]], step: Sequence[Any]) -> bool:
        """Whether something that is given leads to what may be refused, or is named by it.

        Other refusals are of what nobody asked for, or of mistakes in SGLang itself.
        """
        flags = _FLAG.findall(self.text(step[2]))
        named = {f.removeprefix("--").replace("-", "_") for f in flags}
        return not named.isdisjoint(self.named) or self._is_led_to(steps, step[1])

    def _is_led_to(self, steps: Sequence[Sequence[Any]], guard: Expr) -> bool:
        """Whether a condition asks for something that is given, or for what that leads to."""
        for part in guard[1:] if guard[0] == "and" else [guard]:
            names = {name.partition(".")[0] for _, name in reads(steps, part)}
            if not names.isdisjoint(self.named) or not names.isdisjoint(self.led):
                return True
            if self.truth(part) is None:  # what comes behind it isn't asked before
                return False
        return False

    def set_(self, kind: str, name: str, value: object, at: str, condition: object) -> None:
        """Set a field (``set``) or a variable (``env``) under a condition."""
        sure = not isinstance(condition, Open)
        section = "args" if kind == "set" else "env"
        table = self.result.fields if kind == "set" else self.result.env
        if section == "env" and not isinstance(value, Open) and value is not None:
            value = str(value)
        before = table.get(name, Open("what it is by then") if kind == "set" else None)
        if not sure and before != value:
            if section == "env" and same_text(self.catalogue, name, before, value):
                value = before  # it means the same whether that is done or not
            else:
                value = made_of(f"whether {at} sets it", condition, before, value)
        table[name] = value
        self.result.changes.append(Change(section, name, value, at, sure))

    def truth(self, expr: Expr) -> bool | None:
        """Whether a condition holds; None where that isn't known."""
        value = self.value(expr)
        return None if isinstance(value, Open) else bool(value)

    def text(self, expr: Expr) -> str:
        """A message, with what isn't known in it as ``…``."""
        value = self.value(["str", expr])
        return "…" if isinstance(value, Open) else value

    def value(self, expr: Expr) -> Any:
        """The value of an expression; :class:`Open` where it isn't known."""
        operation = expr[0]
        if operation == "=":
            return expr[1]
        if operation == "t":
            return self.temporaries.get(expr[1], Open())
        found = _READ.get(operation)
        if found is not None:
            return found(self, expr)
        values = [self.value(e) for e in expr[1:]]
        for value in values:
            if isinstance(value, Open):
                return _of_between(operation, values, value)
        try:
            return OPERATIONS[operation](*values)
        except FAILURES:
            return made_of(f"{operation} of {values}"[:80], operation, *values)


def _of_between(operation: str, values: list[Any], unknown: Open) -> Any:
    """An operation with a value that isn't known, which its bounds may decide."""
    one, other = values[0], values[-1]
    if isinstance(one, Between) and not isinstance(other, Open):
        if operation in ("is", "is not") and other is None:
            return operation == "is not"
        if operation in ("<", "<=", ">", ">=") and isinstance(other, (int, float)):
            found = one.compared(operation, other)
            if found is not None:
                return found
    return made_of(unknown.why, operation, *values)


def _field(self: Evaluator, expr: Expr) -> Any:
    return self.result.fields.get(expr[1], Open(expr[1]))


def _raw(self: Evaluator, expr: Expr) -> Any:
    return self.given.get(expr[1], Open(expr[1]))


def _variable(self: Evaluator, expr: Expr) -> Any:
    """A variable as ``envs`` reads it: parsed, its default where it's unset or can't be read."""
    text = self.result.env.get(expr[1])
    if isinstance(text, Open):
        return text
    known = self.catalogue.variables.get(expr[1])
    reading = next((r for r in known.readings if r.via == DECLARED), None) if known else None
    if reading is None:
        return made_of(expr[1], text)
    if text is None:
        if reading.computed is not None:
            return Open(f"the default of {expr[1]}")
        if reading.default is None:
            return None
        text = reading.default
    found = understand(reading, str(text))
    if found is None or found.stops:
        return made_of(expr[1], text)
    if not found.valid:
        default = understand(reading, reading.default) if reading.default is not None else None
        return default.value if default is not None and default.valid else Open(expr[1])
    return found.value


def _is_set(self: Evaluator, expr: Expr) -> Any:
    text = self.result.env.get(expr[1])
    return text if isinstance(text, Open) else text is not None


def _environ(self: Evaluator, expr: Expr) -> Any:
    return self.result.env.get(expr[1])


def _probe(self: Evaluator, expr: Expr) -> Any:
    why = f"{expr[1]} of the machine"
    found = self.platform.get(expr[1], Open(why))
    return Between(why, *found) if expr[1] == _MEMORY and isinstance(found, list) else found


def _model(self: Evaluator, expr: Expr) -> Any:
    name = f"{expr[0]}.{expr[1]}"
    if name in self.model:
        found = self.model[name]
        computed = expr[0] == "mc" and isinstance(found, list)
        return self.value(found) if computed and isinstance(found, list) else found
    if expr[0] == "hf":  # what it doesn't say
        return self.value(expr[2]) if len(expr) > 2 else None
    return Open(f"{expr[1]} of the model's configuration")


def _has(self: Evaluator, expr: Expr) -> Any:
    return f"hf.{expr[1]}" in self.model


def _and(self: Evaluator, expr: Expr) -> Any:
    unknown: list[Open] = []
    value: Any = True
    for part in expr[1:]:
        value = self.value(part)
        if isinstance(value, Open):
            unknown.append(value)
        elif not value:
            return value
    return made_of(unknown[0].why, "and", *unknown, value) if unknown else value


def _or(self: Evaluator, expr: Expr) -> Any:
    unknown: list[Open] = []
    value: Any = False
    for part in expr[1:]:
        value = self.value(part)
        if isinstance(value, Open):
            unknown.append(value)
        elif value:
            if not unknown or isinstance(value, bool):
                return value
            break
    return made_of(unknown[0].why, "or", *unknown, value) if unknown else value


def _if(self: Evaluator, expr: Expr) -> Any:
    test = self.value(expr[1])
    if isinstance(test, Open):
        one, other = self.value(expr[2]), self.value(expr[3])
        return one if one == other else made_of(test.why, test, one, other)
    return self.value(expr[2] if test else expr[3])


def _text(self: Evaluator, expr: Expr) -> Any:
    parts = [self.text(e) for e in expr[1:]]
    return "".join(parts) if sum(map(len, parts)) <= MAX_SIZE else Open("a text of that size")


def _opaque(self: Evaluator, expr: Expr) -> Any:
    """What wasn't followed: it's made of the fields that its text names."""
    named = OWN_FIELD.findall(expr[1])
    fields = [self.result.fields.get(name) for name in named]
    return made_of(expr[1], *fields) if named else Open(expr[1])


_READ: dict[str, Callable[[Evaluator, Expr], Any]] = {
    "cfg": _field,
    "raw": _raw,
    "env": _variable,
    "env?": _is_set,
    "environ": _environ,
    "probe": _probe,
    "hf": _model,
    "mc": _model,
    "hf?": _has,
    "and": _and,
    "or": _or,
    "if": _if,
    "text": _text,
    "?": _opaque,
    "absent": lambda *_: Open(),
    "unset": lambda *_: None,
}
