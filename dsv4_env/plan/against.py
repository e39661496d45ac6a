"""A plan held to a running server: what should have become of a launch, and what has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dsv4_env.model import Unknown, own_default
from dsv4_env.model.errors import UsageError
from dsv4_env.model.secrets import hidden, masked, secret_name
from dsv4_env.plan.evaluate import Open, Refusal, Resolution, shown_at
from dsv4_env.plan.given import SOME_MODEL, Given, flag_names, given_by, parser_defaults
from dsv4_env.plan.planning import field_text, open_reason, resolved

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.model import LaunchConfig
    from dsv4_env.plan.platforms import Platform

Verdict = Literal["agreed", "differs", "unknown", "not-told"]
_NOTHING: tuple[object, ...] = (
    None,
    "",
    [],
    (),
    {},
)  # what the parser leaves where nothing is given
_BESIDE = frozenset({"model_path", "device", "host", "port"})  # what each machine decides


@dataclass(frozen=True, slots=True)
class HeldSetting:
    """One setting: as it's *given*, as it's *expected* in the end, and as it's *running*.

    *expected* is None where only a run decides it, *running* where the server doesn't tell it; *at*
    and *why* say what the expectation comes from. *unknown* is what is given where that can't be
    known.
    """

    section: str
    name: str
    given: str | None
    expected: str | None
    running: str | None
    verdict: Verdict
    at: str | None = None
    why: str = ""
    unknown: Unknown | None = None


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """What a plan expects, setting by setting, and what the server at *server* says of it.

    *refused* is what SGLang should have stopped with.
    """

    title: str
    release: str
    platform: str
    server: str
    refused: tuple[Refusal, ...]
    settings: tuple[HeldSetting, ...]

    @property
    def differs(self) -> bool:
        """Whether something that is known is otherwise."""
        return bool(self.refused) or any(s.verdict == "differs" for s in self.settings)

    def having(self, verdict: Verdict) -> list[HeldSetting]:
        """The settings of one verdict."""
        return [s for s in self.settings if s.verdict == verdict]


def held(
    config: LaunchConfig,
    server: LaunchConfig,
    catalogue: Catalogue,
    on: Platform,
    *,
    title: str = "",
    model: str | None = None,
) -> HeldPlan:
    """The plan of a launch on a platform, held to what a running server says of itself.

    Raises UsageError where *server* is none, ReadError where what the release does isn't known.
    """
    if server.served is None:
        raise UsageError(f"{server.name} doesn't say what its arguments are", expected="url:…")
    found = resolved(config, catalogue, on, model=model)
    settings = [*_variables(config), *_arguments(config, server, found, catalogue, model)]
    name = title or config.name
    return HeldPlan(
        name, catalogue.release, on.name, server.name, tuple(found.refused), tuple(settings)
    )


def _variables(config: LaunchConfig) -> Iterator[HeldSetting]:
    why = "a server's answer says nothing of its environment"
    for name, setting in hidden(config).effective_env.items():
        value = setting.value
        given = own_default(name, value) if isinstance(value, Unknown) else value
        unknown = value if isinstance(value, Unknown) else None
        text = str(unknown.text if given is None and unknown else given)
        yield HeldSetting("env", name, text, None, None, "not-told", None, why, unknown)


def _arguments(
    config: LaunchConfig,
    server: LaunchConfig,
    found: Resolution,
    catalogue: Catalogue,
    model: str | None,
) -> Iterator[HeldSetting]:
    assert server.served is not None
    told, defaults = server.served.fields, parser_defaults(catalogue)
    shown, raw = given_by(hidden(config), catalogue, model), given_by(config, catalogue, model)
    flags = flag_names(catalogue) | shown.flags
    for name in (n for n in flags if n not in _BESIDE):
        expected, at = found.fields.get(name, Open()), found.last("args", name)
        if name in shown.flags and at is None:
            expected = raw.fields.get(name, Open())  # as it is, were it a secret
        if expected == SOME_MODEL:
            expected = Open("which model it is")
        given = shown.spelled.get(name)
        if name not in told:
            if name in shown.flags:
                why = "the server's answer doesn't have it"
                unknown = shown.unknown.get(name)
                yield HeldSetting(
                    "args", flags[name], given, None, None, "not-told", None, why, unknown
                )
            continue
        if name not in shown.flags and (
            secret_name(flags[name])  # which no profile holds
            or told[name] == told.get("model_path")  # as the tokenizer's path is taken from it
        ):
            continue
        if name not in shown.flags and at is None and expected in _NOTHING:
            if told[name] is False:
                continue  # a switch that the record has as nothing, or as off
            if server.served.unasked(name):
                expected = Open("what SGLang falls back to")  # `fallback` of the record's fields
        plain = told[name] is None or alike(
            defaults.get(name), told[name]
        )  # as if nobody had given it
        known = not isinstance(expected, Open)
        if (name not in shown.flags and plain) and (
            not known or alike(expected, defaults.get(name))
        ):
            continue
        held = _held(flags[name], name, given, expected, told[name], at, shown)
        yield replace(held, unknown=shown.unknown.get(name))


def _held(
    flag: str,
    name: str,
    given: str | None,
    expected: object,
    running: object,
    at: str | None,
    launch: Given,
) -> HeldSetting:
    now = _shown(flag, running)
    if isinstance(expected, Open):
        why = open_reason(expected)
        return HeldSetting("args", flag, given, None, now, "unknown", at and shown_at(at), why)
    verdict: Verdict = "agreed" if alike(expected, running) else "differs"
    why = "set by SGLang" if at else "as it's given" if name in launch.flags else "SGLang's default"
    then = _shown(flag, expected)
    return HeldSetting("args", flag, given, then, now, verdict, at and shown_at(at), why)


def _shown(flag: str, value: object) -> str:
    if value is None:
        return field_text(value)
    text = json.dumps(value) if isinstance(value, dict) else field_text(value)
    return masked(flag, text)


def alike(one: object, other: object) -> bool:
    """Whether a field's value, as the parser gives it, is what a server's JSON has for it."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if one in _NOTHING or other in _NOTHING:
        return one in _NOTHING and other in _NOTHING
    if isinstance(one, str) or isinstance(other, str):
        return one == other or _json(one) == _json(other)
    return _plain(one) == _plain(other)


def _plain(value: object) -> object:
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _json(value: object) -> object:
    """What a text is as JSON, itself where it's none."""
    if not isinstance(value, str):
        return _plain(value)
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if found is None or isinstance(found, bool) else found
