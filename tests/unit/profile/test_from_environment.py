"""``NAME = {from-environment = true}``: layers, lock, profile, exports, checks, starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsv4_env.cli import run
from dsv4_env.compare.differences import diff
from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.model import EnvVar, LaunchConfig, Origin, Outside, Unknown, Value
from dsv4_env.model.errors import Dsv4Error, ExportError, ProfileError
from dsv4_env.profile import Profile, load_profile, lock, locked_all
from dsv4_env.readers import bash, kubernetes

FROM = "{from-environment = true}"
OPTIONS = ExportOptions(image="i", model="m")


def folder(tmp_path: Path, **layers: str) -> Path:
    for name, text in layers.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path


def mine(tmp_path: Path, value: str = FROM) -> Profile:
    folder(tmp_path, mine=f'[env]\nA = "1"\nHF_TOKEN = {value}\n[args]\n--tp = "8"\n')
    return load_profile("mine", tmp_path)


def test_a_profile_names_what_it_takes_from_outside(tmp_path: Path) -> None:
    profile = mine(tmp_path)
    assert profile.env == {"A": "1"}
    assert profile.required == ["HF_TOKEN"]
    given = {"HF_TOKEN": "x", "B": "2"}
    assert profile.launch_env(given) == {"HF_TOKEN": "x", "B": "2", "A": "1"}
    for environ, found in (({}, "isn't set"), ({"HF_TOKEN": ""}, "is empty")):
        with pytest.raises(ProfileError) as error:
            profile.launch_env(environ)
        assert str(error.value) == (
            f"{tmp_path}/mine.toml:3:1: HF_TOKEN {found}, and mine takes it from the environment; "
            "expected HF_TOKEN in the environment of the launch"
        )


@pytest.mark.parametrize(
    ("low", "high", "value", "required"),
    [
        ('HF_TOKEN = "x"', f"HF_TOKEN = {FROM}", None, ["HF_TOKEN"]),
        (f"HF_TOKEN = {FROM}", 'HF_TOKEN = "x"', "x", []),
        (f"HF_TOKEN = {FROM}", f"HF_TOKEN = {FROM}", None, ["HF_TOKEN"]),
        (f"HF_TOKEN = {FROM}", "", None, ["HF_TOKEN"]),
    ],
)
def test_layers_override_it(
    tmp_path: Path, low: str, high: str, value: str | None, required: list[str]
) -> None:
    folder(tmp_path, low=f"[env]\n{low}\n", high=f'extends = ["low"]\n[env]\n{high}\n')
    profile = load_profile("high", tmp_path)
    assert (profile.env.get("HF_TOKEN"), profile.required) == (value, required)
    origin = profile.config.effective_env["HF_TOKEN"].origin
    if high:
        assert origin.value == (value or FROM)
        assert origin.overrode is not None


def test_a_layer_takes_it_away(tmp_path: Path) -> None:
    above = 'extends = ["low"]\n[unset]\nenv = ["HF_TOKEN"]\n'
    folder(tmp_path, low=f"[env]\nHF_TOKEN = {FROM}\n", high=above)
    assert load_profile("high", tmp_path).config.env == ()


def test_layers_that_disagree_on_it(tmp_path: Path) -> None:
    folder(
        tmp_path,
        one=f"[env]\nHF_TOKEN = {FROM}\n",
        two='[env]\nHF_TOKEN = "x"\n',
        both='extends = ["one", "two"]\n',
    )
    with pytest.raises(ProfileError, match="disagree on HF_TOKEN") as error:
        load_profile("both", tmp_path)
    assert '"x"' not in str(error.value)
    assert FROM in str(error.value)


@pytest.mark.parametrize(
    "value",
    ["{from-environment = false}", "{from-environment = 1}", "{from = true}", "{}",
     '{from-environment = true, default = "x"}'],
)  # fmt: skip
def test_no_other_table_is_a_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(ProfileError) as error:
        mine(tmp_path, value)
    assert error.value.expected == f'a string, {{default = "…"}} or {FROM}'
    assert str(error.value.where).startswith(f"{tmp_path}/mine.toml:3:")


def test_a_table_below_env_is_the_same(tmp_path: Path) -> None:
    folder(tmp_path, mine="[env.HF_TOKEN]\nfrom-environment = true\n")
    assert load_profile("mine", tmp_path).required == ["HF_TOKEN"]


def test_a_lock_remembers_it(tmp_path: Path) -> None:
    profile = mine(tmp_path)
    files = {"mine": tmp_path / "mine.toml"}
    path = lock.lock_path(tmp_path)
    path.write_text(lock.dump_lock(locked_all(files), files))
    found = lock.read_lock(path, files)
    assert found is not None
    assert found.usual()["mine"] == profile


# Against other launches


def launch(name: str, reader: str, *env: tuple[str, Value]) -> LaunchConfig:
    made = tuple(EnvVar(n, v, Origin(reader, None, str(v))) for n, v in env)
    return LaunchConfig(name, reader, made, None)


REFERENCE = Unknown("${HF_TOKEN}", "outside", ("HF_TOKEN",))
DEFAULT = Unknown("${HF_TOKEN:-x}", "outside", ("HF_TOKEN",), "x")


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        (launch("s", "bash"), []),
        (launch("s", "bash", ("HF_TOKEN", REFERENCE)), []),
        (launch("s", "bash", ("HF_TOKEN", Unknown("$(x)", "a command"))), []),
        (launch("s", "bash", ("HF_TOKEN", "x")), ["changed"]),
        (launch("s", "bash", ("HF_TOKEN", DEFAULT)), ["changed"]),
        (launch("p", "process"), ["removed"]),
        (launch("p", "process", ("HF_TOKEN", "x")), []),
        (launch("o", "profile"), ["removed"]),
        (launch("o", "profile", ("HF_TOKEN", "x")), ["changed"]),
    ],
)
def test_what_agrees_with_it(tmp_path: Path, other: LaunchConfig, kinds: list[str]) -> None:
    folder(tmp_path, mine=f"[env]\nHF_TOKEN = {FROM}\n")
    config = load_profile("mine", tmp_path).config
    assert [d.kind.value for d in diff(config, other)] == kinds
    turned = {"removed": "added"}
    assert [d.kind.value for d in diff(other, config)] == [turned.get(k, k) for k in kinds]
    assert diff(config, config) == []


def test_a_check_finds_a_value_in_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mine(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text(
        "export A=1 HF_TOKEN=canary\npython3 -m sglang.launch_server --tp 8\n"
    )
    words = "check mine --profiles . --against run.sh -f concise".split()
    assert run(words) == 1
    out, _ = capfd.readouterr()
    assert (
        'run.sh:1:12: warning: DSV003 HF_TOKEN is "********"; '
        "mine takes it from the environment" in out
    )
    for line in (
        "export A=1",
        "export A=1 HF_TOKEN=$HF_TOKEN",
        "export A=1 HF_TOKEN=${HF_TOKEN:?}",
    ):
        (tmp_path / "run.sh").write_text(f"{line}\nsglang serve --tp 8\n")
        assert run(words) == 0


def test_sync_writes_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mine(tmp_path)
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "run.sh"
    script.write_text("export A=1\nsglang serve --tp 8\n")
    assert run("sync mine --to run.sh --profiles . --write".split()) == 0
    text = "export A=1 HF_TOKEN=canary\nsglang serve --tp 8\n"
    script.write_text(text)
    assert run("sync mine --to run.sh --profiles . --write".split()) == 2
    assert "HF_TOKEN can't be written" in capfd.readouterr().err
    assert script.read_text() == text


def test_import_takes_a_reference_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in ("$HF_TOKEN", "${HF_TOKEN:?}", "${HF_TOKEN:-}"):
        (tmp_path / "run.sh").write_text(f'export HF_TOKEN="{line}"\nsglang serve --tp 8\n')
        assert run("import run.sh --as new --over pro-fp4".split()) == 0
        out, _ = capfd.readouterr()
        assert f"HF_TOKEN = {FROM}" in out


# Exports


@pytest.mark.parametrize("name", EXPORTERS)
def test_every_format_refers_to_it_or_refuses(name: str, tmp_path: Path) -> None:
    config, exporter = mine(tmp_path).config, EXPORTERS[name]
    if "env" not in exporter.holds:
        assert "HF_TOKEN" not in exporter(config, OPTIONS)
    elif exporter.refers:
        assert "HF_TOKEN" in exporter(config, OPTIONS)
    else:
        with pytest.raises(ExportError, match="HF_TOKEN comes from the environment, which"):
            exporter(config, OPTIONS)


def test_what_is_exported_is_read_back_as_a_reference(tmp_path: Path) -> None:
    profile = mine(tmp_path)
    pod = EXPORTERS["k8s-pod"](profile.config, OPTIONS)
    assert 'name: "mine-secrets"\n              key: "HF_TOKEN"' in pod
    script = EXPORTERS["run-sh"](profile.config, OPTIONS)
    layer = EXPORTERS["toml"](profile.config, OPTIONS)
    (tmp_path / "again.toml").write_text(layer)
    again = load_profile("again", tmp_path)
    assert (again.env, again.required) == (profile.env, profile.required)
    made = kubernetes.read_all(pod.encode(), "pod.yaml")
    for found in (*made, *bash.read_all(script.encode(), "r.sh")):
        assert not [d for d in diff(profile.config, found) if d.section == "env"]


def test_python_takes_it_from_os_environ(tmp_path: Path) -> None:
    text = EXPORTERS["python"](mine(tmp_path).config, OPTIONS)
    assert text.startswith("import os\n\nENV_VARS = {\n")
    names: dict[str, object] = {}
    with pytest.raises(KeyError, match="HF_TOKEN"):
        exec(text, names)
    assert '"HF_TOKEN": os.environ["HF_TOKEN"],' in text


def test_vscode_and_compose_refer_to_it(tmp_path: Path) -> None:
    config = mine(tmp_path).config
    made = json.loads(EXPORTERS["vscode"](config, OPTIONS))
    assert made["configurations"][0]["env"] == {"A": "1", "HF_TOKEN": "${env:HF_TOKEN}"}
    assert 'HF_TOKEN: "${HF_TOKEN:?}"' in EXPORTERS["compose"](config, OPTIONS)
    assert EXPORTERS["docker-run"](config, OPTIONS) == "--env A=1 --env HF_TOKEN\n"
    assert EXPORTERS["docker-env"](config, OPTIONS) == "A=1\nHF_TOKEN\n"


# Starts


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mine(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path


def test_a_start_without_it_is_an_error(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("run mine --profiles . -- true".split()) == 2
    assert "mine.toml:3:1: HF_TOKEN isn't set, and mine takes it" in capfd.readouterr().err
    for more in ("", "--clean "):
        assert run(f"run mine --profiles . {more}--print -- true".split()) == 0
        out, _ = capfd.readouterr()
        assert 'HF_TOKEN="${HF_TOKEN:?}" \\\n' in out


@pytest.mark.parametrize("more", ["", "--clean"])
def test_a_start_has_it(own: Path, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsv4_env.cli.starting import Overrides

    profile = load_profile("mine", own)
    overrides = Overrides({}, (), (), clean=bool(more), keep=())
    assert overrides.environment(profile, {"HF_TOKEN": "x"})["HF_TOKEN"] == "x"
    given = Overrides({"HF_TOKEN": "y"}, (), (), clean=bool(more), keep=())
    assert given.environment(profile, {})["HF_TOKEN"] == "y"
    away = Overrides({}, ("HF_TOKEN",), (), clean=bool(more), keep=())
    assert "HF_TOKEN" not in away.environment(profile, {"HF_TOKEN": "x"})
    with pytest.raises(Dsv4Error):
        overrides.environment(profile, {})


def test_show_says_it(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("show mine --profiles .".split()) == 0
    out, _ = capfd.readouterr()
    assert "  HF_TOKEN       from the environment\n" in out
    assert run("show mine --profiles . --json".split()) == 0
    env = json.loads(capfd.readouterr().out)["env"]
    assert env[1]["value"] == {"from-environment": True}


def test_a_diff_only_export_has_it_where_it_is_missing(
    own: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "export mine --profiles . --diff-only".split()
    assert run(words) == 0
    assert "HF_TOKEN" in capfd.readouterr().out
    monkeypatch.setenv("HF_TOKEN", "x")
    assert run(words) == 0
    assert "HF_TOKEN" not in capfd.readouterr().out


def test_outside_is_unknown_without_a_run() -> None:
    value = Outside("${A}", "why", ("A",))
    assert isinstance(value, Unknown)
    assert str(value) == "from the environment"
