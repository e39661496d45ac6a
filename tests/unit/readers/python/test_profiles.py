"""Tests that take their launch from a profile of this package."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.profile import load_profile
from dsv4_env.readers import python

LAUNCH = "popen_launch_server('m', 'u', 1, other_args=p.server_args, env=p.launch_env(os.environ))"
HEAD = "import os\nfrom dsv4_env import load_profile\n"


def one(text: str, folder: Path, profiles: Path | None = None) -> LaunchConfig:
    (found,) = python.read_all(text, str(folder / "test_v4.py"), root=folder, profiles=profiles)
    return found


@pytest.mark.usefixtures("may")  # today one of the values may come from outside
@pytest.mark.parametrize("name", ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"])
def test_settings_and_origins_are_the_profile_s(name: str, tmp_path: Path) -> None:
    found = one(f"{HEAD}p = load_profile({name!r})\n{LAUNCH}\n", tmp_path)
    profile = load_profile(name)
    assert [(e.name, e.value) for e in found.env] == list(profile.env.items())
    assert found.argv[2:] == profile.server_args
    assert [e.origin for e in found.env] == [e.origin for e in profile.config.env]
    assert [a.origin for a in (found.args or ())[1:]] == [
        a.origin for a in profile.config.args or ()
    ]
    (note,) = found.notes
    assert (note.profile, note.location and note.location.line) == (name, 3)


@pytest.mark.usefixtures("may")
def test_what_the_test_sets_overrode_the_profile(tmp_path: Path) -> None:
    text = f"{HEAD}p = load_profile('flash-fp4')\nos.environ['A'] = 'x'\n"
    text += "env = p.env\nenv['SGLANG_USE_AITER'] = '0'\n"
    text += "popen_launch_server('m', 'u', 1, env=env)\n"
    found = one(text, tmp_path)
    (setting,) = (e for e in found.env if e.name == "SGLANG_USE_AITER")
    assert [o.name for o in setting.origin.chain()] == ["python", "common"]
    assert (setting.value, setting.origin.overrode and setting.origin.overrode.value) == ("0", "1")


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("'launch'", True),
        ("folder='launch'", True),
        ("Path('launch')", True),
        ("Path(__file__).parent / 'launch'", True),
        ("Path(__file__).resolve().parents[0].joinpath", False),
        ("os.path.join(os.path.dirname(__file__), 'launch')", True),
        ("HERE / 'launch'", True),
        ("'..'", False),
        ("'/'", False),
        ("somewhere()", False),
        ("'nowhere'", False),
    ],
)
def test_a_folder_of_profiles(folder: str, known: bool, tmp_path: Path) -> None:
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text('description = "x"\n[args]\n--tp = "3"\n')
    text = f"{HEAD}from pathlib import Path\nHERE = Path(__file__).parent\n"
    found = one(f"{text}p = load_profile('mine', {folder})\n{LAUNCH}\n", tmp_path)
    assert (found.argv[2:] == ["--tp", "3"]) is known
    if not known:
        (word,) = found.argv[2:]
        assert isinstance(word, Unknown)
        assert word.splits
        assert any(n.opens for n in found.notes)


def test_only_fixtures_take_the_project_s_folder(tmp_path: Path) -> None:
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text('description = "x"\n[args]\n--tp = "3"\n')
    marked = "import pytest\n@pytest.mark.dsv4_profile('mine')\ndef test_a(dsv4_server): pass\n"
    loads = f"{HEAD}p = load_profile('mine')\n{LAUNCH}\n"
    assert one(marked, tmp_path, tmp_path / "launch").argv[2:4] == ["--tp", "3"]
    assert isinstance(one(marked, tmp_path).argv[0], Unknown)
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "launch"\n')
    assert one(marked, tmp_path).argv[2:4] == ["--tp", "3"]
    assert isinstance(one(loads, tmp_path, tmp_path / "launch").argv[2], Unknown)


def test_a_server_of_no_known_profile(tmp_path: Path) -> None:
    found = one("def test_a(dsv4_server): pass\n", tmp_path)
    (word,) = found.argv
    assert isinstance(word, Unknown)
    assert "no @pytest.mark.dsv4_profile" in word.reason
    assert [n.opens for n in found.notes] == [True]
