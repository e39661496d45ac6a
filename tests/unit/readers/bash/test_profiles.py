"""Scripts that take settings from profiles: what ``dsv4-env export`` prints is followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env import load_profile, profile_names
from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.lang.bash.expand.machine import Question
from dsv4_env.model import LaunchConfig, Location, Unknown
from dsv4_env.readers import HowRead, bash, read
from dsv4_env.readers.bash.profiles import Answers
from dsv4_env.readers.taken import KnownProfiles

SERVER = "python3 -m sglang.launch_server --model-path M"
LAUNCH = f'{SERVER} "${{ARGS[@]}}"\n'
OWN = """\
extends = ["pro-fp4"]
[env]
MINE = "it's"
FROM_OUTSIDE = { from-environment = true }
"""


def one(script: str, **options: object) -> LaunchConfig:
    return bash.read(script, "a.sh", **options)  # type: ignore[arg-type]


def values(launch: LaunchConfig) -> dict[str, str]:
    return {n: e.value for n, e in launch.effective_env.items() if isinstance(e.value, str)}


@pytest.mark.parametrize("name", [*profile_names(), "pro-fp4+mtp", "pro-fp4@gb300"])
@pytest.mark.parametrize("format_", ["shell", "bash", "args", "args-nul"])
@pytest.mark.parametrize("words", [[], ["--unset"], ["--model", "a b", "--port", "7"]])
def test_an_answer_is_what_the_export_prints(name: str, format_: str, words: list[str]) -> None:
    exporter = EXPORTERS[format_]
    if any(w[2:] not in exporter.options for w in words if w.startswith("--")):
        pytest.skip("the format doesn't take it")
    command = ["dsv4-env", "export", name, "-f", format_, *words]
    asked = Question(command, Location("a.sh", 1, 1), lambda n: None, lambda t: None, lambda n: 0)
    answer = Answers(KnownProfiles()).answer(asked)
    served = ExportOptions("a b", port=7) if "--model" in words else ExportOptions()
    options = ExportOptions(unset=True) if words == ["--unset"] else served
    assert answer is not None
    assert answer.text == exporter(load_profile(name).config, options)


@pytest.mark.parametrize(
    ("script", "takes"),
    [
        (f'eval "$(dsv4-env export pro-fp4 -f bash)"\n{LAUNCH}', "env args"),
        (f"source <(dsv4-env export pro-fp4 -f bash)\n{LAUNCH}", "env args"),
        (f'eval "$(/opt/bin/dsv4-env export --format=bash pro-fp4)"\n{LAUNCH}', "env args"),
        (f'eval "$(python3 -m dsv4_env export pro-fp4 -fbash)"\n{LAUNCH}', "env args"),
        (f'eval "$(uvx dsv4-env export pro-fp4 -f bash)"\n{LAUNCH}', "env args"),
        (f'eval "$(uv run dsv4-env export pro-fp4 -f bash)"\n{LAUNCH}', "env args"),
        (f'eval "$(pipx run dsv4-env export pro-fp4 -f bash)"\n{LAUNCH}', "env args"),
        (f'P=pro-fp4\neval "$(dsv4-env export "$P" -f bash)"\n{LAUNCH}', "env args"),
        (f'set -e\nA=$(dsv4-env export pro-fp4 -f bash)\neval "$A"\n{LAUNCH}', "env args"),
        (f'eval "$(dsv4-env export pro-fp4 -f bash --prefix-comment)"\n{LAUNCH}', "env args"),
        (f'eval "$(dsv4-env export pro-fp4)"\n{SERVER}', "env"),
        (f"dsv4-env export pro-fp4 > e.env\n. ./e.env\n{SERVER}", "env"),
        (f'eval "{SERVER} $(dsv4-env export pro-fp4 -f args)"', "args"),
        (f"ARGS=($(dsv4-env export pro-fp4 -f args))\n{LAUNCH}", "args"),
        (f'eval "ARGS=($(dsv4-env export pro-fp4 -f args))"\n{LAUNCH}', "args"),
        (f"{SERVER} $(dsv4-env export pro-fp4 -f args)", "args"),
    ],
)
def test_where_a_script_takes_settings(script: str, takes: str) -> None:
    launch, profile = one(script), load_profile("pro-fp4")
    held = "env" in takes
    assert values(launch) == {
        n: v for n, v in profile.env.items() if held and n not in profile.overridable
    }
    words = profile.server_args if "args" in takes else []
    assert launch.argv == ["--model-path", "M", *words]
    assert [n.profile for n in launch.notes] == ["pro-fp4"]
    layers = {e.origin.name for e in launch.env}
    layers |= {a.origin.name for a in (launch.args or ())[1:]}
    assert layers <= set(profile.layers)


def test_places_are_those_of_the_layers() -> None:
    launch = one(f'eval "$(dsv4-env export pro-fp4 -f bash)"\n{LAUNCH}')
    profile = load_profile("pro-fp4")
    origins = {e.name: e.origin for e in profile.config.env}
    assert {e.name: e.origin for e in launch.env} == origins
    assert [a.origin for a in (launch.args or ())[1:]] == [
        a.origin for a in profile.config.args or ()
    ]
    assert all(type(e.location) is Location for e in launch.env)


def test_what_the_outside_may_override() -> None:
    script = f'eval "$(dsv4-env export pro-fp4)"\n{SERVER}'
    name = "SGLANG_HACK_FLASHMLA_BACKEND"
    value = one(script).effective_env[name].value
    assert isinstance(value, Unknown)
    assert (value.names, value.default) == ((name,), "unified_kv_triton")
    assert one(script, inputs={name: "triton"}).effective_env[name].value == "triton"
    assert one(script, inputs={name: ""}).effective_env[name].value == "unified_kv_triton"


def test_what_the_script_sets_again() -> None:
    launch = one(
        'eval "$(dsv4-env export pro-fp4 -f bash)"\nexport SGLANG_DP_USE_GATHERV=0\n'
        f"ARGS+=(--port 1)\n{LAUNCH}"
    )
    setting = launch.effective_env["SGLANG_DP_USE_GATHERV"]
    assert setting.value == "0"
    assert setting.location == Location("a.sh", 2, 8)
    assert launch.argv[-2:] == ["--port", "1"]
    assert (launch.args or ())[1].origin.name == "dsv4"


def test_options_of_the_export() -> None:
    launch = one(
        'eval "$(dsv4-env export pro-fp4+mtp --sglang 0.5.22 --on mi355x --strategy ci -f bash '
        f'--set A=b --arg=--tp=4 --unset=--page-size --unset=AITER_BF16_FP8_MOE_BOUND)"\n{LAUNCH}'
    )
    profile = load_profile("pro-fp4+mtp", sglang="0.5.22")
    assert launch.effective_env["A"].value == "b"
    assert launch.effective_env.keys() == {"A"} | profile.env.keys() - {"AITER_BF16_FP8_MOE_BOUND"}
    assert "--page-size" not in launch.argv
    assert "--tp=4" in launch.argv


def test_the_release_is_the_commands_the_scripts_or_the_readings() -> None:
    def spelled(script: str, sglang: str | None = None) -> bool:
        known = KnownProfiles(None, None, sglang)
        bash.read_all(script + LAUNCH, "a.sh", known=known)
        return known.releases() == ["0.5.20"]

    line = 'eval "$(dsv4-env export pro-fp4 -f bash{})"\n'
    assert spelled(line.format(" --sglang 0.5.20"))
    assert spelled("export DSV4_ENV_SGLANG=0.5.20\n" + line.format(""))
    assert spelled(line.format(""), "0.5.20")
    assert spelled(line.format(" --sglang 0.5.20"), "0.5.22")
    assert not spelled("DSV4_ENV_SGLANG=0.5.20\n" + line.format(""))  # it isn't exported
    assert not spelled(line.format(""))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("pro-fp5 -f bash", "unknown profile 'pro-fp5'"),
        ("pro-fp4@mi100 -f bash", "mi100"),
        ("pro-fp4 -f json", "the format json isn't one that a script is followed through"),
        ("pro-fp4 -f bash --diff-only", "what the environment lacks isn't known"),
        ("pro-fp4 -f bash --nope", "unrecognized arguments: --nope"),
        ("pro-fp4 -f=bash", "a short option has no `=`"),
        ("pro-fp4 --arg=--tp=4", "the format shell holds no such settings"),
        ("pro-fp4 -f args --unset", "the format args takes no --unset"),
        ("pro-fp4 --port 1", "the format shell takes no --model, --host or --port"),
        ("pro-fp4 -f bash --set A", "--set A"),
        (
            "pro-fp4 -f bash --profiles /elsewhere",
            "its folder of profiles isn't below the folder that is read from",
        ),
        ('"$NAME" -f bash', "`${NAME}` isn't known"),
        ("pro-fp4 -f bash --nodes x", "invalid int value"),
    ],
)
def test_what_is_wrong_leaves_all_unknown(words: str, reason: str) -> None:
    launch = one(f'export A=1\neval "$(dsv4-env export {words})"\n{LAUNCH}')
    assert launch.effective_env["A"].value != "1"
    assert any(isinstance(v, Unknown) for v in launch.argv[2:])
    note = next(n for n in launch.notes if n.opens)
    assert reason in note.message
    assert note.location == Location("a.sh", 2, 1)


def test_a_failing_file_is_told_with_its_reason() -> None:
    launch = one(f"source <(dsv4-env export nope)\n{SERVER}")
    assert any("unknown profile 'nope'" in n.message for n in launch.notes if n.opens)


def test_unset_undoes_it() -> None:
    line = 'eval "$(dsv4-env export pro-fp4 -f bash{})"\n'
    launch = one(line.format("") + line.format(" --unset") + LAUNCH)
    assert launch.effective_env == {}
    assert launch.argv == ["--model-path", "M"]
    assert not any(n.profile for n in launch.notes)


@pytest.mark.parametrize(
    "folder",
    ["--profiles launch", '--profiles "$(dirname "$0")/launch"', "--profiles=./launch"],
)
def test_profiles_of_ones_own(tmp_path: Path, folder: str) -> None:
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text(OWN)
    path = tmp_path / "run.sh"
    path.write_text(f'eval "$(dsv4-env export mine -f bash {folder})"\n{LAUNCH}')
    (launch,) = read(path.read_bytes(), str(path), HowRead())
    assert launch.effective_env["MINE"].value == "it's"
    assert launch.effective_env["MINE"].location == Location(
        str(tmp_path / "launch" / "mine.toml"), 3, 1
    )
    assert [r.name for r in launch.required] == ["FROM_OUTSIDE"]


def test_the_folder_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text(OWN)
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "launch"\n')
    script = f'eval "$(dsv4-env export mine)"\n{SERVER}'
    launch = one(script, root=tmp_path)
    assert launch.effective_env["MINE"].value == "it's"
    assert "MINE" not in one(script).effective_env


def test_in_a_workflow() -> None:
    text = f"""\
jobs:
  a:
    steps:
      - run: |
          eval "$(dsv4-env export pro-fp4 -f bash)"
          {LAUNCH}"""
    (launch,) = read(text.encode(), ".github/workflows/a.yml", HowRead())
    assert launch.argv[2:] == load_profile("pro-fp4").server_args
    assert [(n.profile, n.location and n.location.line) for n in launch.notes if n.profile] == [
        ("pro-fp4", 5)
    ]


def test_a_file_that_is_written_isnt_printed() -> None:
    launch = one(f'X=$(dsv4-env export pro-fp4 -o e.env)\neval "$X"\n{SERVER}')
    assert launch.effective_env == {} or not any(n.profile for n in launch.notes)
