"""A launch as it may be shown: every part of it without secrets."""

from __future__ import annotations

from dataclasses import replace

from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg, Unknown, Value
from dsv4_env.model.secrets.forms import MASK
from dsv4_env.model.secrets.names import secret_name
from dsv4_env.model.secrets.text import scrubbed
from dsv4_env.model.secrets.values import masked, plain_default, unknown_masked


def hidden(config: LaunchConfig) -> LaunchConfig:
    """The launch with secrets masked: in values, sources, conditions, notes and the command."""
    return replace(
        config,
        env=tuple(map(_variable, config.env)),
        args=None if config.args is None else tuple(map(_argument, config.args)),
        command=tuple(_value("", word) for word in config.command),
        condition=config.condition and config.condition.mapped(scrubbed),
        notes=tuple(replace(n, message=scrubbed(n.message)) for n in config.notes),
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
