"""What the server's parser makes of arguments, and when two spellings mean the same to it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue.semantics import canonical_json
from dsv4_env.model import LaunchConfig, ServerArg, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsv4_env.catalogue.entries import Argument, Catalogue, FlagMatch

_SIZE = re.compile(r"([0-9]+)(?:(\.[0-9]+)?([kMGT])|([KMGT]i))")
_SI = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_IEC = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def _human_readable_int(text: str) -> int:
    """SGLang's sizes: ``8k``, ``25.6k``, ``1Ki``."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return int(text.strip())
    if match[4]:
        return int(match[1]) * _IEC[match[4]]
    from decimal import Decimal  # 5 ms, for sizes that are spelled so

    return int(Decimal(match[1] + (match[2] or "")) * _SI[match[3]])


_TYPES: dict[str, tuple[Callable[[str], object], str]] = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "json.loads": (canonical_json, "JSON"),
    "json_list_type": (canonical_json, "JSON"),
    "human_readable_int": (_human_readable_int, "a whole number, or one like 8k or 1Mi"),
    "nullable_str": (lambda text: None if text in {"", "None"} else text, "a word"),
}


# Arguments that the parser takes as text, and SGLang as JSON later on: load_config.py,
# model_config.py, serving_hook.py, deepep.py and cache code, the same from 0.5.11 to 0.5.23. Of
# True, text that is no JSON may be the path of a file; of False it stops the start.
LATER_JSON = {
    "deepep_config": True,
    "hicache_storage_backend_extra_config": True,
    "json_model_override_args": False,
    "kv_events_config": False,
    "limit_mm_data_per_request": False,
    "model_loader_extra_config": False,
    "modelexpress_config": True,
    "preferred_sampling_params": False,
}


_WORDS = {
    "int": "number",
    "float": "number",
    "human_readable_int": "number",
    "json.loads": "JSON",
    "json_list_type": "JSON",
}


@dataclass(slots=True, eq=False, repr=False)
class ParsedArgument:
    """One argument as the parser takes it: the value that its *dest* gets, or why it refuses."""

    match: FlagMatch
    dest: str = ""
    value: object = None
    problem: str | None = None


def given(catalogue: Catalogue, words: Sequence[str]) -> ParsedArgument | None:
    """What the parser makes of a flag and its values; None where it doesn't know the flag."""
    match = catalogue.argument(words[0]) if words else None
    if match is None or match.argument is None:
        return None
    argument = match.argument
    texts = [*(() if match.value is None else (match.value,)), *words[1:]]
    problem = _count(argument, texts, joined=match.value is not None)
    if problem:
        return ParsedArgument(match, argument.dest, problem=problem)
    values: list[object] = []
    for text in texts:
        try:
            value = _TYPES[argument.type or ""][0](text) if argument.type in _TYPES else text
        except (ValueError, ArithmeticError) as exc:
            expected = _TYPES[argument.type or ""][1]
            problem = _broken(text, exc) or f'"{text}" isn\'t {expected}'
            return ParsedArgument(match, argument.dest, problem=problem)
        if argument.choices is not None and str(value) not in argument.choices:
            listed = ", ".join(argument.choices)
            return ParsedArgument(match, argument.dest, problem=f'"{text}" isn\'t one of {listed}')
        if argument.dest in LATER_JSON:
            value = _json_or_text(text)
            if problem := _no_json(text, path=LATER_JSON[argument.dest]):
                return ParsedArgument(match, argument.dest, problem=problem)
        values.append(dict(argument.value_aliases).get(text, value))
    return ParsedArgument(match, argument.dest, _value(match, argument, values))


def _json_or_text(text: str) -> str:
    try:
        return canonical_json(text)
    except ValueError:
        return text


def _no_json(text: str, *, path: bool) -> str | None:
    """Why SGLang can't read a value as JSON that it reads as such; *path*: it may name a file."""
    if not text or (path and not text.lstrip().startswith(("{", "["))):
        return None
    try:
        json.loads(text)
    except ValueError as exc:
        return _broken(text, exc)
    return None


def _broken(text: str, problem: Exception) -> str | None:
    """Where a text that should be JSON breaks, and why; None where it's another problem."""
    if not isinstance(problem, json.JSONDecodeError):
        return None
    at = problem.pos
    near = text[max(0, at - 8) : at + 12]
    near = f"{'…' if at > 8 else ''}{near}{'…' if at + 12 < len(text) else ''}"
    hint = ""
    if text[at : at + 2] == '\\"' or text[max(0, at - 1) : at + 1] == '\\"':
        hint = ": within single quotes a double quote needs no backslash"
    elif word := re.match(r"True|False|None", text[at:]):
        spelled = {"True": "true", "False": "false", "None": "null"}[word[0]]
        hint = f": JSON has {spelled}, not {word[0]}"
    elif text[at : at + 1] == "'":
        hint = ": JSON has double quotes"
    return f'"{near}" isn\'t JSON at character {at + 1}' + (hint or f": {problem.msg.lower()}")


def _count(argument: Argument, texts: list[str], *, joined: bool) -> str | None:
    """What is wrong with the number of values, in argparse's terms."""
    number = len(texts)
    if argument.nargs == "0":
        return "it takes no value" if texts else None
    if joined and number > 1:
        return "words follow the value after ="
    if argument.nargs is None and number != 1:
        return "it takes one value"
    if argument.nargs == "+" and not number:
        return "it takes one value or more"
    if argument.nargs == "?" and number > 1:
        return "it takes at most one value"
    if argument.nargs and argument.nargs.isdigit() and number != int(argument.nargs):
        return f"it takes {argument.nargs} values"
    return None


def regrouped(config: LaunchConfig, catalogue: Catalogue) -> LaunchConfig:
    """The launch with words that aren't known apart from flags that don't take so many values.

    ``--trust-remote-code "$@"`` is a switch and, behind it, words that may be any flags.
    """
    args = apart(config.args or (), catalogue)
    return config if args == (config.args or ()) else replace(config, args=args)


def apart(given: Sequence[ServerArg], catalogue: Catalogue) -> tuple[ServerArg, ...]:
    """Arguments with words that aren't known apart from flags that don't take so many values."""
    args: list[ServerArg] = []
    for arg in given:
        match = catalogue.argument(arg.flag) if arg.flag and not arg.joined else None
        argument = match.argument if match is not None else None
        nargs = "1" if argument is None or argument.nargs is None else argument.nargs
        most = int(nargs) if argument is not None and nargs.isdigit() else len(arg.values)
        if any(isinstance(v, Unknown) for v in arg.values[most:]):
            args.append(replace(arg, values=arg.values[:most]))
            for word in arg.values[most:]:
                spelled = word if isinstance(word, str) else word.text
                where = (word.location if isinstance(word, Unknown) else None) or arg.location
                origin = replace(arg.origin, location=where, value=spelled)
                args.append(ServerArg(None, (word,), origin, condition=arg.condition))
        else:
            args.append(arg)
    return tuple(args)


def _value(match: FlagMatch, argument: Argument, values: list[object]) -> object:
    if argument.action == "BooleanOptionalAction":
        return not match.flag.startswith("--no-")
    if argument.action in {"store_true", "DeprecatedStoreTrueAction"}:
        return True
    if argument.action in {"store_const", "DeprecatedStoreConstAction"}:
        return True if argument.const == "true" else argument.const
    if argument.nargs == "0":
        return (argument.flag, argument.action)  # nothing else does what it does
    if argument.nargs in {"+", "*"} or (argument.nargs or "").isdigit():
        return tuple(values)
    return values[0] if values else argument.const


def same_arg(catalogue: Catalogue, a: Sequence[str], b: Sequence[str]) -> str | None:
    """Why the parser takes two arguments, each a flag with its values, for the same; else None."""
    if list(a) == list(b):
        return "both are spelled the same"
    left, right = given(catalogue, a), given(catalogue, b)
    if left is None or right is None or left.problem or right.problem:
        return None
    if (
        left.dest != right.dest
        or left.value != right.value
        or type(left.value) is not type(right.value)
    ):
        return None
    reasons = [r for side, words in ((left, a), (right, b)) for r in _spelling(side, words[0])]
    if left.match.flag != right.match.flag:
        reasons.append(f"{left.match.flag} and {right.match.flag} set the same")
    texts = [_texts(side, words) for side, words in ((left, a), (right, b))]
    if texts[0] != texts[1]:
        reasons.append(_values(left, texts))
    elif not reasons:
        reasons.append("a value after = is the same as one that follows")
    return "; ".join(reasons)


def _spelling(side: ParsedArgument, word: str) -> list[str]:
    name = word.partition("=")[0]
    return [f"{name} is short for {side.match.flag}"] if side.match.abbreviated else []


def _texts(side: ParsedArgument, words: Sequence[str]) -> list[str]:
    return [*(() if side.match.value is None else (side.match.value,)), *words[1:]]


def _values(side: ParsedArgument, texts: list[list[str]]) -> str:
    shown = " and ".join(f'"{" ".join(t)}"' for t in texts)
    aliases = dict(side.match.argument.value_aliases) if side.match.argument else {}
    for one, other in (texts, texts[::-1]):
        if len(one) == len(other) == 1 and aliases.get(one[0]) == other[0]:
            return f'"{one[0]}" is an old name of "{other[0]}"'
    kind = (side.match.argument.type if side.match.argument else None) or "str"
    word = _WORDS.get(kind, "JSON" if side.dest in LATER_JSON else "value")
    return f"SGLang reads {shown} as the same {word}"


def invalid_arg(catalogue: Catalogue, words: Sequence[str]) -> str | None:
    """Why the parser would refuse a flag with its values; None where it takes them or may."""
    found = given(catalogue, words)
    return found.problem if found else None


def arg_equals_default(catalogue: Catalogue, words: Sequence[str]) -> str | None:
    """Why giving the argument is like leaving it out; None where it isn't or may not be."""
    found = given(catalogue, words)
    argument = found.match.argument if found else None
    if found is None or argument is None or found.problem or argument.explicit:
        return None
    if not argument.default_known or argument.default is None or argument.deprecated:
        return None
    if argument.type is not None and argument.type not in {*_TYPES, "str"}:
        return None
    default: object = argument.default
    if isinstance(found.value, bool):
        default = {"true": True, "false": False}.get(argument.default)
    elif isinstance(found.value, tuple):
        try:
            items = json.loads(argument.default)
        except ValueError:
            return None
        default = (
            tuple(converted(argument, str(i)) for i in items) if isinstance(items, list) else None
        )
    else:
        default = converted(argument, argument.default)
    if default is None or default != found.value:
        return None
    return f"{argument.default} is {catalogue.name}'s default of {argument.flag}"


def converted(argument: Argument, text: str) -> object:
    """What the parser makes of a text; None where it can't be converted."""
    if argument.dest in LATER_JSON:
        return _json_or_text(text)
    try:
        return _TYPES[argument.type or ""][0](text) if argument.type in _TYPES else text
    except (ValueError, ArithmeticError):
        return None
