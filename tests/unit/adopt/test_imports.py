"""A launch as a layer over the nearest profile, with overlays or without."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from dsv4_env.adopt import imports
from dsv4_env.adopt.carried import carried, held_by
from dsv4_env.catalogue import load
from dsv4_env.compare.differences import Difference
from dsv4_env.compare.findings import compared
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.profile import Profile, Wanted, load_profile, load_wanted
from dsv4_env.readers import HowRead, bash, read
from tests.unit.adopt import eleven

THEN = Wanted(sglang="0.5.19")
BASE = 'abstract = true\n[env]\nA = "1"\nB = "1"\n[args]\n--tp = "8"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "low.toml").write_text(BASE)
    (tmp_path / "mid.toml").write_text('abstract = true\nextends = ["low"]\n[env]\nM = "1"\n')
    (tmp_path / "one.toml").write_text('extends = ["mid"]\n')
    (tmp_path / "two.toml").write_text('extends = ["low"]\n[env]\nB = "2"\n')
    return tmp_path


def differ(a: LaunchConfig, b: LaunchConfig) -> list[Difference]:
    return compared(a, b, ignore=("model*",), catalogue=load("0.5.19"))


def imported(
    launch: LaunchConfig, folder: Path | None = None, over: str | None = None
) -> imports.Imported:
    return imports.import_launch(launch, "mine", folder, differ, over=over, title="T", wanted=THEN)


def launches(root: Path, old: str = "", new: str = "") -> dict[str, LaunchConfig]:
    """The launches of the eleven tests, with a text in them that is another one."""
    found = {}
    for path in eleven.write(root):
        data = path.read_text().replace(old, new).encode()
        (launch,) = read(data, path, HowRead("python", root=root))
        found[path.stem.removeprefix("test_deepseek_v4_")] = launch
    return found


def test_what_ships_needs_no_layer(tmp_path: Path) -> None:
    found = {name: imported(launch) for name, launch in launches(tmp_path).items()}
    assert {name: made.name for name, made in found.items() if not made.text} == {
        "flash_fp8_tbo": "flash-fp8+tbo",
        "pro_fp4_cp": "pro-fp4+cp",
        "pro_fp4_cp_tbo": "pro-fp4+cp+tbo",
        "pro_fp4_dspark": "pro-fp4+dspark",
        "pro_fp4_mtp": "pro-fp4+mtp",
        "pro_fp4_tbo": "pro-fp4+tbo",
        "pro_fp4_tbo_mtp": "pro-fp4+mtp+tbo",
    }
    for name, made in found.items():
        if made.text:
            base = name.replace("_", "-")
            assert made.text == f'description = "T"\nextends = ["{base}"]\n'


def test_what_one_with_overlays_lacks_is_one_more_of_them(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    old = '"--speculative-num-steps",\n            "3"'
    launch = launches(tmp_path, old, '"--new",\n"--speculative-num-steps", "2"')["pro_fp4_mtp"]
    made = imported(launch, tmp_path / "own")
    assert (made.base, made.name) == ("pro-fp4+mtp", "pro-fp4+mine+mtp")
    head, _, order = made.text.partition("\n\n[launch]\nargument-order = ")
    assert head == (
        'description = "T"\noverlay = true\nextends = ["mtp"]\nneeds = ["mtp"]\n\n'
        '[args]\n--speculative-num-steps = "2"\n--new = true'
    )
    flags = tomllib.loads(f"order = {order}")["order"]
    assert flags == [a.flag for a in launch.args or () if a.flag != "--model-path"]
    (tmp_path / "own" / "mine.toml").write_text(made.text)
    assert made.wanted is not None
    profile = load_wanted(made.name, tmp_path / "own", replace(made.wanted, sglang="0.5.19"))
    assert otherwise(launch, profile) == []
    again = imports.import_launch(launch, "more", tmp_path / "own", differ, title="T", wanted=THEN)
    assert (again.text, again.name) == ("", made.name)


def otherwise(launch: LaunchConfig, profile: Profile) -> list[object]:
    held, lower = carried(launch, "0.5.19", "amd"), held_by(profile)
    assert held.order == lower.order
    return [*held.otherwise(lower)]


def test_a_named_profile_is_extended_whatever_is_nearer(tmp_path: Path) -> None:
    launch = launches(tmp_path)["pro_fp4_mtp"]
    made = imported(launch, over="pro-fp4")
    assert (made.name, made.wanted) == ("mine", None)
    assert 'extends = ["pro-fp4"]' in made.text
    assert '--speculative-algorithm = "EAGLE"' in made.text
    assert imported(launch, over="pro-fp4+mtp").text == ""
    dspark = imported(launch, over="pro-fp4+dspark")
    gone = tomllib.loads(dspark.text)["unset"]["args"]
    assert {"--dp", "--speculative-dspark-block-size"} <= {*gone}  # the overlay below has them
    assert "EAGLE" in dspark.text
    with pytest.raises(Dsv4Error, match=r"Did you mean mtp\?"):
        imported(launch, over="pro-fp4+mtpp")


def test_values_are_spelled_as_the_launch_does(tmp_path: Path) -> None:
    launch = launches(tmp_path, '"0.90"', '"0.900"')["pro_fp4"]
    assert imported(launch).text == (
        'description = "T"\nextends = ["pro-fp4"]\n\n[args]\n--mem-fraction-static = "0.900"\n'
    )
    launch = launches(tmp_path, '_USE_ROCM700A": "0"', '_USE_ROCM700A": "false"')["pro_fp4"]
    assert imported(launch).text == (
        'description = "T"\nextends = ["pro-fp4"]\n\n[env]\nSGLANG_USE_ROCM700A = "false"\n'
    )


@pytest.mark.parametrize(
    ("over", "name"), [("pro-fp4+mtp@h200", "pro-fp4+mine+mtp@h200"), ("pro-fp4@h200", "mine@h200")]
)
def test_a_named_profile_may_be_for_other_hardware(tmp_path: Path, over: str, name: str) -> None:
    (tmp_path / "own").mkdir()
    launch = launches(tmp_path)["pro_fp4_mtp"]
    made = imported(launch, tmp_path / "own", over=over)
    assert made.name.partition(" ")[0] == name
    assert made.wanted is not None
    assert made.wanted.on == "h200"
    (tmp_path / "own" / "mine.toml").write_text(made.text)
    wanted = replace(made.wanted, sglang="0.5.19")
    profile = load_wanted(name, tmp_path / "own", wanted)
    held = carried(launch, "0.5.19", "amd")
    left = [name for table, name in held.otherwise(held_by(profile)) if table in ("env", "args")]
    assert left == [*made.defaults] == ["SGLANG_USE_ROCM700A"]


def test_an_import_extends_the_nearest_profile(folder: Path) -> None:
    (launch,) = bash.read_all(
        "export A=1 B=2 NEW='x y'\nsglang serve --model-path ${W:-/m/x} --tp 8 --host h --l a b",
        "s.sh",
    )

    def differ(a: LaunchConfig, b: LaunchConfig) -> list[Difference]:
        return compared(a, b, ignore=("model*",))

    made = imports.import_launch(launch, "new", folder, differ, title="T")
    assert (made.base, made.refused, made.local) == ("two", (), ("--host",))
    assert made.text == (
        'description = "T"\nextends = ["two"]\n\n[env]\nNEW = "x y"\n\n'
        '[args]\n--l = ["a", "b"]\n\n[model]\npath = "/m/x"\npath-variable = "W"\n'
    )
    (folder / "profile.schema.json").write_text("{}")
    named = imports.import_launch(launch, "new", folder, differ, title="T")
    assert named.text == f"#:schema profile.schema.json\n{made.text}"
    (folder / "new.toml").write_text(named.text)
    profile = load_profile("new", folder)
    assert profile.env == {"A": "1", "B": "2", "NEW": "x y"}
    assert profile.server_args == ["--tp", "8", "--l", "a", "b"]
    assert profile.default_model_path == "/m/x"


def test_an_import_needs_a_new_name_and_a_base_that_is_there(folder: Path) -> None:
    (launch,) = bash.read_all("sglang serve", "s.sh")
    for name, over, message in (
        ("one", None, "there is a one already"),
        ("a/b", None, "--as a/b"),
        ("new", "ones", "Did you mean one"),
    ):
        with pytest.raises(Dsv4Error, match=message):
            imports.import_launch(
                launch, name, folder, lambda a, b: compared(a, b), over=over, title="T"
            )
