from __future__ import annotations

from hypothesis import given, strategies as st

from dsv4_env.catalogue import Argument, Catalogue, OwnSetting, Variable, VariableReading
from dsv4_env.catalogue.store import decode_snapshot, encode_snapshot, from_lines, to_lines

CATALOGUE = Catalogue(
    "1",
    {
        "A": Variable("A"),
        "B": Variable(
            "B",
            (
                VariableReading(
                    "os", "one of", "x y", None, ("1", "2"), fold=True, files=("a", "b")
                ),
            ),
            secret=True,
            set_by=(OwnSetting("f", "\u00e9", only_if_unset=True),),
            aliases=("C",),
            mentioned=False,
        ),
    },
    {"--x": Argument("--x", ("-x",), choices=(), value_aliases=(("a", "b"),), unresolved=("y",))},
    ("argument --x: y",),
    (("SGL_", "SGLANG_"),),
    "label",
)


def test_a_catalogue_survives_its_lines() -> None:
    again = from_lines("1", to_lines(CATALOGUE), "label")
    assert again == CATALOGUE
    assert list(again) == list(CATALOGUE)


def test_entries_are_decoded_when_they_are_asked_for() -> None:
    lines = {**to_lines(CATALOGUE), ("V", "BROKEN"): "{"}
    again = from_lines("1", lines, "")
    assert again.variable("B") == CATALOGUE.variable("B")
    assert "BROKEN" in again.variables
    assert len(again.variables) == 3


_LINES = st.dictionaries(
    st.tuples(st.sampled_from("VA"), st.from_regex(r"[A-Z]{1,3}", fullmatch=True)),
    st.sampled_from(["{}", '{"a":1}', '{"b":"x y"}']),
)


@given(before=_LINES, after=_LINES)
def test_a_delta_leads_from_one_release_to_the_next(
    before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]
) -> None:
    text = encode_snapshot(after, before)
    assert decode_snapshot(text, before) == after
    assert encode_snapshot(decode_snapshot(text, before), before) == text


def test_nothing_changed_is_an_empty_file() -> None:
    lines = to_lines(CATALOGUE)
    assert encode_snapshot(lines, lines) == ""
