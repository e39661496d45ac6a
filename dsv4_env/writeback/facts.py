"""What a test says beside its settings, written: literals of the test, keys of the layers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dsv4_env.compare.facts import FactPair, choices, fact_pairs
from dsv4_env.compare.normalise import is_ignored
from dsv4_env.model import Fact, LaunchConfig, Unknown, facts_told, text_of
from dsv4_env.model.errors import shortened
from dsv4_env.model.finding import Finding
from dsv4_env.model.secrets import plain_secret, scrubbed
from dsv4_env.writeback.edits import (
    Edit,
    Outcome,
    Refused,
    applied,
    first_change,
    read_again,
    text_starts,
)

_LITERAL = re.compile(
    r"(?:True|False)\b|\d[\d_]*(?:\.\d*)?(?![\w.])|(?P<quote>[\"'])(?:(?!(?P=quote))[^\\\n])*(?P=quote)"
)
_TAKEN = re.compile(r"(?:(?:os\.)?environ\.get|(?:os\.)?getenv)\(\s*")
_COMMA = re.compile(r"\s*,\s*")
_ARGUMENTS = ("path-variable", "path")  # of what takes a model from the environment
_ASKS = re.compile(r"\.(?:model_path|default_model_path|model_path_variable|launch_timeout\w*)\b")
_MODEL = {"--model-path", "--model"}
_NOWHERE = Fact("model", "path", "")
_NEWLINE = r"\r\n|\r|\n"
Read = Callable[[str], list[LaunchConfig]]


def unsettled(
    profile: LaunchConfig, launch: LaunchConfig, ignore: Sequence[str]
) -> Iterator[FactPair]:
    """The keys that differ and that both sides know; a model of the same name elsewhere doesn't."""
    for pair in fact_pairs(profile, launch):
        if pair.same or pair.unknown is not None or is_ignored(pair.name, ignore):
            continue
        if pair.key == "path" and pair.same_name:
            continue
        yield pair


def edit_facts(
    profile: LaunchConfig,
    outcome: Outcome,
    read: Read,
    index: int,
    *,
    ignore: Sequence[str] = (),
    shared: bool = False,
    only: str | None = None,
) -> list[Refused]:
    """Bring the literals of a test to its profile, in *outcome*; give what can't be, and why.

    An edit is kept only where the file, read again, says what was wanted and nothing else moved.
    *only*: the one key that is brought.
    """
    left: list[Refused] = []
    for pair in list(unsettled(profile, outcome.launch, ignore)):
        if only is not None and pair.name != only:
            continue
        launches = read(outcome.text)
        now = next((p for p in fact_pairs(profile, launches[index]) if p.name == pair.name), pair)
        model = next(iter(facts_told(outcome.launch, "model", "path")), None)
        where = (now.right or model or pair.left or _NOWHERE).location
        edit = _edit(outcome, now)
        if isinstance(edit, str):
            left.append(Refused(pair.name, edit, where or outcome.launch.location))
            continue
        text = applied(outcome.text, (edit,))
        if (why := _wrong(profile, read, launches, text, index, now, shared=shared)) is not None:
            left.append(Refused(pair.name, why, where))
            continue
        outcome.text, outcome.launch = text, read(text)[index]
        outcome.done.append(pair.name)
    for pair in fact_pairs(profile, outcome.launch):
        if (unknown := pair.unknown) is not None and not is_ignored(pair.name, ignore):
            reason = f"`{scrubbed(unknown.text)}` can't be known: {scrubbed(unknown.reason)}"
            left.append(Refused(pair.name, reason, pair.right.location if pair.right else None))
    found = (f for f in choices(profile, outcome.launch) if not is_ignored(f.subject, ignore))
    return [*left, *(Refused(f.subject, _choice(f), f.location) for f in found)]


def _edit(outcome: Outcome, pair: FactPair) -> Edit | str:
    """The edit of a literal, or why there is none."""
    if pair.left is None:
        assert pair.right is not None
        return (
            f"{pair.right.value} may override the model here, and the profile has no variable for "
            f'it; `path-variable = "{pair.right.value}"` under [model] gives it one, or the path '
            "alone is to stand here"
        )
    if pair.right is None and pair.table == "quality":
        return (
            f"no assertion holds the result against it; one with {pair.left.value}, as in the "
            "profile, is to"
        )
    if pair.right is None and pair.table == "ci":
        return f'no registration stands in it; one for "{pair.left.value}" is to'
    if pair.right is None:
        name, path = (
            pair.left.value,
            next((f.value for f in outcome.launch.facts if _is_path(f)), ""),
        )
        return (
            f"no variable overrides the model here, and {name} does that of the profile; "
            f'`os.environ.get("{name}", "{path}")` is to stand here'
        )
    place, launch = pair.right.location, outcome.launch
    here = launch.location.path if launch.location else None
    if place is None or place.line is None or place.path != here:
        return f"it stands in another file than {here}"
    starts = text_starts(outcome.text, _NEWLINE)
    at = starts[min(place.line, len(starts)) - 1] + (place.column or 1) - 1
    literal = _LITERAL.match(outcome.text, at) or _argument(outcome.text, at, pair.key)
    value = pair.left.value
    if literal is None or isinstance(literal["quote"], str) is not isinstance(value, str):
        return _no_literal(outcome, at, value)
    at, quote = literal.start(), literal["quote"]
    if quote is None:
        return Edit(at, literal.end(), str(value))
    shown = json.dumps(value, ensure_ascii=False)[1:-1]
    return Edit(at, literal.end(), f"{quote}{shown}{quote}")


def _choice(finding: Finding) -> str:
    """What is to be done where only one side lets the environment override a variable."""
    return (
        f"here it is {finding.right}, the profile has {finding.left}; that is changed by hand, or "
        "in the profile by `sync --from`"
    )


def _argument(text: str, at: int, key: str) -> re.Match[str] | None:
    """The literal of ``os.environ.get("NAME", "path")`` that is a model's name or its path."""
    call = _TAKEN.match(text, at)
    if call is None or key not in _ARGUMENTS:
        return None
    found: list[re.Match[str]] = []
    end = call.end()
    while len(found) < len(_ARGUMENTS) and (literal := _LITERAL.match(text, end)) is not None:
        found.append(literal)
        comma = _COMMA.match(text, literal.end())
        if comma is None:
            break
        end = comma.end()
    number = _ARGUMENTS.index(key)
    return found[number] if number < len(found) else None


def _no_literal(outcome: Outcome, at: int, value: object) -> str:
    """Why nothing is written at a place, and what is to be done by hand."""
    wanted = json.dumps(value, ensure_ascii=False)
    stands = re.match(r"[^\n#]*", outcome.text[at:])
    shown = scrubbed(shortened(stands[0].strip() if stands else "", 60))
    if _ASKS.search(shown):
        return (
            f"`{shown}` takes it from a profile; `dsv4-env unadopt` writes it into the file, where "
            f"{wanted} is to stand"
        )
    return f"`{shown}` stands there and no plain value; {wanted} is to be what comes of it"


def _is_path(fact: Fact) -> bool:
    return (fact.table, fact.key) == ("model", "path")


def _wrong(
    profile: LaunchConfig,
    read: Read,
    before: Sequence[LaunchConfig],
    text: str,
    index: int,
    pair: FactPair,
    *,
    shared: bool,
) -> str | None:
    """Why an edited text isn't what was wanted; None where it is."""
    after = read_again(text, read, len(before))
    if isinstance(after, str):
        return after
    if any(p.name == pair.name and not p.same for p in fact_pairs(profile, after[index])):
        return "no edit at the place where it stands makes it what is wanted"
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        model = number == index and pair.table == "model"
        if (other := first_change(old, new, _MODEL if model else set())) is not None:
            return f"the edit would change {other} as well"
        moved = [n for o, n in zip(old.facts, new.facts, strict=False) if _said(o) != _said(n)]
        if number == index:
            moved = [f for f in moved if f.key != pair.key]
        elif shared or pair.table == "ci":  # a registration is the whole file's
            moved = []
        if moved:
            line = old.location.line if old.location else None
            return f"the edit would change launch #{number + 1} (line {line}) as well: --shared"
    return None


def _said(fact: Fact) -> object:
    return replace(fact, location=None, value=str(fact.value))


def layer_values(
    profile: LaunchConfig, launch: LaunchConfig, ignore: Sequence[str]
) -> Iterator[tuple[str, str, object] | Refused]:
    """What is to stand in the layers so that the profile says what the test says.

    Tables, keys and values; or what can't be said there.
    """
    for pair in unsettled(profile, launch, ignore):
        if pair.right is None:
            yield pair.table, pair.key, None
            continue
        value = layer_value(pair.right)
        if isinstance(value, Unknown) or (isinstance(value, str) and plain_secret(pair.key, value)):
            yield Refused(pair.name, "a layer can't hold it", pair.right.location)
            continue
        yield pair.table, pair.key, value


def layer_value(fact: Fact) -> str | int | float | Unknown:
    """A fact as a layer has it: seconds are whole."""
    value = fact.value
    if fact.key.endswith("-seconds") and isinstance(value, int | float):
        return math.ceil(value)
    return value


def chosen(profile: LaunchConfig, launch: LaunchConfig) -> Iterator[tuple[str, str, bool]]:
    """Variables that only one side lets the outside override: name, value, and whether the test."""
    for finding in choices(profile, launch, each=True):
        setting = launch.effective_env[finding.subject]
        text = text_of(setting.value)
        if text is not None:
            yield finding.subject, text, not isinstance(setting.value, str)
