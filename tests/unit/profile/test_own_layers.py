"""A user's own profiles for all projects, and what one host lays over layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import load_all, load_profile, own_folder, profile_names

Run = Callable[..., Any]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "dsv4-env" / "profiles"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def layer(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_a_users_own_profiles_are_found_in_every_project(own: Path, project: Path) -> None:
    layer(own, "mine", 'extends = ["pro-fp4"]\n[env]\nA = "own"\n')
    layer(project, "theirs", 'extends = ["pro-fp4"]\n[env]\nA = "theirs"\n')
    assert load_profile("mine").env["A"] == "own"
    assert load_profile("mine", project).env["A"] == "own"
    assert load_profile("theirs", project).env["A"] == "theirs"
    assert {"mine", "pro-fp4"} <= {*profile_names()}
    assert {"mine", "theirs", "pro-fp4"} <= {*profile_names(project)}


def test_the_folder_is_below_home_without_xdg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".config" / "dsv4-env" / "profiles").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", given)
        assert own_folder() == tmp_path / ".config" / "dsv4-env" / "profiles"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nowhere"))
    assert own_folder() is None


def test_names_are_unique_over_all_folders(own: Path, project: Path) -> None:
    mine = layer(own, "mine", "")
    again = layer(project, "mine", "")
    with pytest.raises(ProfileError, match="defined twice") as caught:
        load_all(project)
    assert caught.value.where == str(again)
    assert str(mine) in str(caught.value)
    layer(own, "pro-fp4", "")
    with pytest.raises(ProfileError, match="'pro-fp4' is defined twice"):
        load_all()


def test_a_link_may_not_lead_out_of_the_folder(own: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.toml"
    secret.write_text('[env]\nA = "1"\n')
    (own / "mine.toml").symlink_to(secret)
    with pytest.raises(ProfileError, match="symbolic link"):
        load_profile("mine")


def test_a_lock_is_the_same_with_and_without_them(own: Path, project: Path, run: Run) -> None:
    layer(project, "theirs", 'extends = ["pro-fp4"]\n')
    assert run("lock", "--profiles", ".").code == 0
    without = (project / "profiles.lock.json").read_bytes()
    layer(own, "mine", 'extends = ["pro-fp4"]\n[env]\nA = "own"\n')
    layer(project, "theirs.local", '[env]\nA = "here"\n')
    assert run("lock", "--check", "--profiles", ".").code == 0
    assert run("lock", "--profiles", ".").code == 0
    assert (project / "profiles.lock.json").read_bytes() == without
    assert load_profile("theirs", project).env["A"] == "here"
    assert load_profile("mine", project).env["A"] == "own"


def test_what_is_local_is_laid_over_its_layer(own: Path, project: Path) -> None:
    layer(project, "low", 'abstract = true\n[env]\nA = "low"\nB = "low"\nC = "low"\n')
    layer(project, "top", 'extends = ["low"]\n[env]\nB = "top"\n')
    local = layer(project, "low.local", '[env]\nA = "here"\nB = "here"\n[unset]\nenv = ["C"]\n')
    profile = load_profile("top", project)
    assert profile.env == {"A": "here", "B": "top"}
    assert profile.layers == ("low", "low.local", "top")
    origin = profile.config.effective_env["A"].origin
    assert [o.name for o in origin.chain()] == ["low.local", "low"]
    assert origin.location is not None
    assert origin.location.path == str(local)
    assert "low.local" not in profile_names(project)


def test_the_projects_lies_over_the_users(own: Path, project: Path) -> None:
    layer(own, "pro-fp4.local", '[env]\nA = "user"\nB = "user"\n')
    assert load_profile("pro-fp4").env["A"] == "user"
    layer(project, "pro-fp4.local", '[env]\nA = "project"\n')
    profile = load_profile("pro-fp4", project)
    assert (profile.env["A"], profile.env["B"]) == ("project", "user")
    assert "A" not in load_profile("flash-fp4", project).env


def test_an_overlay_may_have_one_too(own: Path) -> None:
    layer(own, "mtp.local", '[env]\nA = "here"\n')
    assert load_profile("pro-fp4+mtp@b200").env["A"] == "here"
    assert "A" not in load_profile("pro-fp4@b200").env


def test_one_without_its_layer_is_an_error_in_a_project(own: Path, project: Path) -> None:
    layer(own, "elsewhere.local", "")  # another project may have it
    assert "pro-fp4" in load_all(project)
    layer(project, "pro-fp5.local", "")
    with pytest.raises(ProfileError, match=r"no layer 'pro-fp5'.*Did you mean pro-fp[48]\?"):
        load_all(project)


@pytest.mark.parametrize(
    "text", ['extends = ["common"]', "abstract = true", "overlay = true", "targets = []"]
)
def test_it_has_settings_alone(text: str, project: Path) -> None:
    layer(project, "pro-fp4.local", text + "\n")
    with pytest.raises(ProfileError, match="in what this host lays over pro-fp4"):
        load_profile("pro-fp4", project)


def test_a_note_tells_that_it_counts(project: Path, run: Run) -> None:
    layer(project, "pro-fp4.local", '[env]\nA = "here"\n')
    result = run("get", "pro-fp4", "A", "--profiles", ".")
    assert (result.code, result.out) == (0, "here\n")
    assert result.err == (
        "dsv4-env: note: this host's pro-fp4.local.toml is laid over pro-fp4 "
        "(show --origin tells where)\n"
    )
    assert run("get", "flash-fp4", "model.path", "--profiles", ".").err == ""


def test_all_that_looks_at_layers_knows_it(project: Path, run: Run) -> None:
    layer(project, "pro-fp4.local", '[env]\nA = "here"\n')
    (project / "run.sh").write_text("export A=there\nsglang serve m\n")
    own = ["--profiles", "."]
    checked = run("check", "pro-fp4", "--against", "run.sh", "-f", "json", *own)
    assert checked.code == 1
    assert "pro-fp4.local.toml is laid over pro-fp4" in checked.err
    assert "here" in checked.out
    page = run("report", "pro-fp4", "--against", "run.sh", "--html", "-", *own)
    assert page.code == 0, page.err
    assert "pro-fp4.local.toml" in page.out
    assert "pro-fp4.local" in run("explain", "pro-fp4", *own).out
    assert run("lint", "pro-fp4", *own).code in (0, 1)


def test_the_note_is_there_for_pairs_too(project: Path, run: Run) -> None:
    (project / "own").mkdir()
    layer(project / "own", "pro-fp4.local", '[env]\nA = "here"\n')
    (project / "run.sh").write_text("sglang serve m\n")
    (project / "pyproject.toml").write_text(
        '[tool.dsv4_env]\nprofiles = "own"\npairs = [{profile = "pro-fp4", files = ["run.sh"]}]\n'
    )
    result = run("check")
    assert result.code == 1
    assert "note: this host's pro-fp4.local.toml is laid over pro-fp4" in result.err
