"""The tool's settings: pyproject.toml, variables over it, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.errors import SettingsError
from dsv4_env.settings import Settings, load


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    (folder / "sub").mkdir()
    return folder / "sub"


def test_nothing_set(tmp_path: Path) -> None:
    assert load(tmp_path, {"HOME": "/root"}) == Settings()


def test_pyproject_of_a_parent_folder(tmp_path: Path) -> None:
    here = project(
        tmp_path,
        '[tool.dsv4_env]\nprofiles = "launch"\nprofile = ["a", "b"]\nignore = ["HIP_*"]\n'
        'against = "scripts/run.sh"\ncompare = ["port"]\n',
    )
    assert load(here, {}) == Settings(
        profiles=tmp_path / "launch",
        profile=("a", "b"),
        against=tmp_path / "scripts/run.sh",
        ignore=("HIP_*",),
        compare=("port",),
    )


def test_variables_win(tmp_path: Path) -> None:
    here = project(tmp_path, '[tool.dsv4_env]\nprofiles = "launch"\nprofile = ["a"]\n')
    found = load(here, {"DSV4_ENV_PROFILES": "other", "DSV4_ENV_PROFILE": "x y"})
    assert found.profiles == here / "other"
    assert found.profile == ("x", "y")


def test_another_tools_pyproject_is_passed_over(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.ruff]\n")
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofile = ["a"]\n')
    assert load(inner, {}).profile == ("a",)


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        (
            "[tool.dsv4_env]\nprofle = []\n",
            {},
            "pyproject.toml:2:1: unknown key 'profle' in [tool.dsv4_env]; expected one of "
            "against, compare, ignore, profile, profiles, sglang. Did you mean profile?",
        ),
        (
            '[tool.dsv4_env]\nprofile = "pro-fp4"\n',
            {},
            "pyproject.toml:2:11: profile is 'pro-fp4'; expected a list of strings",
        ),
        (
            "[tool.dsv4_env]\nprofiles = 3\n",
            {},
            "pyproject.toml:2:12: profiles is 3; expected a string",
        ),
        ("[tool]\ndsv4_env = 1\n", {}, "pyproject.toml:2:1: [tool.dsv4_env] is no table"),
        ("[tool.dsv4_env\n", {}, "pyproject.toml:1:15: TOML syntax"),
        (
            "",
            {"DSV4_ENV_PROFILS": "x"},
            "environment: unknown setting DSV4_ENV_PROFILS; expected one of DSV4_ENV_AGAINST, ",
        ),
    ],
)
def test_wrong(tmp_path: Path, text: str, environ: dict[str, str], message: str) -> None:
    here = project(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load(here, environ)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
