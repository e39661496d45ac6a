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
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.secrets import plain_secret, scrubbed
from dsv4_env.writeback.edits import (
    Edit,
    Outcome,
    Refused,
    applied,
    first_change,
    text_starts,
)

_LITERAL = re.compile(
    r"(?:True|False)\b|\d[\d_]*(?:\.\d*)?(?![\w.])|(?P<quote>[\"'])(?:(?!(?P=quote))[^\\\n])*(?P=quote)"
)
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
    why = "whether the environment may override it isn't rewritten"
    found = (f for f in choices(profile, outcome.launch) if not is_ignored(f.subject, ignore))
    return [*left, *(Refused(f.subject, why, f.location) for f in found)]


def _edit(outcome: Outcome, pair: FactPair) -> Edit | str:
    """The edit of a literal, or why there is none."""
    if pair.left is None or pair.right is None:
        return "how the model is named isn't rewritten"
    place, launch = pair.right.location, outcome.launch
    here = launch.location.path if launch.location else None
    if place is None or place.line is None or place.path != here:
        return f"it stands in another file than {here}"
    starts = text_starts(outcome.text, _NEWLINE)
    at = starts[min(place.line, len(starts)) - 1] + (place.column or 1) - 1
    literal = _LITERAL.match(outcome.text, at)
    value = pair.left.value
    if literal is None or isinstance(literal["quote"], str) is not isinstance(value, str):
        return "no plain value stands there"
    quote = literal["quote"]
    if quote is None:
        return Edit(at, literal.end(), str(value))
    shown = json.dumps(value, ensure_ascii=False)[1:-1]
    return Edit(at, literal.end(), f"{quote}{shown}{quote}")


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
    try:
        after = read(text)
    except Dsv4Error as exc:
        return f"the file couldn't be read after the edit ({exc.found})"
    if len(after) != len(before):
        return "the edit would change how many launches there are"
    if any(p.name == pair.name and not p.same for p in fact_pairs(profile, after[index])):
        return "no edit at the place where it stands makes it what is wanted"
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        model = number == index and pair.key == "path"
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
