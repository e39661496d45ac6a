"""What may be shown: texts, values and launches without secrets; what a file may keep."""

from __future__ import annotations

import re
from dataclasses import replace

from dsv4_env.model.launch import EnvVar, LaunchConfig, Origin, ServerArg, Unknown, Value
from dsv4_env.model.secrets.forms import MASK, form_spans, is_reference, with_masks
from dsv4_env.model.secrets.known import known_spans
from dsv4_env.model.secrets.names import is_secret, secret_name
from dsv4_env.model.secrets.text import joined_spans, line_end, named_spans

# What stands for a secret where there is none.
_STANDS_IN = re.compile(r"(?i)[-+]?[0-9.]*|true|false|yes|no|none|auto|empty|dummy|x+|\*+")


def scrubbed(text: str) -> str:
    """A piece of source as a report may show it: what a name or its form says is secret, masked.

    Made for shell, Python, YAML, TOML, JSON and dotenv alike, so it rather masks too much.
    """
    return with_masks(text, secret_spans(text))


def secret_spans(text: str) -> list[tuple[int, int]]:
    """From where to where secrets stand in a piece of source, in order and apart."""
    found = named_spans(text)
    found += form_spans(text, loose=True)
    found += known_spans(text)
    return joined_spans(found)


def spans_by_line(text: str) -> dict[int, list[tuple[int, int]]]:
    """Where secrets stand in each line of a source: lines count from 1, columns from 0."""
    found: dict[int, list[tuple[int, int]]] = {}
    number, begin = 1, 0
    for start, end in secret_spans(text):
        number += text.count("\n", begin, start)
        begin = text.rfind("\n", 0, start) + 1
        while start < end:
            stop = min(line_end(text, begin), end)
            if start < stop:
                found.setdefault(number, []).append((start - begin, stop - begin))
            if stop == end:
                break
            number, begin = number + 1, stop + 1
            start = begin
    return found


def masked(name: str, value: str) -> str:
    """The value of a variable or flag as it may be shown; a reference (``$HF_TOKEN``) is."""
    if not value or is_reference(value):
        return value
    return MASK if secret_name(name, value) else scrubbed(value)


def unknown_masked(name: str, value: Unknown, text: str) -> str:
    """The text or the default of a value that isn't known, as it may be shown.

    It is a secret, too, where one of the variables that decide it is a secret's:
    ``"${API_KEY:-abc}"`` is abc where there is no API_KEY.
    """
    shown = masked(name, text)
    if shown != MASK and text == value.default and any(secret_name(n, text) for n in value.names):
        return MASK
    return shown


def plain_secret(name: str, value: str, *, taken: bool = True) -> bool:
    """Whether a value is a secret that no file should hold, rather than what stands for one.

    *taken* says that one which holds a secret of another name in the run is one, too.
    """
    if _STANDS_IN.fullmatch(value) or is_reference(value):
        return False
    if is_secret(name, value) or named_spans(value):
        return True
    return taken and bool(known_spans(value))


def plain_default(value: Value) -> bool:
    """Whether a secret stands in what a value is by default: ``${API_KEY:-abc}``."""
    if not isinstance(value, Unknown) or not value.default:
        return False
    return any(plain_secret(name, value.default) for name in value.names if secret_name(name))


def hidden(config: LaunchConfig) -> LaunchConfig:
    """The launch with secrets masked: in values, sources, conditions, notes and the command."""
    return replace(
        config,
        env=tuple(map(_variable, config.env)),
        args=None if config.args is None else tuple(map(_argument, config.args)),
        command=tuple(_value("", word) for word in config.command),
        condition=config.condition and config.condition.mapped(scrubbed),
        notes=tuple(n.mapped(scrubbed) for n in config.notes),
    )


def without_defaults(config: LaunchConfig) -> LaunchConfig:
    """The launch without defaults that are secrets of another name: A="${API_KEY:-abc}"."""

    def shown(name: str, value: Value) -> Value:
        if not isinstance(value, Unknown) or not plain_default(value):
            return value
        own = secret_name(name, value.default or "")  # which is said of it
        return value if own else replace(value, default=MASK)

    if not any(isinstance(v, Unknown) for v in (*(e.value for e in config.env), *config.argv)):
        return config
    return replace(
        config,
        env=tuple(replace(e, value=shown(e.name, e.value)) for e in config.env),
        args=config.args
        and tuple(
            replace(a, values=tuple(shown(a.flag or "", v) for v in a.values)) for a in config.args
        ),
    )


def _variable(setting: EnvVar) -> EnvVar:
    return replace(
        setting,
        value=_value(setting.name, setting.value),
        origin=_origin(setting.name, setting.origin),
        condition=setting.condition and setting.condition.mapped(scrubbed),
    )


def _argument(setting: ServerArg) -> ServerArg:
    flag = setting.flag or ""
    return replace(
        setting,
        values=tuple(_value(flag, value) for value in setting.values),
        origin=_origin(flag, setting.origin),
        condition=setting.condition and setting.condition.mapped(scrubbed),
    )


def _value(name: str, value: Value) -> Value:
    if isinstance(value, str):
        return masked(name, value)
    default = None if value.default is None else unknown_masked(name, value, value.default)
    text = unknown_masked(name, value, value.text)
    return replace(value, text=text, reason=scrubbed(value.reason), default=default)


def _origin(name: str, origin: Origin) -> Origin:
    """Who set a value, with what each of them set."""
    value = None if origin.value is None else masked(name, origin.value)
    below = None if origin.overrode is None else _origin(name, origin.overrode)
    return replace(origin, value=value, overrode=below)
