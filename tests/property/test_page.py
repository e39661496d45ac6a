"""Hostile names, values and places: the page has the elements of a harmless one, and no more."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings, strategies as st

from dsv4_env.catalogue import load
from dsv4_env.compare.findings import compare_launches
from dsv4_env.drift import Held
from dsv4_env.history import SCRIPT, TEST, History, Point, SettingMoves as Moved, Track
from dsv4_env.history.git import Commit
from dsv4_env.history.render import history_data
from dsv4_env.matrix import build_matrix
from dsv4_env.matrix.page import cleaned, page
from dsv4_env.model import EnvVar, LaunchConfig, Location, Note, Origin, ServerArg, Unknown
from dsv4_env.model.condition import Test
from dsv4_env.model.finding import Report
from dsv4_env.profile import Profile
from tests.property.test_reporters import HOSTILE

CATALOGUE = load("0.5.16")
TAGS = ["</script>", "<script>", "</style>", "</title>", "</td>", "<b>", '"', "'", "--", ">", "<!"]
TEXT = st.one_of(HOSTILE, st.lists(st.sampled_from(TAGS), max_size=6).map("".join))
DAY = datetime(2026, 5, 1, tzinfo=UTC)


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes, and the data for its script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.data = ""
        self._inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[(tag, *(name for name, _ in attrs))] += 1
        self._inside = ("id", "data") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def made(text: str, number: int) -> str:
    """A page with a text wherever something from outside stands; *number* keeps names apart."""
    place = Location(f"/p{number}{text}", 1, 1)
    origin = Origin(f"l{number}{text}", place, f"v{text}", Origin(f"m{text}", place, f"w{text}"))
    condition = f"c{text}"
    left = LaunchConfig(
        f"p{text}",
        "profile",
        (EnvVar("A", f"v{text}", origin), EnvVar("B", f"v{text}", origin)),
        (ServerArg(f"--x{text}", (f"v{text}",), origin),),
    )
    unknown = Unknown(f"$({text})", f"r{text}", (f"n{text}",))
    right = LaunchConfig(
        f"r{text}::s{text}",
        "bash",
        (EnvVar("A", f"u{text}", origin, condition=Test(condition)), EnvVar("B", unknown, origin)),
        (ServerArg(f"--y{text}", (f"v{text}",), origin),),
        (f"sglang{text}",),
        place,
        notes=(Note(f"n{text}", place),),
        condition=Test(condition),
    )
    profile = Profile(left.name, f"d{text}", (left.name,), left)
    comparison = compare_launches(left, right, catalogue=CATALOGUE, show_equivalent=True)
    report = Report((comparison,), lines={(place.path, 1): f"x{text}"}, notes=(f"n{text}",))
    matrix = build_matrix(report, [Held(profile, right, (), ())], CATALOGUE, {})
    commits = [Commit(f"{n}", DAY.replace(day=n + 1), f"c{text}") for n in range(2)]
    points = {f"S{text}": [Point(commits[0], f"v{text}"), Point(commits[1], f"w{text}")]}
    tracks = [Track(s, f"t{text}", f"l{text}", commits, points) for s in (SCRIPT, TEST)]
    moved = Moved(f"S{text}", 2, (f"t{text}",), (), "0.5.20")
    history = History(tuple(tracks), (moved,), (f"p{text}",), 2, 4)
    return page(matrix, [history_data(history)], f"m{text}")


def shape(text: str, number: int) -> tuple[Counter[tuple[str, ...]], Any]:
    elements = Elements(made(text, number))
    found = elements.found
    for breaks in [key for key in found if key[0] in ("wbr", "small", "br")]:
        del found[breaks]  # as many as a name has underscores; an owner that isn't SGLang
    return found, json.loads(elements.data)


@settings(max_examples=150, deadline=None)
@given(TEXT)
def test_nothing_becomes_markup(text: str) -> None:
    harmless, _ = shape("x", 0)
    hostile, data = shape(text, 0)
    assert {k for k in hostile if "pre" not in k} <= set(harmless) | {("b", "role", "aria-label")}
    assert hostile["script",] == 1
    assert hostile["script", "type", "id"] == 1
    assert hostile["style",] == 1
    assert {r["name"] for r in data["rows"]} >= {"A", "B"}


@settings(max_examples=50, deadline=None)
@given(TEXT)
def test_the_panel_gets_the_text_as_it_is(text: str) -> None:
    _, data = shape(text, 0)
    assert data["columns"][0]["facts"][1][1] == cleaned(f"p{text}")
