"""Conditions: what must hold for a setting or a launch to be made, as a value.

A condition is made of tests that a run alone decides, by ``&``, ``|`` and ``~``; None stands for
"always". Whatever is shown of it is ``str()`` of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeVar

_TRIED = 10  # tests of which all outcomes are tried: a thousand
_TERMS = 32  # alternatives that are made shorter

# How a test is told where it holds, and where it doesn't. {0} is its subject, {1} the operand.
PHRASES: dict[str, tuple[str, str]] = {
    "holds": ("{0}", "not ({0})"),
    "nonzero": ("{0}", "not {0}"),
    "=": ("{0} = {1}", "{0} != {1}"),
    "empty": ("-z {0}", "-n {0}"),
    "set": ("{0} is set", "{0} is not set"),
    "outside": ("{0} is set outside", "{0} is not set outside"),
    "succeeds": ("{0} succeeds", "{0} fails"),
    "ends": ("{0} ends", "{0} doesn't end"),
    "goes on": ("{0} doesn't end the script", "{0} ends the script"),
    "within": ("in {0}", "not in {0}"),
}


class Condition:
    """What must hold: a :class:`Test`, or :class:`All` or :class:`Some` of several conditions."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        return _joined(All, (self, other))

    def __or__(self, other: Condition) -> Condition:
        return _joined(Some, (self, other))

    def __invert__(self) -> Condition:
        raise NotImplementedError

    def holds(self, answers: Mapping[Test, bool]) -> bool:
        """Whether it holds where each of its tests (in its positive form) has this answer."""
        raise NotImplementedError

    def tests(self) -> Iterator[Test]:
        """Its tests in their positive form, in the order they stand; some may come again."""
        raise NotImplementedError

    def mapped(self, change: Callable[[str], str]) -> Condition:
        """The same with the text of each test changed, as in ``condition.mapped(scrubbed)``."""
        raise NotImplementedError

    def implies(self, other: Condition | None) -> bool:
        """Whether the other surely holds where this one does; of too many tests it isn't known."""
        return other is None or covers((~self, other))


@dataclass(frozen=True, slots=True)
class Test(Condition):
    """One test: *subject*, *operator* (of ``PHRASES``), *operand*; not *positive* is its opposite.

    *occurrence* tells tests apart that read the same and may have different outcomes.
    """

    subject: str
    operator: str = "holds"
    operand: str = ""
    positive: bool = True
    occurrence: int = 0

    __test__ = False  # pytest collects classes of this name

    def __str__(self) -> str:
        return PHRASES[self.operator][not self.positive].format(self.subject, self.operand)

    def __invert__(self) -> Test:
        return replace(self, positive=not self.positive)

    def holds(self, answers: Mapping[Test, bool]) -> bool:
        """Its answer."""
        return answers[replace(self, positive=True)] is self.positive

    def tests(self) -> Iterator[Test]:
        """Itself."""
        yield replace(self, positive=True)

    def mapped(self, change: Callable[[str], str]) -> Test:
        """The whole is changed at once: what is a secret shows by the name beside it."""
        before = str(replace(self, positive=True))
        after = change(before)
        if after == before:
            return self
        return Test(after, positive=self.positive, occurrence=self.occurrence)


@dataclass(frozen=True, slots=True)
class _Parts(Condition):
    parts: tuple[Condition, ...]

    def tests(self) -> Iterator[Test]:
        """Those of its parts."""
        for part in self.parts:
            yield from part.tests()

    def mapped(self, change: Callable[[str], str]) -> Condition:
        """Part by part."""
        return replace(self, parts=tuple(p.mapped(change) for p in self.parts))


@dataclass(frozen=True, slots=True)
class All(_Parts):
    """All parts hold. None of them is an All itself."""

    def __str__(self) -> str:
        return _told(" and ", self.parts, (" or ", "||", " if "))

    def __invert__(self) -> Condition:
        return _flat(Some, tuple(~p for p in self.parts))

    def holds(self, answers: Mapping[Test, bool]) -> bool:
        """Whether all do."""
        return all(p.holds(answers) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Some(_Parts):
    """At least one part holds. None of them is a Some itself."""

    def __str__(self) -> str:
        if all(
            isinstance(p, Test) and p.operator == "holds" and not p.positive for p in self.parts
        ):
            return f"not ({~self})"  # rather than "not (a) or not (b)"
        return _told(" or ", self.parts, (" and ", "&&", " if "))

    def __invert__(self) -> Condition:
        return _flat(All, tuple(~p for p in self.parts))

    def holds(self, answers: Mapping[Test, bool]) -> bool:
        """Whether one does."""
        return any(p.holds(answers) for p in self.parts)


def _told(between: str, parts: Iterable[Condition], words: tuple[str, ...]) -> str:
    """The parts in words; those that read the same, as tests of the same thing do, once."""
    return between.join(dict.fromkeys(_enclosed(p, words) for p in parts))


def _enclosed(part: Condition, words: tuple[str, ...]) -> str:
    text = str(part)
    bare = isinstance(part, Test) and (part.operator != "holds" or not part.positive)
    return f"({text})" if not bare and any(w in text for w in words) else text


def _flat(kind: type[All | Some], parts: Iterable[Condition]) -> Condition:
    """All or Some of the parts, with those of the same kind taken apart and each told once."""
    found: dict[Condition, None] = {}
    for part in parts:
        found.update(dict.fromkeys(part.parts if isinstance(part, kind) else (part,)))
    return next(iter(found)) if len(found) == 1 else kind(tuple(found))


def _joined(kind: type[All | Some], parts: Sequence[Condition]) -> Condition:
    """All or Some of the parts, made shorter where they are about the same tests."""
    joined = _flat(kind, parts)
    tests = [set(p.tests()) for p in parts]
    apart = sum(map(len, tests)) == len(set().union(*tests))
    return joined if apart else simplified(joined)


def both(first: Condition | None, second: Condition | None) -> Condition | None:
    """What holds where both do, as short as it easily gets."""
    if first is None or second is None:
        return first or second
    return first & second


def either(*conditions: Condition | None) -> Condition | None:
    """What holds where one of them does, as short as it easily gets; None where one always does."""
    given = [c for c in conditions if c is not None]
    if len(given) < len(conditions) or not given:
        return None
    return None if covers(given) else _joined(Some, given)


def opposite(condition: Condition | None) -> Condition | None:
    """What holds where it doesn't. Raises ValueError of what always holds."""
    if condition is None:
        raise ValueError("nothing holds where what always holds doesn't")
    return ~condition


def covers(conditions: Iterable[Condition | None]) -> bool:
    """Whether one of the conditions surely holds, whatever the outcomes of their tests."""
    given = list(conditions)
    if None in given:
        return True
    alternatives = [c for c in given if c is not None]
    tests = list(dict.fromkeys(t for c in alternatives for t in c.tests()))
    if (
        not tests
        or len(tests) > _TRIED
        or sum(1 for c in alternatives for _ in c.tests()) == len(tests)
    ):
        return False
    outcomes = product((True, False), repeat=len(tests))
    return all(
        any(c.holds(answers) for c in alternatives)
        for answers in (dict(zip(tests, o, strict=True)) for o in outcomes)
    )


def simplified(condition: Condition) -> Condition:
    """The same condition as alternatives of tests, as short as they easily get.

    It stays as it is where there would be many of them, or where it can never hold.
    """
    terms = _terms(condition)
    if terms is None:
        return condition
    tests = list(dict.fromkeys(condition.tests()))
    order = {test: at for at, test in enumerate(tests)}
    short = shorter(frozenset(terms), order)
    if not short or frozenset() in short:
        return condition

    def rank(term: Term[Test]) -> list[tuple[int, bool]]:
        return sorted((order[t], not answer) for t, answer in term)

    def made(term: Term[Test]) -> Condition:
        ordered = sorted(term, key=lambda x: order[x[0]])
        return _flat(All, tuple(t if answer else ~t for t, answer in ordered))

    return _flat(Some, tuple(made(t) for t in sorted(short, key=rank)))


def _terms(condition: Condition) -> set[Term[Test]] | None:
    """Its alternatives, each what must hold together; None where they are too many."""
    if isinstance(condition, Test):
        return {frozenset([(replace(condition, positive=True), condition.positive)])}
    assert isinstance(condition, _Parts)
    found: set[Term[Test]] = set() if isinstance(condition, Some) else {frozenset()}
    for part in condition.parts:
        mine = _terms(part)
        if mine is None:
            return None
        if isinstance(condition, Some):
            found |= mine
        else:
            found = {a | b for a in found for b in mine if not _contradict(a, b)}
        if len(found) > _TERMS:
            return None
    return found


def _contradict(one: Term[Test], other: Term[Test]) -> bool:
    return any((test, not answer) in other for test, answer in one)


K = TypeVar("K", bound=Hashable)
Term = frozenset[tuple[K, bool]]
"""What must hold together: each test with its answer."""


def shorter(
    terms: frozenset[Term[K]],
    order: Mapping[K, int],
    spend: Callable[[int], None] = lambda _: None,
    *,
    few: int = 24,
) -> frozenset[Term[K]]:
    """The same alternatives, shorter: ``a and b or a and not b`` is ``a``.

    *order* ranks the tests, *spend* is told of the steps it takes. Of at most *few* alternatives,
    ``a or not a and b`` is ``a or b``, too.
    """
    if len(terms) < 2:
        return terms

    def ordered(term: Term[K]) -> list[tuple[K, bool]]:
        return sorted(term, key=lambda x: (order[x[0]], x[1]), reverse=True)

    def rank(term: Term[K]) -> list[tuple[int, bool]]:
        return [(order[k], v) for k, v in ordered(term)]

    current = set(terms)
    changed = True
    while changed:
        changed = False
        spend(1 + sum(4 * len(a) + (len(a) * len(a) >> 5) for a in current))
        for term in sorted(current, key=rank):
            if term not in current:
                continue
            for key, answer in ordered(term):
                rest = term - {(key, answer)}
                other = rest | {(key, not answer)}
                if other in current:
                    current -= {term, other}
                    current.add(rest)
                    changed = True
                    break
    return frozenset(_absorbed(current, ordered, rank, spend) if len(current) <= few else current)


def _absorbed(
    current: set[Term[K]],
    ordered: Callable[[Term[K]], list[tuple[K, bool]]],
    rank: Callable[[Term[K]], list[tuple[int, bool]]],
    spend: Callable[[int], None],
) -> set[Term[K]]:
    """``a or not a and b`` is ``a or b``; tried only for few alternatives, as it takes long."""
    changed = True
    while changed:
        spend(1 + (len(current) * sum(len(a) for a in current) >> 2))
        current = {p for p in current if not any(o < p for o in current)}
        changed = False
        for term in sorted(current, key=rank):
            for key, answer in ordered(term):
                rest = term - {(key, answer)}
                flipped = (key, not answer)
                if any(flipped in o and o - {flipped} <= rest for o in current):
                    current = (current - {term}) | {rest}
                    changed = True
                    break
            if changed:
                break
    return current
