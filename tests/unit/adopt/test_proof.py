"""What a proof finds: each way in which a rewritten test may launch otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.adopt.proof import Tried, laid_out, moved, proved
from dsv4_env.model import LaunchConfig
from dsv4_env.readers import bash
from dsv4_env.readers.python.reading import read_all
from dsv4_env.readers.taken import KnownProfiles
from tests.unit.adopt.putting import LAYER, TEST, place, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A test with its layer."""
    return place(tmp_path)


def wrong(path: Path, new: str) -> list[str]:
    return proved(TEST, new, str(path), KnownProfiles(path.parent)).wrong


def test_the_same_is_the_same(path: Path) -> None:
    found = proved(TEST, put(path), str(path), KnownProfiles(path.parent))
    assert found.wrong == []
    (aside,) = map(str, found.asides)
    assert aside.startswith(f"{path}:16:23: SGLANG_HACK_FLASHMLA_BACKEND that is set but empty")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"--tp", "8"', '"--tp", "4"', ":20:25: --tp was `--tp 8` and would be `--tp 4`"),
        ('"8", "--trust', '"8", "--x", "--trust', "--x was not given and would be `--x`"),
        ('"SGLANG_USE_AITER": "1"', '"SGLANG_USE_AITER": "0"',
         'SGLANG_USE_AITER was "1" and would be "0"'),
        ('"SGLANG_USE_AITER": "1", ', "", 'SGLANG_USE_AITER was "1" and would be unset'),
        ("timeout=3600", "timeout=60", "the timeout was 3600 and would be 60"),
        ('"THE_MODEL", "m"', '"THE_MODEL", "n"', "--model-path was"),
        ('"THE_MODEL"', '"OTHER_MODEL"', "--model-path was"),
        ('BACKEND = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND", "unified_kv_triton")',
         'BACKEND = "unified_kv_triton"', "SGLANG_HACK_FLASHMLA_BACKEND was"),
        ("class TestIt", "class TestThat", "the launches aren't the same"),
        ("        env.update", "        if os.getpid() % 2:\n            env.update",
         "SGLANG_USE_AITER was"),
        ("env=env", "env=os.environ | env | ask()", "it couldn't be known any more what is"),
        ("class TestIt", "class TestIt(", "syntax error"),
    ],
)  # fmt: skip
def test_a_difference_is_told(path: Path, old: str, new: str, told: str) -> None:
    assert old in TEST
    found = wrong(path, TEST.replace(old, new))
    assert found
    assert told in "\n".join(found)


def test_only_what_differs_is_told(path: Path) -> None:
    """Not the flag that stands where another one comes in."""
    found = wrong(path, TEST.replace('"8", "--trust', '"8", "--x", "--trust'))
    assert found == [f"{path}:20:38: --x was not given and would be `--x`"]
    found = wrong(path, TEST.replace('"--tp", "8", ', ""))
    assert found == [f"{path}:20:25: --tp was `--tp 8` and would be not given"]


def test_a_value_that_is_not_known_is_not_taken_for_its_text(path: Path) -> None:
    found = wrong(path, TEST.replace('"SGLANG_USE_AITER": "1"', '"SGLANG_USE_AITER": ask()'))
    assert 'SGLANG_USE_AITER was "1" and would be unknown (`ask()`: ' in found[0]


def test_words_of_which_nothing_is_known_keep_their_place(path: Path) -> None:
    old = TEST.replace('"--tp", "8"', '*more(), "--tp", "8"')
    new = TEST.replace('"--tp", "8"', '"--tp", "8", *more()')
    (told,) = proved(old, new, str(path), KnownProfiles(path.parent)).wrong
    assert told.endswith("was before `--tp 8` and would be behind it")


def test_versions_that_differ_are_not_tried_with_each_variable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []

    def counting(*words: object, **options: object) -> list[LaunchConfig]:
        read.append(options["inputs"])
        return read_all(*words, **options)  # type: ignore[arg-type]

    known = KnownProfiles(path.parent)
    assert proved(TEST, TEST.replace('"8"', '"4"'), str(path), known, counting).wrong
    assert read == [{}, {}]


def test_a_script_is_tried_with_what_is_left_at_once(tmp_path: Path) -> None:
    read: list[dict[str, str]] = []

    def counting(*words: object, **options: object) -> list[LaunchConfig]:
        read.append(dict(options["inputs"]))  # type: ignore[call-overload]
        return bash.read_all(*words, **options)  # type: ignore[arg-type]

    text = "A=${A:-1} B=${B:-2} C=${C:-3} sglang serve --tp 8\n"
    known = KnownProfiles(tmp_path)
    tried = Tried(frozenset("AB"), 1)
    assert proved(text, text + "\n", "run.sh", known, counting, tried).wrong == []
    probe = dict.fromkeys("ABC", "dsv4-env-probe")
    each = [{}, {"A": probe["A"]}, {n: probe[n] for n in "BC"}, dict.fromkeys("ABC", "")]
    assert read == [e for e in each for _ in range(2)]
    again = len(read)
    proved(text, text, "run.sh", known, counting, tried)
    assert len(read) == again + len(each)  # the old version is read once


def test_a_default_that_was_frozen_is_found(tmp_path: Path) -> None:
    """The harm of a profile that says what a test only says where nobody else does."""
    frozen = LAYER.replace('{default = "unified_kv_triton"}', '"unified_kv_triton"')
    new = put(place(tmp_path))
    path = place(tmp_path, layer=frozen)
    found = wrong(path, new)
    assert any("SGLANG_HACK_FLASHMLA_BACKEND was" in line for line in found)


def test_layers_that_arent_written_yet(tmp_path: Path) -> None:
    path = place(tmp_path)
    new = put(path)
    layer = path.parent / "launch" / "mine.toml"
    data = layer.read_bytes()
    layer.unlink()
    assert wrong(path, new)
    with laid_out(None, {"mine.toml": data}) as folder:
        known = KnownProfiles(path.parent, elsewhere={layer.parent: folder})
        assert proved(TEST, new, str(path), known).wrong == []
    assert not folder.exists()


def test_layers_that_are_there_are_laid_out_too(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("old")
    (tmp_path / "b.toml").write_text("kept")
    with laid_out(tmp_path, {"a.toml": b"new"}) as folder:
        assert {p.name: p.read_text() for p in folder.iterdir()} == {
            "a.toml": "new",
            "b.toml": "kept",
        }


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ([("--a", "1"), ("--b",)], [("--b",), ("--a", "1")], True),
        ([("--a", "1"), ("--b",)], [("--b",), ("--a", "2")], False),
        ([("--a", "1"), ("--b",), ("--a", "2")], [("--b",), ("--a", "1"), ("--a", "2")], True),
        ([("--a", "1"), ("--b",), ("--a", "2")], [("--a", "2"), ("--b",), ("--a", "1")], False),
        ([("--a", "1"), ("word",)], [("word",), ("--a", "1")], False),
        ([("--a=1",), ("--b",), ("--a", "2")], [("--a", "2"), ("--b",), ("--a=1",)], False),
    ],
)
def test_flags_in_another_order(
    one: list[tuple[str, ...]], two: list[tuple[str, ...]], same: bool
) -> None:
    assert moved(one, two) is same


def test_what_another_test_takes_from_it_may_not_go(path: Path) -> None:
    new = put(path)
    other = path.with_name("test_other.py")
    other.write_text("import os\nfrom test_it import (\n    ENV_VARS,\n)\nprint(ENV_VARS)\n")
    assert wrong(path, new) == [
        f"{other}:2: it takes ENV_VARS from test_it.py, which would have none"
    ]
    other.write_text("from test_it import TestIt\n# ENV_VAR\n")
    assert wrong(path, new) == []
