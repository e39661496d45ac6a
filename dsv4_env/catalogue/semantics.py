"""How SGLang reads environment variables, and when two spellings mean the same to it.

Source: ``sglang/srt/environ.py``, ``sglang/srt/utils/common.py`` and, for diffusion,
``sglang/multimodal_gen/runtime/utils/common.py``; these rules are the same from 0.5.11 to 0.5.23.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue.entries import (
    DECLARED,
    DIFFUSION_BOOL,
    Catalogue,
    Variable,
    VariableReading,
)
from dsv4_env.model.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Set as AbstractSet

_TRUE, _FALSE = ("true", "1", "yes", "y"), ("false", "0", "no", "n")
_KIND = {
    "bool": ("boolean", "true, 1, yes, y, false, 0, no or n"),
    "int": ("whole number", "a whole number"),
    "float": ("number", "a number"),
    "tuple": ("list", "words with commas between"),
    "json": ("JSON", "JSON"),
}


_FOLLOWED = {DECLARED, "os", "get_bool_env_var", "get_int_env_var", DIFFUSION_BOOL}


@dataclass(frozen=True, slots=True)
class Understood:
    """What SGLang makes of a text: the *value*; *valid* is False where it falls back to the
    default, *stops* where reading it raises an error.
    """

    value: object
    valid: bool = True
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why a value isn't one: *fallback* is what SGLang uses instead (None: not known).

    *outcome* is what SGLang makes of it, *expected* what would be a value.
    """

    outcome: str
    expected: str
    fallback: str | None = None
    stops: bool = False

    @property
    def reason(self) -> str:
        """Both in one."""
        return f"{self.outcome}; expected {self.expected}"


@dataclass(frozen=True, slots=True)
class _Unset:
    """What a reading yields without a usable value: compared by the default it stands for."""

    default: str | None
    computed: str | None


def _bool(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _helper_bool(text: str) -> bool:
    if text.lower() not in {"true", "1", "false", "0"}:
        raise ValueError(text)
    return text.lower() in {"true", "1"}


def _diffusion_bool(text: str) -> bool:
    seen = text.strip().lower()
    if seen not in {*_TRUE, "t", "on", *_FALSE, "f", "off", ""}:
        raise ValueError(text)
    return seen in {*_TRUE, "t", "on"}


def _tuple(text: str) -> tuple[str, ...]:
    return tuple(s.strip() for s in text.split(",") if s.strip())


def _json(text: str) -> object:
    return canonical_json(text) if text else None


def canonical_json(text: str) -> str:
    """The JSON text with keys sorted and no spaces; ValueError where it isn't JSON."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except RecursionError:
        raise ValueError(text) from None


_DECLARED: dict[str, Callable[[str], object]] = {
    "bool": _bool,
    "int": int,
    "float": float,
    "tuple": _tuple,
    "json": _json,
    "str": str,
}


def understand(reading: VariableReading, text: str) -> Understood | None:
    """What one reading makes of *text*, or None where the catalogue can't say."""
    if reading.kind == "set":
        return Understood(True)
    if reading.kind == "nonempty":
        return Understood(bool(text))
    if reading.kind == "one of":
        seen = text.lower() if reading.fold else text
        return Understood((seen.strip() if reading.strip else seen) in reading.values)
    if reading.kind in {"raw", "str"}:
        return Understood(text)
    if reading.via == "get_bool_env_var":
        return _parse(_helper_bool, text) or Understood(False, valid=False)
    if reading.via == DIFFUSION_BOOL:
        return _parse(_diffusion_bool, text) or Understood(False, valid=False)
    if reading.via == "get_int_env_var":
        blank = not text.strip()
        return (None if blank else _parse(int, text)) or _fallback(reading, valid=blank)
    if reading.via == "os":
        parse: Any = {"int": int, "float": float}.get(reading.kind)
        return (_parse(parse, text) or Understood(None, valid=False, stops=True)) if parse else None
    if reading.via == DECLARED and reading.kind in _DECLARED:
        found = _parse(_DECLARED[reading.kind], text)
        if found is None and reading.kind == "json":
            return None  # it may be the path of a file
        return found or _fallback(reading)
    return None


def _parse(parse: Callable[[str], object], text: str) -> Understood | None:
    try:
        return Understood(parse(text))
    except ValueError:
        return None


def _fallback(reading: VariableReading, *, valid: bool = False) -> Understood:
    return Understood(_unset(reading), valid=valid)


def _unset(reading: VariableReading) -> object:
    """What the reading yields where the variable isn't set."""
    if reading.computed is None and reading.kind in {"nonempty", "one of"}:
        found = understand(reading, reading.default) if reading.default is not None else None
        return found.value if found else False
    if reading.computed is None and reading.default is not None:
        found = understand(reading, reading.default)
        if found is not None and found.valid:
            return found.value
    return _Unset(reading.default, reading.computed)


def _readings(catalogue: Catalogue, variable: Variable) -> tuple[VariableReading, ...] | None:
    """Every reading that the value reaches, those of the new name included."""
    if variable.renamed_to is None:
        return variable.readings or None
    target = catalogue.variable(variable.renamed_to)
    if target is None or variable.transform or target.renamed_to or not target.readings:
        return None
    return (*variable.readings, *target.readings)


def same_value(catalogue: Catalogue, name: str, a: str, b: str) -> str | None:
    """Why SGLang reads *a* and *b* the same, as a sentence; None where it doesn't or may not.

    Every place that reads the variable has to agree: ``yes`` is true for ``Envs`` and false for
    ``get_bool_env_var``.
    """
    if a == b:
        return "both are spelled the same"
    variable = catalogue.variable(name)
    readings = _readings(catalogue, variable) if variable else None
    if not readings:
        return None
    unread: set[str] = set()
    for reading in readings:
        left, right = understand(reading, a), understand(reading, b)
        if left is None or right is None or left.stops or right.stops:
            return None
        if left.value != right.value:
            return None
        unread |= {t for t, found in ((a, left), (b, right)) if not found.valid}
    a, b = masked(name, a), masked(name, b)
    if len(unread) > 1:
        return f'SGLang can read neither "{a}" nor "{b}" and treats them the same'
    if unread:
        shown = masked(name, unread.pop())
        return f'SGLang can\'t read "{shown}" and uses what the other value means'
    kinds = {r.kind for r in readings if r.kind != "set"}
    word = _KIND.get(kinds.pop() if len(kinds) == 1 else "", ("", ""))[0]
    if word == "JSON":
        return f'SGLang reads "{a}" and "{b}" as the same JSON'
    if word:
        return f'SGLang reads "{a}" and "{b}" as the same {word}'
    return f'SGLang makes no difference between "{a}" and "{b}"'


def equals_default(
    catalogue: Catalogue, name: str, text: str, followed: AbstractSet[str] = frozenset()
) -> str | None:
    """Why setting the variable to *text* is like leaving it out; None where it isn't or may not be.

    It isn't where SGLang asks whether the variable is set, sets it by itself when it is missing,
    or computes the default. What it does so in the files *followed* doesn't count: the caller knows
    what comes of that for its launch.
    """
    variable = catalogue.variable(name)
    if variable is None or variable.renamed_to or not variable.readings:
        return None
    if any(s.file not in followed for s in variable.set_by):
        return None
    for reading in variable.readings:
        if reading.kind == "set" and reading.files and set(reading.files) <= followed:
            continue
        unknown = reading.via not in _FOLLOWED
        found = understand(reading, text)
        if unknown or found is None or not found.valid or reading.kind == "set":
            return None
        if found.value != _unset(reading):
            return None
    default = variable.default
    if default is None or default == text:
        return f'"{masked(name, text)}" is {catalogue.name}\'s default'
    return f'{catalogue.name} reads "{masked(name, text)}" as its default, {masked(name, default)}'


def invalid(variable: Variable, text: str) -> Invalid | None:
    """Why SGLang can't take *text* for the variable and what it does instead; None if it can."""
    shown = masked(variable.name, text)
    for reading in variable.readings:
        found = understand(reading, text)
        if found is None or found.valid:
            continue
        expected = _KIND.get(reading.kind, ("", "something else"))[1]
        where = f" in {reading.files[0]}" if reading.files else ""
        if found.stops:
            return Invalid(f'SGLang fails{where} on "{shown}"', expected, stops=True)
        if reading.via in {"get_bool_env_var", DIFFUSION_BOOL}:
            outcome = f'SGLang reads "{shown}" as false{where}'
            return Invalid(outcome, "true, 1, false or 0", "false")
        if reading.computed is not None:
            used = "the default that it computes"
        else:
            used = f"the default, {reading.default if reading.default is not None else 'none'}"
        outcome = f'SGLang can\'t read "{shown}" and uses {used}'
        return Invalid(outcome, expected, reading.default)
    return None
