"""States copy, compare and sign themselves from their fields, so that none can be forgotten."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from dsv4_env.lang.bash.expand.state import Event, Scope, State, Undecided, Var
from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.syntax.nodes import Source
from dsv4_env.model.condition import Test

SOURCE = Source("", "run.sh")
NAMES = [f.name for f in fields(State)]
# Fields on which paths may differ that are made one, or that what comes next doesn't depend on.
JOINED = {"decided", "alts", "settled", "solved", "seq", "unsaid", "asked", "substituted"}
JOINED |= {"written", "notes", "required"}
PAST = JOINED | {"counts", "rounds", "out", "partial"}


def state() -> State:
    return State(Layers({"A": Var("s", "1")}), ["a"], SOURCE, scopes=(Scope(),), out=["x"])


def other(name: str) -> Any:
    """A value that no state has in a field."""
    if name == "vars":
        return Layers({"A": Var("s", "2")})
    return Source("", "other.sh") if name == "source" else ("other",)


@pytest.mark.parametrize("name", NAMES)
def test_each_field_counts(name: str) -> None:
    one, changed = state(), state()
    setattr(changed, name, other(name))
    apart = one.signature() == changed.signature() and one.vars == changed.vars
    assert apart is (name in JOINED)
    assert one.same(changed) is (name in PAST)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_shares_nothing_that_is_changed_in_place(name: str) -> None:
    one = state()
    two = one.copy()
    field = next(f for f in fields(State) if f.name == name)
    assert getattr(one, name) == getattr(two, name)
    if field.metadata.get("copied"):
        assert getattr(one, name) is not getattr(two, name)
    else:  # what holds others is replaced as a whole
        changed_in_place = name not in ("funcs", "lent", "applied", "fds", "inputs", "aliases")
        assert not changed_in_place or not isinstance(getattr(one, name), (list, dict, Layers))


def test_fields_have_their_own_defaults() -> None:
    bare = State(Layers(), None, SOURCE)
    assert bare.copy().signature() == bare.signature()
    assert all(f.default is not MISSING or f.default_factory is not MISSING for f in fields(Var))


def test_a_scope_is_copied_with_its_state() -> None:
    one = state()
    two = one.copy()
    two.scopes[-1].outer["A"] = None
    two.scopes[-1].escaped |= {"A"}
    assert one.scopes == (Scope(),)


def test_the_time_a_variable_was_set_at_has_no_bearing() -> None:
    one, two = state(), state()
    two.vars["A"] = Var("s", "1", event=Event(3, "1", None, "1"))
    assert one.same(two)
    assert one.vars != two.vars


def test_two_undecided_statuses_go_on_alike() -> None:
    one, two = state(), state()
    one.status = Undecided(("status", 1), Test("$(a)", "succeeds"), command=True)
    two.status = Undecided(("status", 2), Test("$(a)", "succeeds"), command=True)
    assert one.same(two)
    assert one.signature() != two.signature()
