"""A launch as SGLang's parser takes it: the fields of its record, and the variables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from dsv4_env.catalogue.arguments import LATER_JSON, converted, given, regrouped
from dsv4_env.catalogue.images import image_env
from dsv4_env.model import EnvVar, ServerArg, Unknown, Value, own_default
from dsv4_env.plan.evaluate import Open, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsv4_env.catalogue import Argument, Catalogue
    from dsv4_env.model import LaunchConfig
    from dsv4_env.plan.platforms import Platform

SOME_MODEL = "<model>"  # stands for a path that isn't known: neither "none" nor "dummy"
_SERVE = frozenset({"--model-type"})
PARSER = "argparse"  # where a refusal of the parser's own stands


@dataclass(slots=True)
class Given:
    """What a launch gives: *fields* by the record's names, *env*, how each was *spelled*.

    Those of *unknown* can't be known: *spelled* has what the outside may override by its default.
    *flags* has the option string of each field that is given; *refused* is what the parser stops
    with. *image* are the variables of the image that it runs in: where nothing else sets them they
    count, and nobody has given them.
    """

    fields: dict[str, object]
    env: dict[str, object]
    image: Mapping[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


def given_by(
    config: LaunchConfig,
    catalogue: Catalogue,
    model: str | None = None,
    *,
    on: Platform | None = None,
) -> Given:
    """What a launch gives, on top of the parser's own defaults; *model* where it gives none.

    What its image sets counts where that is an image for the platform.
    """
    defaults = parser_defaults(catalogue)
    fields = {**defaults, "device": "cuda", "model_path": model or SOME_MODEL}
    found = Given(fields, {}, image_env(config.image, on.family if on else None))
    for name, setting in config.effective_env.items():
        # What the outside may override is taken as it is where nobody does.
        value = (
            setting.value if isinstance(setting.value, str) else own_default(name, setting.value)
        )
        sure = value is not None and setting.condition is None
        found.env[name] = value if sure else Open(_open_why(name, (setting.value,), setting))
        found.spelled[name] = _spelling(setting.value) if value is None else value
        if isinstance(setting.value, Unknown):
            found.unknown[name] = setting.value
    for arg in regrouped(config, catalogue).args or ():
        # `sglang serve` takes the model as a word, and an option of its own: sglang/cli/serve.py
        own = arg.flag in _SERVE or (arg.flag is None and len(arg.values) == 1)
        if not (config.serves and own):
            _take(arg, catalogue, found)
    return found


def _take(arg: ServerArg, catalogue: Catalogue, found: Given) -> None:
    if arg.flag is None:
        if not any(isinstance(v, Unknown) for v in arg.values) and arg.condition is None:
            found.refused.append(_unrecognized(arg))
        return
    words = [w if isinstance(w, str) else "0" for w in arg.words]
    open_ = any(isinstance(w, Unknown) for w in arg.words) or arg.condition is not None
    parsed = given(catalogue, words)
    if parsed is None:
        if arg.condition is None:  # the name decides, whatever the value is
            match = catalogue.argument(arg.flag)
            several = match.candidates if match is not None else ()
            found.refused.append(_ambiguous(arg, several) if several else _unrecognized(arg))
        return
    if parsed.problem and not open_:
        message = f"argument {parsed.match.flag}: {parsed.problem}"
        found.refused.append(Refusal(message, PARSER))
        return
    value = list(parsed.value) if isinstance(parsed.value, tuple) else parsed.value
    if parsed.dest in LATER_JSON:
        value = words[-1] if len(words) > 1 else _joined(words[0])
    found.flags[parsed.dest] = arg.flag
    found.fields[parsed.dest] = Open(_open_why(arg.flag, arg.words, arg)) if open_ else value
    if open_ and parsed.dest == "model_path":
        found.fields[parsed.dest] = SOME_MODEL
    spelled = " ".join(map(_spelling, arg.words[1:]))
    found.spelled[parsed.dest] = spelled or _joined(_spelling(arg.words[0]))
    if unknown := [w for w in arg.words if isinstance(w, Unknown)]:
        found.unknown[parsed.dest] = Unknown(
            found.spelled[parsed.dest],
            ", ".join(dict.fromkeys(w.reason for w in unknown)),
            tuple(dict.fromkeys(n for w in unknown for n in w.names)),
            unknown[0].default if len(arg.words[1:]) < 2 else None,
        )


def _open_why(name: str, values: Sequence[Value], setting: EnvVar | ServerArg) -> str:
    """Why it isn't known what a setting is given: its condition, and why values aren't known."""
    said = [f"it's only given when {setting.condition}"] if setting.condition is not None else []
    said += dict.fromkeys(v.reason for v in values if isinstance(v, Unknown))
    return f"{name}: {', '.join(said)}"


def _spelling(value: Value) -> str:
    """A value as it's given: of one that isn't known, its text."""
    return value if isinstance(value, str) else value.text


def _joined(word: str) -> str:
    return word.partition("=")[2]


def _ambiguous(arg: ServerArg, several: tuple[str, ...]) -> Refusal:
    return Refusal(f"ambiguous option: {arg.flag} could match {', '.join(several)}", PARSER)


def _unrecognized(arg: ServerArg) -> Refusal:
    words = " ".join(str(w) for w in arg.words)
    return Refusal(f"unrecognized arguments: {words}", PARSER)


def flag_names(catalogue: Catalogue) -> dict[str, str]:
    """The flag that each field of the record has; of several the first that isn't deprecated."""
    found: dict[str, str] = {}
    for argument in catalogue.arguments.values():
        if not argument.deprecated:
            found.setdefault(argument.dest, argument.flag)
    return found


def parser_defaults(catalogue: Catalogue) -> Mapping[str, object]:
    """What each field is where nothing is given; those that are computed aren't among them."""
    return _defaults(tuple(catalogue.arguments.values()))


@lru_cache(maxsize=4)
def _defaults(arguments: tuple[Argument, ...]) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for argument in arguments:
        if argument.computed is None:
            value = default_value(argument)
            if argument.dest not in found or value is not None:
                found[argument.dest] = value
    return found


def default_value(argument: Argument) -> object:
    """What the parser gives where the argument isn't."""
    text = argument.default
    if text is None:
        return None
    if text in ("true", "false"):
        return text == "true"
    if argument.nargs in ("+", "*"):
        return json.loads(text)
    return converted(argument, text)
