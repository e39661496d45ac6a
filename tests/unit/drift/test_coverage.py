from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dsv4_env.drift.coverage
from dsv4_env.cli import run
from dsv4_env.profile import Profile, Wanted, known_targets, load_targets, load_wanted

RELEASE = ["--sglang", "0.5.23"]


def script(profile: Profile, *, model: str | None = None, less: str = "") -> str:
    """A script that launches a profile, without the argument *less*."""
    lines = [f"export {n}={shlex.quote(v)}" for n, v in profile.launch_env({}).items()]
    words = ["python3", "-m", "sglang.launch_server"]
    words += ["--model-path", model or profile.default_model_path or ""]
    for arg in profile.config.args or ():
        words += arg.words if arg.flag != less else []  # type: ignore[arg-type]
    return "#!/bin/bash\n" + "\n".join([*lines, shlex.join(words)]) + "\n"


def profile(name: str, strategy: str | None = None) -> Profile:
    return load_wanted(name, None, Wanted(sglang="0.5.23", strategy=strategy))


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert run(["coverage", *words, *RELEASE, "-f", "json"]) == code
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    folder = Path(dsv4_env.drift.coverage.__file__).parent
    jsonschema.validate(data, json.loads((folder / "coverage.schema.json").read_text()))
    return data


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_target_is_loaded_once() -> None:
    loaded = [(p.name.partition("+")[0].partition("@")[0], p.target) for p in load_targets()]
    assert loaded == [(n, t) for n, targets in known_targets().items() for t in targets]


def test_a_target_as_it_is_loaded_alone() -> None:
    for each in load_targets(None, Wanted(sglang="0.5.23"))[::17]:
        t = each.target
        alone = load_wanted(
            each.name, None, Wanted("0.5.23", t.hardware, t.strategy, t.nodes, t.role)
        )
        assert alone.config == each.config


def test_without_files_all_targets_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    data = told(capsys)
    targets = [t for targets in known_targets().values() for t in targets]
    assert data["summary"]["targets"] == len(targets) == len(data["targets"])
    assert data["summary"]["verified"] == sum(t.verified for t in targets)
    assert data["launches"] == []
    assert len({t["name"] for t in data["targets"]}) == len(targets)


@pytest.mark.parametrize(
    ("name", "strategy"),
    [("pro-fp4@mi355x", "ci"), ("pro-fp4+mtp@mi355x", "ci"), ("flash-fp4@b200", "low-latency")],
)
def test_a_launch_stands_for_its_target(
    name: str, strategy: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "run.sh").write_text(script(profile(name, strategy)))
    data = told(capsys, ".")
    (launch,) = data["launches"]
    assert (launch["status"], launch["differ"], launch["unknown"]) == ("same", 0, 0)
    assert f"{name} {strategy}" in launch["targets"]
    (target,) = [t for t in data["targets"] if t["name"] == f"{name} {strategy}"]
    assert (target["status"], [x["path"] for x in target["launches"]]) == ("same", ["run.sh"])
    same = {t["name"] for t in data["targets"] if t["status"] == "same"}
    assert same == set(launch["targets"])
    verified = sum(t["verified"] for t in data["targets"] if t["name"] in same)
    assert data["summary"]["uncovered"] == data["summary"]["verified"] - verified


def test_a_setting_less_is_near(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = profile("pro-fp4+cp@mi355x", "ci")
    (here / "run.sh").write_text(script(mine, less="--mem-fraction-static"))
    data = told(capsys, "run.sh")
    (launch,) = data["launches"]
    assert (launch["status"], launch["differ"]) == ("near", 1)
    assert launch["targets"] == ["pro-fp4+cp@mi355x ci"]
    (target,) = [t for t in data["targets"] if t["name"] == "pro-fp4+cp@mi355x ci"]
    assert (target["status"], target["launches"]) == ("near", [])
    assert target["nearest"]["path"] == "run.sh"
    assert data["summary"]["uncovered"] == data["summary"]["verified"]


def test_another_model_differs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = profile("flash-fp8@mi355x", "ci")
    (here / "a.sh").write_text(script(mine, model="org/DeepSeek-V4-Other"))
    (here / "b.sh").write_text(script(mine, model="/models/" + (mine.default_model_path or "")))
    other = re.sub("(?i)dsv4|deepseek-?v4", "qwen", script(mine, model="org/Qwen3-8B"))
    (here / "c.sh").write_text(other)
    launches = {x["path"]: x for x in told(capsys, ".")["launches"]}
    assert (launches["a.sh"]["status"], launches["a.sh"]["differ"]) == ("near", 1)
    assert launches["b.sh"]["status"] == "same"
    assert "c.sh" not in launches


def test_a_model_that_is_unknown_stands_for_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = script(profile("flash-fp8@mi355x", "ci"), model="MODEL").replace("MODEL", '"$1"')
    (here / "run.sh").write_text(mine)
    (launch,) = told(capsys, ".")["launches"]
    assert (launch["status"], launch["differ"], launch["unknown"]) == ("near", 0, 1)


def test_a_launch_near_none(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "run.sh").write_text("sglang serve deepseek-ai/DeepSeek-V4-Pro --tp 3\n")
    (here / "vars.env").write_text("SGLANG_DSV4_FP4_EXPERTS=true\n")
    data = told(capsys, ".")
    assert [(x["path"], x["status"]) for x in data["launches"]] == [("run.sh", "none")]
    assert data["summary"]["none"] == 1


def test_exit_codes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "layers").mkdir()
    own = '[hardware]\naccelerator = "MI355X"\n[model]\npath = "o/DeepSeek-V4-X"\n'
    own += '[args]\n--tp = "8"\n[[targets]]\nhardware = ["mi355x"]\nstrategy = ["ci"]\n'
    (here / "layers" / "mine.toml").write_text(own)
    (here / "run.sh").write_text("sglang serve --model-path o/DeepSeek-V4-X --tp 8\n")
    names = {
        t["profile"].partition("@")[0] for t in told(capsys, "--profiles", "layers")["targets"]
    }
    assert "mine" in names
    assert run(["coverage", "run.sh", *RELEASE]) == 0
    assert run(["coverage", "run.sh", *RELEASE, "--fail-on", "uncovered"]) == 1
    assert run(["coverage", "--fail-on", "uncovered"]) == 1  # no launch at all
    capsys.readouterr()
    (here / "compose.yaml").write_bytes(b"services: [sglang.launch_server\n")
    data = told(capsys, ".", code=2)
    assert [p["path"] for p in data["problems"]] == ["compose.yaml"]
    assert run(["coverage", "gone.sh"]) == 2


def test_text_fits_a_screen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "run.sh").write_text(script(profile("pro-fp4@mi355x", "ci")))
    assert run(["coverage", ".", *RELEASE]) == 0
    short = capsys.readouterr().out
    assert "1 launch of DeepSeek-V4: 1 the same as a target, 0 near one, 0 near none" in short
    assert len(short.splitlines()) <= 40
    assert "pro-fp4@mi355x ci" in short
    assert run(["coverage", ".", *RELEASE, "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > len(short.splitlines())


def test_markdown_holds_every_target(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a|b.sh").write_text(script(profile("pro-fp4@mi355x", "ci")))
    assert run(["coverage", ".", *RELEASE, "-f", "markdown"]) == 0
    rows = [r for r in capsys.readouterr().out.splitlines() if r.startswith("|")]
    assert len(rows) == 2 + 1 + 2 + len(load_targets())
    assert "| a\\|b.sh:" in rows[2]
    assert {r.replace("\\|", "").count("|") for r in rows[:3]} == {4}
