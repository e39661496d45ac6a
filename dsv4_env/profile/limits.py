"""The limits between settings that layers state: one product of them is at most another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from dsv4_env.model import Location
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile.conditions import Situation, holds, source_text, told
from dsv4_env.profile.layer import Layer, Merged, SettingKey

_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_Factor: TypeAlias = "tuple[str, int, Location | None]"


def within_limits(
    name: str,
    order: Sequence[Layer],
    merged: Mapping[SettingKey, Merged],
    now: Situation,
    spelled: Callable[[SettingKey, str], SettingKey],
) -> None:
    """Raise ProfileError where the settings of a profile pass a limit of one of its layers.

    One of whose settings any isn't made, or is no whole number, says nothing. *spelled* gives a
    setting by the name that a release has for it.
    """
    for layer in order:
        for index, limit in enumerate(layer.file.limits if holds(layer.file.only, now) else ()):
            if not holds(limit, now):
                continue
            product = _factors(limit.product, merged, now.sglang, spelled)
            most = _factors(limit.at_most, merged, now.sglang, spelled)
            if product is None or most is None or _value(product) <= _value(most):
                continue
            at = layer.source.key(("limits", index, "product"))
            when, source = told(limit), source_text(limit.source)
            why = f" (limit of {layer.name} at {at}" + f"; when {when}" * bool(when)
            why += f"; from {source}" * bool(source) + ")"
            raise ProfileError(
                f"{name}: {_said(product)} is more than {_said(most)}{why}",
                where=next((place for _, _, place in product if place is not None), at),
                expected=f"at most {_value(most):,}",
            )


def _factors(
    names: Sequence[str],
    merged: Mapping[SettingKey, Merged],
    sglang: str,
    spelled: Callable[[SettingKey, str], SettingKey],
) -> list[_Factor] | None:
    found: list[_Factor] = []
    for name in names:
        if _NUMBER.fullmatch(name):
            found.append((name, int(name), None))
            continue
        key = spelled(("args" if name.startswith("-") else "env", name), sglang)
        setting = merged.get(key)
        number = None if setting is None else _number(setting.value)
        if setting is None or number is None:
            return None
        found.append((key[1], number, setting.origin.location))
    return found


def _number(value: object) -> int | None:
    """The whole number that a layer sets; of what the outside may override, the default."""
    if isinstance(value, list):
        value = value[-1][0] if value and len(value[-1]) == 1 else None
    text = str(value) if value is not None else ""
    default = getattr(value, "value", None)
    text = default if isinstance(default, str) else text
    return int(text) if _NUMBER.fullmatch(text) else None


def _value(factors: Sequence[_Factor]) -> int:
    return math.prod(number for _, number, _ in factors)


def _said(factors: Sequence[_Factor]) -> str:
    """``--tp × --dp = 8 × 4 = 32``, each with its place."""
    names = " × ".join(f"{n} ({place})" if place is not None else n for n, _, place in factors)
    if all(place is None for _, _, place in factors):
        return names
    numbers = " × ".join(f"{number:,}" for _, number, _ in factors)
    whole = f" = {_value(factors):,}" if len(factors) > 1 else ""
    return f"{names} = {numbers}{whole}"
