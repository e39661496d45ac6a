"""Layers: order, overriding, unsetting, origins; what is wrong is in tests/cases/layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import load_all, lock, shipped_dir

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, **layers: str) -> Path:
    for name, text in layers.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


@pytest.mark.usefixtures("may")
def test_own_layer_over_a_shipped_profile(tmp_path: Path) -> None:
    write(
        tmp_path,
        mine="""extends = ["flash-fp4"]
[unset]
env = ["SGLANG_USE_ROCM700A"]
args = ["--disable-radix-cache"]
[env]
SGLANG_USE_AITER = "0"
NEW = "x"
[args]
--tp = "4"
--lora-paths = ["a", "b"]
--json = [["1"], ["2", "3"]]
--flag = true
""",
    )
    base, mine = load_profile("flash-fp4"), load_profile("mine", tmp_path)
    expected = dict(base.env) | {"SGLANG_USE_AITER": "0", "NEW": "x"}
    del expected["SGLANG_USE_ROCM700A"]
    assert list(mine.env.items()) == list(expected.items())
    assert "--disable-radix-cache" not in mine.server_args
    assert mine.server_args[:3] == ["--trust-remote-code", "--tp", "4"]
    tail = ["--lora-paths", "a", "b", "--json", "1", "--json", "2", "3", "--flag"]
    assert mine.server_args[-9:] == tail
    assert mine.layers == (*base.layers, "mine")
    assert mine.layers[-5:] == ("common", "fp4", "flash", "flash-fp4", "mine")


def test_origin_says_what_was_overridden(tmp_path: Path) -> None:
    write(tmp_path, mine='extends = ["pro-fp4"]\n[env]\nSGLANG_USE_AITER = "0"\n')
    mine = load_profile("mine", tmp_path, sglang="0.5.13")
    origin = mine.config.effective_env["SGLANG_USE_AITER"].origin
    own, below = origin.chain()
    assert (own.name, own.value, own.when, own.location and own.location.line) == (
        *("mine", "0", ""),
        3,
    )
    assert (below.name, below.value) == ("common", "1")
    assert below.when == "mi355x, ci, sglang <0.5.14"
    assert below.location is not None
    lines = (shipped_dir() / "common.toml").read_text().splitlines()
    assert lines[(below.location.line or 0) - 1].startswith("SGLANG_USE_AITER = ")


def test_keys_of_tables_are_taken_away(tmp_path: Path) -> None:
    write(
        tmp_path,
        low='abstract = true\n[model]\npath = "m"\npath-variable = "M"\n[ci]\nsuite = "s"\n'
        "[quality]\ngsm8k-threshold = 0.9\n",
        top='extends = ["low"]\n[unset]\nmodel = ["path-variable"]\nci = ["suite"]\n',
    )
    profile = load_profile("top", tmp_path)
    assert profile.data == {"model": {"path": "m"}, "quality": {"gsm8k-threshold": 0.9}}
    assert [f.key for f in profile.config.facts] == ["path", "gsm8k-threshold"]
    assert profile.origins["ci", "suite"].value is None
    (tmp_path / "top.toml").write_text('extends = ["low"]\n[unset]\nci = ["suit"]\n')
    with pytest.raises(ProfileError, match=r"no key 'suit'.*did you mean suite"):
        load_profile("top", tmp_path)


def test_setting_again_what_a_lower_layer_unset(tmp_path: Path) -> None:
    write(
        tmp_path,
        low='abstract = true\nextends = ["pro-fp4"]\n[unset]\nargs = ["--tp"]\n',
        high='extends = ["low"]\n[args]\n--tp = "2"\n',
    )
    high = load_profile("high", tmp_path)
    arg = next(a for a in high.config.args or () if a.flag == "--tp")
    assert [(o.name, o.value) for o in arg.origin.chain()] == [
        ("high", "2"),
        ("low", None),
        ("common", "8"),
    ]


def test_a_diamond_that_agrees(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='abstract = true\n[env]\nX = "1"\n',
        b='abstract = true\n[env]\nX = "1"\n',
        both='extends = ["a", "b"]\n',
    )
    assert load_profile("both", tmp_path).env == {"X": "1"}


def test_a_diamond_settled_above(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='abstract = true\n[env]\nX = "1"\n',
        b='abstract = true\n[env]\nX = "2"\n',
        both='extends = ["a", "b"]\n[env]\nX = "3"\n',
    )
    assert load_profile("both", tmp_path).env == {"X": "3"}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            {"a": 'extends = ["b"]\n', "b": 'extends = ["a"]\n'},
            "b.toml:1:12: layers extend each other in a circle: a → b → a",
        ),
        (
            {"a": 'extends = ["a"]\n'},
            "a.toml:1:12: layers extend each other in a circle: a → a",
        ),
        (
            {"a": 'extends = ["comon"]\n'},
            "a.toml:1:12: unknown layer 'comon'; expected one of",
        ),
        (
            {
                "a": 'abstract = true\n[env]\nX = "1"\n',
                "b": 'abstract = true\n[unset]\nenv = ["X"]\n',
                "c": 'extends = ["a", "b"]\n',
            },
            "b.toml:3:8: layer b unsets X, which no layer below it sets",
        ),
        (
            {
                "a": 'abstract = true\n[env]\nX = "1"\n',
                "b": 'abstract = true\n[env]\nX = "2"\n',
                "c": 'description = "d"\nextends = ["a", "b"]\n',
            },
            'c.toml:2:1: layers a and b disagree on X: "1" at',
        ),
        ({"flash-fp4": ""}, "flash-fp4.toml: layer 'flash-fp4' is defined twice"),
    ],
)
def test_wrong_graphs(tmp_path: Path, layers: dict[str, str], message: str) -> None:
    write(tmp_path, **layers)
    with pytest.raises(ProfileError) as caught:
        load_all(tmp_path)
    assert message in str(caught.value)


def test_unknown_layer_has_a_hint(tmp_path: Path) -> None:
    write(tmp_path, a='extends = ["comon"]\n')
    with pytest.raises(ProfileError, match=r"Did you mean common\?$"):
        load_all(tmp_path)


def test_the_model_path_without_a_variable(tmp_path: Path) -> None:
    write(tmp_path, a='[model]\npath = "/m"\n', b="")
    assert load_profile("a", tmp_path).model_path({"X": "1"}) == "/m"
    assert load_profile("b", tmp_path).model_path({"X": "1"}) is None


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such folder"):
        load_all(tmp_path / "nope")


def test_the_lock_of_an_own_folder_is_used_only_while_it_is_true(tmp_path: Path) -> None:
    write(tmp_path, mine='extends = ["pro-fp4"]\n[env]\nX = "1"\n')
    from dsv4_env.profile import layer_files, locked_all, resolve_all

    files = layer_files(tmp_path)
    path = lock.lock_path(tmp_path)
    path.write_text(lock.dump_lock(locked_all(files), files))
    locked = lock.read_lock(path, files)
    assert locked is not None
    assert locked.usual() == resolve_all(files)
    write(tmp_path, mine='extends = ["pro-fp4"]\n[env]\nX = "2"\n')
    assert lock.read_lock(path, files) is None
    assert load_profile("mine", tmp_path).env["X"] == "2"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"digest": 1}', "\x00"])
def test_a_damaged_lock_is_ignored(tmp_path: Path, text: str) -> None:
    write(tmp_path, mine='extends = ["pro-fp4"]\n')
    lock.lock_path(tmp_path).write_text(text)
    assert load_profile("mine", tmp_path).env == load_profile("pro-fp4").env
