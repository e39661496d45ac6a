from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dsv4_env.catalogue import load, named_by, nearest, releases, within
from dsv4_env.catalogue.releases import closest, in_order
from dsv4_env.catalogue.store import RELEASED
from dsv4_env.model.errors import ReadError


def test_the_shipped_releases_in_order() -> None:
    assert releases()[0] == "0.5.11"
    assert releases()[-1] == "0.5.23"
    assert releases() == in_order(releases()[::-1])
    days = [*RELEASED.values()]
    assert days == sorted(days)
    assert RELEASED["0.5.17"] == date(2026, 8, 8)


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
    ("between", "before"),
    [
        ("0.5.17.post1", "0.5.17"),
        ("0.5.12.post2", "0.5.12.post1"),
        ("0.5.23rc1", "0.5.22"),
        ("0.5.18.dev7+g1a2b3c4", "0.5.17"),
        ("v0.5.16.post3-cu130", "0.5.16"),
    ],
)
def test_a_release_between_two_is_read_as_the_one_before_with_a_note(
    between: str, before: str
) -> None:
    release, note = nearest(between)
    assert release == before
    spelled = between.removeprefix("v").removesuffix("-cu130")
    assert note == f"SGLang {spelled} isn't known; read as {before}, the one before it"
    with pytest.raises(ReadError):
        load(between)


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("v0.5.18-rocm720-mi35x-20260828", "0.5.18"),
        ("lmsysorg/sglang:v0.5.18-rocm720-mi30x", "0.5.18"),
        ("rocm/sgl-dev:v0.5.18-rocm700-mi35x-20260828", "0.5.18"),
        ("registry.corp:5000/ml/sglang:v0.5.13.post1@sha256:0123", "0.5.13.post1"),
        ("lmsysorg/sglang:v0.5.12.post1", "0.5.12.post1"),
        ("0.5.15-post1", "0.5.15.post1"),
    ],
)
def test_the_tag_of_an_image_is_its_release(image: str, release: str) -> None:
    assert nearest(image) == (release, None)
    assert load(image).release == release


@pytest.mark.parametrize(
    ("image", "release", "day"),
    [
        ("nightly-dev-20260815-1a2b3c4d", "0.5.17", "2026-08-15"),
        ("rocm/sgl-dev:rocm720-mi35x-20260815", "0.5.17", "2026-08-15"),
        ("dev-cu13-20261001", "0.5.20", "2026-10-01"),  # the day of 0.5.21, which came later
        ("dev-cu13-20261002", "0.5.21", "2026-10-02"),
        ("lmsysorg/sglang:nightly-dev-20270101-1a2b3c4d", "0.5.23", "2027-01-01"),
    ],
)
def test_a_nightly_image_is_the_newest_release_before_its_day(
    image: str, release: str, day: str
) -> None:
    note = f"{image} is a nightly image; read as {release}, the newest before {day}"
    assert nearest(image) == (release, note)


def test_a_nightly_image_that_is_older_than_all() -> None:
    with pytest.raises(ReadError) as caught:
        nearest("nightly-dev-20260505-1a2b3c4d")
    assert str(caught.value) == (
        "the nightly image 'nightly-dev-20260505-1a2b3c4d' is older than SGLang 0.5.11; expected "
        f"an image of after 2026-05-05, or one of {', '.join(releases())}. Did you mean 0.5.11?"
    )


def test_what_is_no_release_cant_be_put_in_order() -> None:
    with pytest.raises(ReadError, match="banana"):
        in_order(["0.5.13", "banana"])


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("sglang-0.5.13.post1-py3.whl", "0.5.13.post1"),
        ("sglang 0.5.13.post2", "0.5.13.post1"),
        ("0.5.17.post1", "0.5.17"),
        ("0.6", "0.5.23"),
        ("0.5.99", "0.5.23"),
    ],
)
def test_the_release_nearest_to_one_in_a_text(text: str, release: str) -> None:
    assert closest(text) == release


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        ("0.5.10", "0.5.11"),
        ("0.5.10.post1", "0.5.11"),
        ("v0.4.9-cu129", "0.5.11"),
        ("nightly-dev-20261399-abc", "0.5.23"),
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
        "a newer release, the tag of an image, or tree in a checkout of SGLang. "
        f"Did you mean {hint}?"
    )


def test_the_releases_within_a_range() -> None:
    assert within(">=0.5.13,<0.5.15") == ("0.5.13", "0.5.13.post1", "0.5.14")
    assert within(">0.5.12,<=0.5.13") == ("0.5.13",)
    assert within("==0.5.12.post1") == ("0.5.12.post1",)
    assert within(">=1") == ()
    with pytest.raises(ValueError, match="specifier"):
        within(">=0.5.13 <0.5.18")


_BOUND = st.builds(
    "{}{}{}".format,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", " >= ", "~=", "==="]),
    st.sampled_from(
        [*releases(), "0.5", "0.5.13.0", "0.5.12.1", "0.05.016", "0.6", "0", "1.2.3.4"]
    ),
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


@pytest.mark.parametrize(
    ("image", "release", "note"),
    [
        ("lmsysorg/sglang:v0.5.18-cu130", "0.5.18", "is read as SGLang 0.5.18"),
        ("ghcr.io/x/lmsysorg/sglang-rocm:v0.5.18-rocm720-mi35x-20260828", "0.5.18", "is read as"),
        ("lmsysorg/sglang:v0.5.99", releases()[-1], "SGLang 0.5.99 isn't known yet"),
        ("lmsysorg/sglang:nightly-dev-cu13-20260815-1a2b3c4d", None, "is a nightly image"),
    ],
)
def test_the_release_of_an_image(image: str, release: str | None, note: str) -> None:
    found = named_by(image)
    assert found is not None
    assert release in (None, found[0])
    assert image in found[1]
    assert note in found[1]


@pytest.mark.parametrize(
    "image",
    [None, "lmsysorg/sglang", "lmsysorg/sglang:latest", "lmsysorg/sglang:v0.4.0", "vllm:v0.5.18",
     "other/sglang:v0.5.18", "lmsysorg/sglang@sha256:0518"],
)  # fmt: skip
def test_an_image_that_names_no_release(image: str | None) -> None:
    assert named_by(image) is None


@pytest.mark.parametrize("image", ["lmsysorg/sglang:latest", "lmsysorg/sglang", "rocm/sgl-dev:"])
def test_an_image_that_names_none_is_called_one(image: str) -> None:
    with pytest.raises(ReadError) as caught:
        nearest(image)
    assert str(caught.value) == (
        f"the image {image} doesn't say which release of SGLang it has; expected a tag with a "
        "release or a day, as v0.5.23-cu130, or the release"
    )
