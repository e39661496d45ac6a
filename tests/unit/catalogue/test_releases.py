from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dsv4_env.catalogue import load, nearest, releases, within
from dsv4_env.model.errors import ReadError


def test_the_shipped_releases_in_order() -> None:
    assert releases()[0] == "0.5.11"
    assert releases()[-1] == "0.5.23"
    assert len(releases()) == 10


@pytest.mark.parametrize(
    "spelling", ["0.5.13", "v0.5.13", " 0.5.13 ", "0.5.13.0", "0.5.13+rocm720"]
)
def test_a_known_release(spelling: str) -> None:
    assert nearest(spelling) == ("0.5.13", None)
    assert load(spelling).release == "0.5.13"


@pytest.mark.parametrize("newer", ["0.5.24", "0.6.0rc1", "0.5.23.post1", "1.0"])
def test_a_newer_release_is_read_as_the_newest_with_a_note(newer: str) -> None:
    release, note = nearest(newer)
    assert release == "0.5.23"
    assert note == f"SGLang {newer} isn't known yet; read as 0.5.23, the newest that is"
    with pytest.raises(ReadError):
        load(newer)


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        ("0.5.10", "0.5.11"),
        ("0.4.9", "0.5.11"),
        ("0.5.17", "0.5.16"),
        ("0.5.13.post1", "0.5.13"),
        ("0.5.23rc1", "0.5.23"),
        ("vllm-0.9.0", "0.5.23"),
        ("0.3.30", "0.5.11"),
        ("sglang-0.5.14", "0.5.14"),
        ("newest", "0.5.23"),
        ("", "0.5.23"),
    ],
)
def test_any_other_release_is_one_clear_error(release: str, hint: str) -> None:
    with pytest.raises(ReadError) as caught:
        nearest(release)
    assert str(caught.value) == (
        f"no catalogue of SGLang {release!r}; expected one of {', '.join(releases())}, "
        f"or a newer release. Did you mean {hint}?"
    )


def test_the_releases_within_a_range() -> None:
    assert within(">=0.5.13,<0.5.18") == ("0.5.13", "0.5.14", "0.5.15", "0.5.16")
    assert within(">=1") == ()
    with pytest.raises(ValueError, match="specifier"):
        within(">=0.5.13 <0.5.18")


_BOUND = st.builds(
    "{}{}{}".format,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", " >= ", "~=", "==="]),
    st.sampled_from([*releases(), "0.5", "0.5.13.0", "0.05.016", "0.6", "0", "0.5.17", "1.2.3.4"]),
    st.sampled_from(["", "", "", " ", ".*", "rc1", ".post1"]),
)


@given(st.lists(_BOUND, max_size=3).map(",".join))
def test_a_range_means_what_packaging_says(range_: str) -> None:
    try:
        expected = tuple(SpecifierSet(range_).filter(releases()))
    except InvalidSpecifier:
        with pytest.raises(InvalidSpecifier):
            within(range_)
    else:
        assert within(range_) == expected
