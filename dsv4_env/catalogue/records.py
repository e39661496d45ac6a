"""The record that SGLang keeps of its arguments: which argument each field stands for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dsv4_env.model import Location, Origin, ServerArg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsv4_env.catalogue.entries import Argument, Catalogue


def arguments(
    fields: Mapping[str, object], catalogue: Catalogue, reader: str, at: Location | None = None
) -> list[tuple[str, ServerArg]]:
    """The arguments that fields of a record stand for, each with its name there.

    *reader* is what read them. What can't be given (nothing, or a switch that is off) isn't among
    them.
    """
    of_field: dict[str, list[Argument]] = {}
    for argument in catalogue.arguments.values():
        of_field.setdefault(argument.dest, []).append(argument)
    found: list[tuple[str, ServerArg]] = []
    for name, several in of_field.items():
        several.sort(key=lambda a: a.deprecated)
        words = _words(several, fields.get(name))
        if words is not None:
            flag, *values = words
            origin = Origin(reader, at, " ".join(values))
            found.append((name, ServerArg(flag, tuple(values), origin)))
    return found


def _words(several: Sequence[Argument], value: object) -> list[str] | None:
    """A flag with its values that gives a field this value; None where nothing does."""
    if value is None:
        return None
    switches = [a for a in several if not a.takes_value]
    if isinstance(value, bool) and switches:
        for argument in switches:
            if argument.action == "BooleanOptionalAction" and not value:
                off = next((f for f in argument.aliases if f.startswith("--no-")), None)
                return None if off is None else [off]
            if value and argument.const in (None, "true"):
                return [argument.flag]
        return None
    taking = next((a for a in several if a.takes_value), None)
    if taking is None:
        same = next((a for a in switches if a.const is not None and a.const == value), None)
        return None if same is None else [same.flag]
    if isinstance(value, list) and taking.nargs not in (None, "?"):
        return [taking.flag, *map(_text, value)]
    return [taking.flag, _text(value)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_default(catalogue: Catalogue, name: str, arg: ServerArg) -> bool:
    """Whether an argument says no more than the parser's default of its field does."""
    words = [str(w) for w in arg.words]
    empty = words[1:] in ([], ["[]"], ["{}"], [""])  # as nothing at all
    for argument in catalogue.arguments.values():
        if argument.dest == name and not argument.deprecated and argument.default_known:
            default = argument.default
            if default is None:
                return empty and argument.takes_value
            if not argument.takes_value:
                return argument.action == "BooleanOptionalAction" and (
                    (default == "true") != words[0].startswith("--no-")
                )
            if len(words) == 2 and words[1] == default:
                return True
            return _read(default) == [_read(w) for w in words[1:]] or (
                len(words) == 2 and _read(default) == _read(words[1])
            )
    return False


def _read(text: str) -> object:
    """A text as JSON, and as it is where it's none: 0.90 is 0.9."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if not isinstance(found, bool) else text
