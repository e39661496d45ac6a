"""Conditions as values: what follows from them, and how they are told."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from dsv4_env.model.condition import PHRASES, Condition, Test, both, covers, either, simplified

A, B, C = Test("A"), Test("B"), Test("C")
FAST = Test("$M", "=", "fast")


@pytest.mark.parametrize("operator", PHRASES)
def test_each_operator_has_an_opposite(operator: str) -> None:
    one = Test("x", operator, "y")
    assert str(one) != str(~one)
    assert ~~one == one
    assert covers([one, ~one])
    assert not covers([one])


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (A & B, "A and B"),
        (A | B, "A or B"),
        ((A & B) | C, "(A and B) or C"),
        (~A, "not (A)"),
        (~FAST, "$M != fast"),
        (~(A & B), "not (A and B)"),
        (~A & ~B, "not (A) and not (B)"),
        (A & A, "A"),
        (either(A & B, A & ~B), "A"),
        (either(A, ~A & B), "A or B"),
        (either(A, A & B), "A"),
        (either(A, ~A), "None"),
        (either(A, None), "None"),
        (both(None, A), "A"),
        (Test("a or b") & A, "(a or b) and A"),
        (~Test("a or b") & A, "not (a or b) and A"),
    ],
)
def test_told_as_short_as_it_easily_gets(condition: Condition | None, text: str) -> None:
    assert str(condition) == text


def test_what_reads_the_same_may_differ() -> None:
    """A command that runs twice may fail once."""
    first, again = Test("make", "succeeds"), Test("make", "succeeds", occurrence=1)
    assert not covers([first, ~again])
    assert str(first) == str(again)
    assert not first.implies(again)


def test_what_follows() -> None:
    assert (A & B).implies(A)
    assert not A.implies(A & B)
    assert A.implies(None)
    assert A.implies(A | B)
    assert covers([A, ~A & B, ~A & ~B])
    assert covers([None, A])
    assert not covers([])


def test_a_secret_shows_by_the_name_beside_it() -> None:
    one = Test("TOKEN", "=", "abc")
    hidden = (~one).mapped(lambda t: t.replace("TOKEN = abc", "TOKEN = ***"))
    assert str(hidden) == "not (TOKEN = ***)"
    assert (A & one).mapped(str.upper) == A & Test("TOKEN = ABC")
    assert one.mapped(str) is one


def test_too_many_tests_are_not_tried() -> None:
    many = [Test(str(i)) for i in range(40)]
    assert not covers([*many, ~many[0]])
    one: Condition | None = None
    for test in many:
        one = both(one, test)
    assert len(list(one.tests())) == 40  # type: ignore[union-attr]


conditions: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from([A, B, C, FAST]),
    lambda c: st.one_of(
        c.map(lambda x: ~x),
        st.tuples(c, c).map(lambda p: p[0] & p[1]),
        st.tuples(c, c).map(lambda p: p[0] | p[1]),
    ),
    max_leaves=8,
)


@given(conditions, conditions)
def test_every_outcome(one: Condition, two: Condition) -> None:
    """Nothing that is made shorter means anything else."""
    some = either(one, two)
    for outcome in product((True, False), repeat=4):
        answers = dict(zip((A, B, C, FAST), outcome, strict=True))
        a, b = one.holds(answers), two.holds(answers)
        assert (one & two).holds(answers) is (a and b)
        assert (some is None or some.holds(answers)) is (a or b)
        assert (~one).holds(answers) is not a
        assert simplified(one).holds(answers) is a
        if one.implies(two):
            assert b or not a
