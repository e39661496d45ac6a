"""No secret is written into a layer: refused with its place, or left to the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.cli import run

FROM = "{from-environment = true}"
CAPTURE = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.toml").write_text('[env]\nA = "1"\n[args]\n--tp = "8"\n')
    return tmp_path


def script(project: Path, env: str = "", args: str = "") -> None:
    (project / "run.sh").write_text(f"export A=1 {env}\nsglang serve --tp 8 {args}\n")


def both(more: str = "") -> list[list[str]]:
    words = ["import run.sh --as new --over mine", "sync mine --from run.sh"]
    return [f"{w} --profiles own --write {more}".split() for w in words]


@pytest.mark.parametrize(
    ("env", "args", "found"),
    [
        ("HF_TOKEN=abc", "", "run.sh:1:12: HF_TOKEN holds what looks like a secret"),
        ("B=hf_0123456789abcdefghij", "", "run.sh:1:12: B holds what looks like a secret"),
        ("HTTPS_PROXY=http://u:pw@h", "", "run.sh:1:12: HTTPS_PROXY holds"),
        ("HF_TOKEN=${HF_TOKEN:-abc}", "", "run.sh:1:12: HF_TOKEN holds"),
        ('B="${API_KEY:-abc}"', "", "run.sh:1:12: B holds what looks like a secret"),
        ("", "--api-key abc", "run.sh:2:21: --api-key holds what looks like a secret"),
        ("", "--api-key=abc", "run.sh:2:21: --api-key holds what looks like a secret"),
        ("", "--chat-template sk-0123456789abcdefghij", "run.sh:2:21: --chat-template holds"),
    ],
)
def test_a_secret_is_refused(
    env: str, args: str, found: str, project: Path, capfd: CAPTURE
) -> None:
    script(project, env, args)
    before = {p: p.read_text() for p in project.rglob("*.toml")}
    for words in both():
        assert run(words) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith(f"dsv4-env: error: {found}")
        assert err.count("\n") == 1
        assert "--secrets-from-environment" in err
        assert {p: p.read_text() for p in project.rglob("*.toml")} == before


def test_a_password_in_the_path_of_the_model_is_refused(project: Path, capfd: CAPTURE) -> None:
    script(project, args="--model-path https://u:pw@h/m")
    assert run(both()[0]) == 2
    assert "run.sh:2:21: --model-path holds what looks like" in capfd.readouterr().err


@pytest.mark.parametrize("value", ["abc", "$HF_TOKEN", "${HF_TOKEN:?}", "${HF_TOKEN:-}"])
def test_a_variable_is_left_to_the_environment(value: str, project: Path, capfd: CAPTURE) -> None:
    more = "--secrets-from-environment" if value == "abc" else ""
    for words, name in zip(both(more), ("new", "mine"), strict=True):
        script(project, f'HF_TOKEN="{value}"')
        assert run(words) == 0
        assert f"HF_TOKEN = {FROM}" in (project / "own" / f"{name}.toml").read_text()
        if not more:
            assert run(f"check {name} --against run.sh --profiles own".split()) == 0
    capfd.readouterr()


def test_a_flag_is_left_out(project: Path, capfd: CAPTURE) -> None:
    script(project, "B=2", "--api-key abc")
    for words, name in zip(both("--secrets-from-environment"), ("new", "mine"), strict=True):
        assert run(words) == 0
        text = (project / "own" / f"{name}.toml").read_text()
        assert 'B = "2"' in text
        assert "abc" not in text
        assert "left to the launch: run.sh:2:21: --api-key" in capfd.readouterr().err


@pytest.mark.parametrize("value", ["EMPTY", "''", "none"])
def test_what_stands_in_for_a_secret_is_written(value: str, project: Path) -> None:
    script(project, args=f"--api-key {value}")
    assert [run(words) for words in both()] == [0, 0]


def test_a_lock_of_a_secret_is_refused(project: Path, capfd: CAPTURE) -> None:
    (project / "own" / "mine.toml").write_text('[env]\nHF_TOKEN = "abc"\n')
    assert run("lock --profiles own".split()) == 2
    assert not (project / "own" / "profiles.lock.json").exists()
    err = capfd.readouterr().err
    assert "own/mine.toml:2:1: HF_TOKEN holds what looks like a secret" in err
    assert run("lint own/mine.toml -f concise".split()) == 1
    assert "DSV115 the secret HF_TOKEN stands here in plain text" in capfd.readouterr().out
