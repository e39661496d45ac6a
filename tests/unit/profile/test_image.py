"""The image that a profile runs in, and the variables that it sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.model import Image
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import lock, locked_all, resolve_all
from dsv4_env.profile.loading import load_all, load_profile
from dsv4_env.profile.profile import layer_files


def written(folder: Path, **layers: str) -> Path:
    for name, text in layers.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


BASE = """\
abstract = true
[image]
name = "example/one:1"
[image.env]
A = "1"
B = "2"
"""
TOP = 'extends = ["low"]\n[image.env]\nB = "3"\nC = "4"\n[env]\nMINE = "x"\n'


def test_an_image_is_merged_key_by_key(tmp_path: Path) -> None:
    mine = load_profile("mine", written(tmp_path, low=BASE, mine=TOP))
    assert mine.image == Image("example/one:1", None, (("A", "1"), ("B", "3"), ("C", "4")))
    assert mine.get("image", "name") == "example/one:1"
    assert mine.get("image.env", "B") == "3"
    origin = mine.origins["image.env", "B"]
    assert [(o.name, o.value, o.location and o.location.line) for o in origin.chain()] == [
        ("mine", "3", 3),
        ("low", "2", 6),
    ]


def test_what_the_image_sets_is_no_setting_of_the_profile(tmp_path: Path) -> None:
    mine = load_profile("mine", written(tmp_path, low=BASE, mine=TOP))
    assert mine.env == {"MINE": "x"}
    assert mine.launch_env({}) == {"MINE": "x"}


def test_the_lock_keeps_it(tmp_path: Path) -> None:
    files = layer_files(written(tmp_path, low=BASE, mine=TOP))
    path = lock.lock_path(tmp_path)
    path.write_text(lock.dump_lock(locked_all(files), files))
    locked = lock.read_lock(path, files)
    assert locked is not None
    assert locked.usual() == resolve_all(files)


def test_a_secret_of_an_image_is_not_locked(tmp_path: Path) -> None:
    layer = '[image.env]\nHF_TOKEN = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"\n'
    files = layer_files(written(tmp_path, mine=layer))
    with pytest.raises(ProfileError, match="HF_TOKEN holds what looks like a secret"):
        lock.dump_lock(locked_all(files), files)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            '[image]\nfamily = "rcm"\n',
            "mine.toml:2:10: bad image family 'rcm'; expected one of rocm (did you mean rocm?)",
        ),
        ("[image.env]\nA = 1\n", "mine.toml:2:5: image.env.A is the number 1; expected a string"),
        ('[image.env]\n"1A" = "1"\n', "mine.toml:2:1: bad variable name '1A'"),
        ('[image]\ntag = "1"\n', "mine.toml:2:1: unknown key 'tag' in [image]; expected one of"),
    ],
)
def test_what_a_layer_cannot_say(tmp_path: Path, layer: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        load_all(written(tmp_path, mine=layer))
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(message)


def test_layers_that_disagree_on_an_image(tmp_path: Path) -> None:
    one = 'abstract = true\n[image.env]\nA = "1"\n'
    folder = written(tmp_path, one=one, two=one.replace("1", "2"), mine='extends = ["one", "two"]')
    with pytest.raises(ProfileError, match="layers one and two disagree on A"):
        load_all(folder)


def test_the_shipped_profiles_run_in_the_rocm_image() -> None:
    profiles = load_all()
    images = {name: p.image for name, p in profiles.items() if p.target.hardware == "mi355x"}
    assert images.keys() >= {"flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"}
    assert set(images.values()) == {Image(family="rocm")}
    assert "SGLANG_MOE_PADDING" not in profiles["pro-fp4"].env
