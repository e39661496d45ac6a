"""What the choices in a launch come to: which words it has on which paths.

A choice (``Symbol.options``) is left where a script has too many paths to be followed apart. Those
of one argument are tried together; arguments that share none are told one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from dsv4_env.lang.bash.expand.decisions import both_paths
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.values import (
    ALWAYS,
    Alternatives,
    Argv,
    Option,
    PathCondition,
    Symbol,
    Text,
    pieces_of,
)
from dsv4_env.model import Location, is_flag

Words: TypeAlias = Sequence[tuple[Text, Location | None]]
MAX_WAYS = 64  # of the words of one argument; of more, they stay unknown


def clusters(args: Argv) -> list[Argv]:
    """The words in groups that share no argument: each but the first begins with a flag."""
    found: list[Argv] = []
    clean = True  # what comes next surely begins with a flag
    for word, place in reversed(args):
        if found and not clean:
            found[-1].append((word, place))
        else:
            found.append([(word, place)])
        clean = _begins_with_flag(word, then=clean)
    return [group[::-1] for group in reversed(found)]


def _begins_with_flag(word: Text, *, then: bool) -> bool:
    """Whether an argument surely begins here; *then*: whether one does behind the word."""
    if isinstance(word, str):
        return is_flag(word)
    if not word.options:
        return False
    return all(
        _begins_with_flag(words[0], then=False) if words else then for _, words in word.options
    )


@dataclass(slots=True)
class Ways:
    """What the choices in words come to where some decisions are *known*."""

    vm: Machine
    known: PathCondition
    found: dict[int, list[Option]] = field(default_factory=dict)

    def of_words(self, words: Words) -> list[tuple[Alternatives, Words]]:
        """The words as they are on which paths; as they stand where there are too many ways."""
        ways: list[tuple[Alternatives, list[tuple[Text, Location | None]]]] = [(ALWAYS, [])]
        for word, place in words:
            options = self.of(word)
            if len(options) * len(ways) > MAX_WAYS:
                return [(ALWAYS, words)]
            if len(options) == 1 and options[0][0] == ALWAYS:
                for _, way in ways:
                    way += [(w, place) for w in options[0][1]]
                continue
            ways = [
                (paths, [*way, *((w, place) for w in chosen)])
                for before, way in ways
                for on, chosen in options
                if (paths := both_paths(self.vm, before, on))
            ]
        return [*ways] or [(ALWAYS, words)]

    def of_value(self, value: Text) -> list[tuple[Alternatives, Text]]:
        """The values of a variable, and on which paths it has them; on others it's unset."""
        found = self.of(value)
        if any(len(words) > 1 for _, words in found):
            return [(ALWAYS, value)]
        return [(on, words[0]) for on, words in found if words]

    def of(self, word: Text) -> list[Option]:
        """The words that a word is, on which paths."""
        if isinstance(word, str) or not word.optional:
            return [(ALWAYS, (word,))]
        known = self.found.get(word.number)
        if known is None:
            known = list(self._of_options(word) if word.options else self._of_pieces(word))
            if len(known) > MAX_WAYS or not known:
                known = [(ALWAYS, (word,))]
            self.found[word.number] = known
        return known

    def _of_options(self, word: Symbol) -> Iterator[Option]:
        for alts, words in word.options:
            left = left_of(alts, self.known)
            for on, chosen in self.of_words([(w, None) for w in words]) if left else ():
                paths = both_paths(self.vm, left, on)
                if paths:
                    yield paths, tuple(w for w, _ in chosen)

    def _of_pieces(self, word: Symbol) -> Iterator[Option]:
        pieces = pieces_of(word)
        if word.splits or pieces == [word]:
            yield ALWAYS, (word,)
            return
        for on, chosen in self.of_words([(p, None) for p in pieces]):
            yield on, (self.vm.join([w for w, _ in chosen]) if chosen else "",)


def options_in(word: Text) -> Iterator[Alternatives]:
    """The paths that the choices in a word tell apart."""
    left, seen = [word], set()
    while left:
        one = left.pop()
        if isinstance(one, str) or not one.optional or one.number in seen:
            continue
        seen.add(one.number)
        left += one.parts
        for alts, words in one.options:
            yield alts
            left += words


def left_of(alts: Alternatives, known: PathCondition) -> Alternatives:
    """Alternatives where this is known: without those that it rules out."""
    opposites = frozenset((k, not v) for k, v in known)
    return frozenset(a - known for a in alts if a.isdisjoint(opposites))
