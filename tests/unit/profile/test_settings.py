"""The tool's settings: pyproject.toml, variables over it, and what is said when they are wrong."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from dsv4_env.model.errors import SettingsError
from dsv4_env.model.finding import Severity
from dsv4_env.profile.project import profiles_folder, target
from dsv4_env.profile.settings import Pair, Settings, load


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


def test_an_empty_variable_sets_nothing(tmp_path: Path) -> None:
    here = project(tmp_path, '[tool.dsv4_env]\nprofiles = "launch"\nprofile = ["a"]\n')
    names = ("AGAINST", "COMPARE", "IGNORE", "PROFILE", "PROFILES", "SGLANG")
    assert load(here, {f"DSV4_ENV_{name}": "" for name in names}) == load(here, {})


@pytest.mark.parametrize(
    "text",
    [
        "[tool.ruff]\n",
        '[project]\ndependencies = ["dsv4-env"]\n',
        '# dsv4_env\n[tool.hatch]\npackages = ["dsv4_env"]\n',
        "tool = 1 # dsv4_env\n",
    ],
)
def test_another_tools_pyproject_is_passed_over(tmp_path: Path, text: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text(text)
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofile = ["a"]\n')
    assert load(inner, {}).profile == ("a",)


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        (
            "[tool.dsv4_env]\nprofle = []\n",
            {},
            "pyproject.toml:2:1: unknown key 'profle' in [tool.dsv4_env]; expected one of "
            "against, baseline, compare, ignore, nodes, on, pairs, profile, profiles, role, "
            "severity, sglang, strategy, waivers. Did you mean profile?",
        ),
        (
            "[tool.dsv4_env]\nprofile = {}\n",
            {},
            "pyproject.toml:2:11: profile is {}; expected a string or a list of strings",
        ),
        (
            "[tool.dsv4_env]\nignore = ['a', 3]\n",
            {},
            "pyproject.toml:2:16: 3; expected a string",
        ),
        (
            "[tool.dsv4_env.severity]\n'A_*' = 'eror'\n",
            {},
            "pyproject.toml:2:9: A_* is 'eror'; expected error, warning or note",
        ),
        (
            "[[tool.dsv4_env.pairs]]\nprofile = 'a'\n",
            {},
            "pyproject.toml:1:3: [[tool.dsv4_env.pairs]] has no files; expected files = …",
        ),
        (
            "[[tool.dsv4_env.pairs]]\nprofile = 'a'\nfile = 'b'\n",
            {},
            "pyproject.toml:3:1: unknown key 'file' in [tool.dsv4_env.pairs]; expected one of "
            "closed, compare, dialect, exclude, files, ignore, launch, nodes, on, profile, "
            "reader, role, set, severity, sglang, strategy, symbol. Did you mean files?",
        ),
        (
            "[[tool.dsv4_env.pairs]]\nprofile = 'a'\nfiles = []\n",
            {},
            "pyproject.toml:3:9: files is []; expected a string or a list of strings",
        ),
        (
            "[[tool.dsv4_env.pairs]]\nprofile = 'a'\nfiles = 'b'\nlaunch = 0\n",
            {},
            "pyproject.toml:4:10: 0; expected the number of a launch in its file",
        ),
        (
            "[[tool.dsv4_env.waivers]]\nname = 'A'\nreason = ' '\n",
            {},
            "pyproject.toml:3:10: reason is ' '; expected a reason",
        ),
        (
            "[[tool.dsv4_env.waivers]]\nname = 'A'\nreason = 'b'\nuntil = 2026\n",
            {},
            "pyproject.toml:4:9: until is 2026; expected a date, such as 2026-12-31",
        ),
        (
            "[tool.dsv4_env]\npairs = 1\n",
            {},
            "pyproject.toml:2:9: pairs is 1; expected tables, [[tool.dsv4_env.pairs]]",
        ),
        (
            "",
            {"DSV4_ENV_PAIRS": "x"},
            "environment: unknown setting DSV4_ENV_PAIRS; expected one of DSV4_ENV_AGAINST, ",
        ),
        (
            "[tool.dsv4_env]\nprofiles = 3\n",
            {},
            "pyproject.toml:2:12: profiles is 3; expected a string",
        ),
        ("[tool]\ndsv4_env = 1\n", {}, "pyproject.toml:2:1: [tool.dsv4_env] is no table"),
        (
            "[tool.dsv4-env]\nprofile = 'a'\n",
            {},
            "pyproject.toml:1:2: unknown table [tool.dsv4-env]; expected [tool.dsv4_env]",
        ),
        (
            "[[tool.DSV4env.pairs]]\nprofile = 'a'\n",
            {},
            "pyproject.toml:1:3: unknown table [tool.DSV4env]; expected [tool.dsv4_env]",
        ),
        (
            "[tool.dsv4_env]\nprofile = 'a'\n[tool.dsv4-env]\n",
            {},
            "pyproject.toml:3:2: unknown table [tool.dsv4-env]; expected [tool.dsv4_env]",
        ),
        (
            '[tool.dsv4_env]\nagainst = ["a", { b = true }]\n',
            {},
            'pyproject.toml:2:11: against is ["a", { b = true }]; expected a string',
        ),
        (
            '[tool.dsv4_env]\nagainst = [\n  "a",\n  { b = true, c = 2026-01-31 },\n]\n',
            {},
            'pyproject.toml:2:11: against is ["a", {"b" = true, "c" = 2026-01-31}]; expected a str',
        ),
        ("[tool.dsv4_env\n", {}, "pyproject.toml:1:15: TOML syntax"),
        (
            '[[tool.dsv4_env.pairs]]\nprofile = "a"\nfiles = ["b"]\nsglang = "latest"\n',
            {},
            "pyproject.toml:4:10: no catalogue of SGLang 'latest'; expected one of 0.5.11, ",
        ),
        (
            '[tool.dsv4_env]\nsglang = "0.4"\n',
            {},
            "pyproject.toml:2:10: no catalogue of SGLang '0.4'; expected one of 0.5.11, ",
        ),
        (
            '[tool.dsv4_env]\nsglang = "0.5.13"\n',
            {"DSV4_ENV_SGLANG": "latest"},
            "DSV4_ENV_SGLANG: no catalogue of SGLang 'latest'; expected one of 0.5.11, ",
        ),
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


def test_pairs_and_waivers(tmp_path: Path) -> None:
    here = project(
        tmp_path,
        """
[tool.dsv4_env.severity]
"SGLANG_LOG_*" = "note"
[[tool.dsv4_env.pairs]]
profile = "flash-fp4"
files = ["test/*fp4*.py"]
symbol = "TestV4.*"
set = { TP = "8" }
[[tool.dsv4_env.pairs]]
profile = "pro-fp4"
files = "run.sh"
launch = [1, 3]
severity = { "--tp" = "warning" }
[[tool.dsv4_env.waivers]]
name = "HIP_*"
reason = "the node sets it"
until = 2026-12-31
files = "run.sh"
""",
    )
    found = load(here, {})
    assert found.folder == tmp_path
    assert found.severity == {"SGLANG_LOG_*": Severity.NOTE}
    assert found.pairs == (
        Pair("flash-fp4", ("test/*fp4*.py",), symbol=("TestV4.*",), set={"TP": "8"}),
        Pair("pro-fp4", ("run.sh",), launch=(1, 3), severity={"--tp": Severity.WARNING}),
    )
    assert [str(p.location).rpartition("/")[2] for p in found.pairs] == [
        "pyproject.toml:4:3",
        "pyproject.toml:9:3",
    ]
    (waiver,) = found.waivers
    assert (waiver.pattern, waiver.until, waiver.files) == (
        "HIP_*",
        date(2026, 12, 31),
        ("run.sh",),
    )


TABLES = st.dictionaries(
    st.sampled_from(["profiles", "profile", "against", "sglang", "ignore"]),
    st.sampled_from(["a", "launch/profiles", "../x", "", "ü"]),
)
LAYOUTS = (
    "[tool.dsv4_env]\n{}",
    "[tool]\ndsv4_env = {{ {} }}\n",
    "tool.dsv4_env.profiles = 'y'\n#{}",
)


@given(TABLES, st.sampled_from(LAYOUTS), st.sampled_from([None, "", "elsewhere"]))
def test_the_short_way_to_the_profiles_agrees(
    table: dict[str, str], layout: str, variable: str | None
) -> None:
    separator = ", " if "{{" in layout or "#" in layout else "\n"
    text = layout.format(separator.join(f'{k} = "{v}"' for k, v in table.items()))
    environ = {} if variable is None else {"DSV4_ENV_PROFILES": variable}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text(text)
        try:
            whole = load(folder, environ)
        except SettingsError:
            return
        assert profiles_folder(folder, environ) == whole.profiles


@pytest.mark.parametrize("text", ["[tool.dsv4_env]\nprofiles = 3\n", "[tool.dsv4_env\nx"])
def test_the_short_way_leaves_errors_to_the_long_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError):
        profiles_folder(tmp_path, {})
    with pytest.raises(SettingsError):
        load(tmp_path, {})


def test_a_project_that_only_mentions_the_package_has_no_settings(tmp_path: Path) -> None:
    text = '[tool.hatch.build]\npackages = ["dsv4_env"]\n[tool.mypy]\nfiles = ["dsv4_env"]\n'
    assert load(project(tmp_path, text), {}) == Settings()
    found = target(tmp_path / "sub", {"DSV4_ENV_SGLANG": "0.5.13", "DSV4_ENV_NODES": "2"})
    assert (found["sglang"], found["nodes"], found["on"]) == ("0.5.13", 2, None)
