"""The secrets of a run: what was given to a secret name is hidden wherever else it shows.

A script hands a token on: ``export OTHER=$HF_TOKEN``. Nothing in the second name says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator

from dsv4_env.model.secrets.forms import is_reference
from dsv4_env.model.secrets.met import things, words
from dsv4_env.model.secrets.names import is_plain

_SHORTEST = 6  # characters: what is shorter is found in other words by chance
_LONGEST = 4096
_MOST = 500  # values of a run; each is looked for in all that is told
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_STANDS_IN = re.compile(r"(?i)x+|\*+|empty|dummy|changeme|<[^<>]*>|\.+|your[-_ ].*")
# Words that are found in everything: a password that is one of them can't be looked for.
_COMMON = set(
    """sglang deepseek python python3 server secret secrets password passwd default string local
    localhost example testing openai docker vllm huggingface launch launch_server model models
    config token tokens export profile environment unknown reason""".split()
)


class Known:
    """The secrets among what a run has met, of which the first *seen* things were looked at."""

    def __init__(self, things: list[object]) -> None:
        self.things = things
        self.seen = 0
        self.values: dict[str, None] = {}

    def learn(self, value: str) -> None:
        """Remember what a secret name was given, where that can be looked for in other text."""
        if len(self.values) < _MOST:
            self.values.update(dict.fromkeys(_parts(value)))

    def look(self) -> None:
        """Look at what was met since the last time."""
        from dsv4_env.model.secrets.learned import values_of

        while self.seen < len(self.things):
            thing = self.things[self.seen]
            self.things[self.seen], self.seen = None, self.seen + 1
            for value in values_of(thing):
                self.learn(value)


_last = Known([])  # of the run that is asked about


def known_values() -> Collection[str]:
    """The secrets of the run that can be looked for."""
    global _last
    found = things()
    if found is None:
        return ()
    if _last.things is not found:
        _last = Known(found)
    _last.look()
    return _last.values


def known_spans(text: str) -> list[tuple[int, int]]:
    """Where the secrets of the run stand in a text; the spans may overlap."""
    found: list[tuple[int, int]] = []
    for value in known_values():
        at = text.find(value)
        while at >= 0:
            found.append((at, at + len(value)))
            at = text.find(value, at + len(value))
    return sorted(found)


def _parts(value: str) -> Iterator[str]:
    """A value, its lines, and how JSON spells it: each that can be looked for."""
    value = value[:_LONGEST].strip()
    lines = [line.strip() for line in value.split("\n")] if "\n" in value else []
    for part in (value, *lines):
        if _distinct(part):
            yield part
            spelled = json.dumps(part, ensure_ascii=False)[1:-1]
            if spelled != part:
                yield spelled


def _distinct(value: str) -> bool:
    """Whether a value says of a text in which it stands that a secret stands there."""
    if len(value) < _SHORTEST or is_plain(value) or is_reference(value):
        return False
    if _STANDS_IN.fullmatch(value):
        return False
    return not (_WORD.fullmatch(value) and (value in _COMMON or value in words()))
