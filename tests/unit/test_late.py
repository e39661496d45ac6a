"""Records are dataclasses to all who can tell: each of the package's beside the standard one."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import re
from typing import Any

import pytest

import dsv4_env
from dsv4_env import late
from dsv4_env.model import Location


@late.dataclass(frozen=True, slots=True, order=True)
class Point:
    """All that a frozen one has."""

    x: int
    y: list[int] = late.field(default_factory=list)
    note: str = late.field(default="", compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Standard:
    """The same of the standard library."""

    x: int
    y: list[int] = dataclasses.field(default_factory=list)
    note: str = dataclasses.field(default="", compare=False, repr=False)


@late.dataclass(slots=True)
class Base:
    """One that changes."""

    a: int = 1
    made: list[int] = late.field(init=False)

    def __post_init__(self) -> None:
        self.made = [self.a]


@late.dataclass(slots=True)
class Derived(Base):
    """With a field more, and another default."""

    a: int = 2
    b: str = "b"


class Plain(Point):
    """No record itself."""

    def __init__(self) -> None:
        super().__init__(7)


def records() -> list[type]:
    found: dict[type, None] = {}
    for info in pkgutil.walk_packages(dsv4_env.__path__, "dsv4_env."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == info.name:
                found |= dict.fromkeys([value] if late.is_dataclass(value) else [])
    return list(found)


def test_every_record_is_a_dataclass_with_the_fields_of_its_class() -> None:
    found = records()
    assert len(found) > 150
    for cls in found:
        assert dataclasses.is_dataclass(cls)
        names = [f.name for f in dataclasses.fields(cls)]
        assert names == [f.name for f in late.fields(cls)], cls
        accepted = tuple(f.name for f in dataclasses.fields(cls) if f.init)
        assert cls.__match_args__ == tuple(inspect.signature(cls).parameters) == accepted  # type: ignore[attr-defined]


def outcome(function: Any, *args: Any, **kwargs: Any) -> str:
    try:
        return repr(function(*args, **kwargs))
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c(1),
        lambda c: c(1, [2], "n"),
        lambda c: c(y=[2], x=1).y,
        lambda c: c(1, note="n").note,
        lambda c: c(),
        lambda c: c(1, 2, 3, 4),
        lambda c: c(1, z=1),
        lambda c: [c(1) == c(1, note="n"), c(1) == c(2), c(1) != c(1), c(1) == 1],
        lambda c: [c(1) < c(2), c(1) <= c(1), c(2) > c(3), c(1, [2]) >= c(1, [1])],
        lambda c: c(1) < 1,
        lambda c: hash(c(1, ())) == hash(c(1, (), "other")),
        lambda c: hash(c(1)),
        lambda c: setattr(c(1), "x", 2),
        lambda c: delattr(c(1), "x"),
        lambda c: c(1).y is c(1).y,
        lambda c: copy.deepcopy(c(1, [2], "n")),
        lambda c: pickle.loads(pickle.dumps(c(1, [2], "n"))).note,
        lambda c: dataclasses.replace(c(1), x=3),
        lambda c: dataclasses.replace(c(1), z=3),
        lambda c: (late if c is Point else dataclasses).replace(c(1, [2]), x=3),
        lambda c: dataclasses.asdict(c(1, [2])),
        lambda c: inspect.signature(c),
        lambda c: [(f.name, f.type, f.compare, f.repr) for f in dataclasses.fields(c)],
        lambda c: c.__slots__,
    ],
)  # fmt: skip
def test_a_record_does_what_a_dataclass_does(act: Any) -> None:
    expected = outcome(act, Standard).replace("Standard", "Point")
    assert outcome(act, Point) == expected


def test_a_record_that_changes() -> None:
    one = Base(5)
    assert (one.a, one.made, one == Base(5), one == Base(6)) == (5, [5], True, False)
    one.a = 6
    assert one != Base(5)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    assert repr(Derived()) == "Derived(a=2, made=[2], b='b')"
    assert vars(Derived)["__slots__"] == ("b",)
    assert Derived(1) != Base(1)
    assert Plain().x == 7
    assert not inspect.signature(Plain).parameters
    with pytest.raises(dataclasses.FrozenInstanceError, match="new"):
        setattr(Point(1), "new", 2)  # noqa: B010


def test_a_record_stays_the_object_it_is_where_it_is_compared_by_identity() -> None:
    from dsv4_env.readers.bash.syntax import Word

    one = object.__new__(Word)
    assert one != object.__new__(Word)
    assert {one: 1}[one] == 1


def test_the_methods_are_made_when_first_called() -> None:
    before = Location.__init__
    Location("a")
    after = Location.__init__
    Location("b")
    assert Location.__init__ is after
    assert before.__qualname__ == after.__qualname__ == "Location.__init__"


def test_a_late_pattern_answers_as_a_compiled_one() -> None:
    one = late.regexp(r"(a+)b", re.IGNORECASE)
    assert "match" not in vars(one)
    assert all((one.fullmatch("AAb"), one.match("ab "), one.search("xab"), one.match("c") is None))
    assert (one.sub("-", "abAB"), one.split("xaby"), one.groups) == ("--", ["x", "a", "y"], 1)
    assert "match" in vars(one)
    with pytest.raises(AttributeError, match="nothing"):
        one.nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(re.error):
        late.regexp("(").match("")
