"""``export``: options, what they refuse, and that nothing is written when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env import __version__, load_profile
from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, ServerArg, Unknown
from dsv4_env.model.errors import ExportError
from tests.told import condition as when

if TYPE_CHECKING:
    from tests.conftest import Result

    Run = Callable[..., Result]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A profile with a secret, a newline, and a host of its own, in the current folder."""
    text = 'extends = ["flash-fp4"]\n[env]\nHF_TOKEN = "50%\\nhunter2"\nX = "1"\n'
    (tmp_path / "mine.toml").write_text(text + '[args]\n--host = "::1"\n')
    monkeypatch.chdir(tmp_path)
    return "mine.toml"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-f json --image i", "takes no --image; expected one of compose, k8s-pod, k8s-lws"),
        (
            "-f dotenv --unset",
            "takes no --unset; expected one of shell, bash, fish, powershell, csh",
        ),
        ("-f args --prefix-comment", "the format args takes no --prefix-comment"),
        ("-f sglang-config --diff-only", "takes no --diff-only"),
        ("--model m", "the format shell takes no --model"),
        ("-f k8s-pod --nodes 2 --image i", "mine isn't known for 2 nodes; expected one of 1"),
        ("-f k8s-pod", "k8s-pod needs the image of the container; expected --image IMAGE"),
        ("-f k8s-pod --image i --name A", "k8s-pod can't be named 'A'"),
        ("-f args --port 0", "0 is not in the range 1<=x<=65535"),
        ("-f docker-env", "HF_TOKEN has a newline at byte 3, which Docker's --env-file can't hold"),
    ],
)
def test_refusals(run: Run, mine: str, words: str, message: str) -> None:
    result = run("export", mine, *words.split(), "-o", "out")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "hunter2" not in result.err
    assert not Path("out").exists()


def test_model_host_and_port_are_given_once(run: Run, mine: str) -> None:
    words = json.loads(run("export", mine, "-f", "args-json").out)
    assert words[-2:] == ["--host", "::1"]
    given = ["--model", "org/M", "--host", "a", "--port", "8000"]
    words = json.loads(run("export", mine, "-f", "args-json", *given).out)
    assert words[:2] == ["--model-path", "org/M"]
    assert words[-4:] == ["--host", "a", "--port", "8000"]
    assert words.count("--host") == 1


def test_a_format_that_starts_a_server_has_the_model_of_the_profile(run: Run, mine: str) -> None:
    out = run("export", mine, "-f", "run-sh", "--prefix-comment").out
    assert "    --model-path deepseek-ai/DeepSeek-V4-Flash \\\n" in out
    line = next(x for x in out.splitlines() if x.startswith("# --model-path: flash-fp4 ("))
    assert "flash-fp4.toml:" in line
    assert "--model-path" not in run("export", mine, "-f", "args").out
    assert "::1" in run("export", mine, "-f", "compose", "--image", "i").out  # its own host stays


def test_nodes_are_those_of_the_target_and_say_which_is_meant(run: Run) -> None:
    lws = run("export", "pro-fp8@h200", "-f", "k8s-lws", "--image", "i")
    assert lws.err == ""
    assert "  size: 2\n" in lws.out
    assert lws == run("export", "pro-fp8@h200", "-f", "k8s-lws", "--image", "i", "--nodes", "2")
    plain = run("export", "pro-fp8", "--nodes", "2", "-f", "args")
    assert plain.out == run("export", "pro-fp8@h200", "-f", "args").out
    assert plain.err == (
        "dsv4-env: note: pro-fp8 runs on 2 nodes; each needs --nnodes 2, --node-rank and "
        "--dist-init-addr besides (the formats slurm and k8s-lws give them)\n"
    )
    three = run("export", "pro-fp4", "-f", "slurm", "--nodes", "3")
    assert "#SBATCH --nodes=3\n" in three.out
    assert three.err == (
        "dsv4-env: note: pro-fp4 isn't known for 3 nodes; these are its settings for 1\n"
    )
    assert "isn't known for 3 nodes" in run("export", "pro-fp4", "--nodes", "3").err


@pytest.mark.parametrize("command", ["export pro-fp4", "show pro-fp4", "get pro-fp4 --tp"])
def test_what_another_release_stands_for_is_told(run: Run, command: str) -> None:
    words = command.split()
    assert run(*words).err == ""
    assert run(*words, "--sglang", "0.5.16").err == ""
    told = run(*words, "--sglang", "9.9").err
    assert told.startswith("dsv4-env: note: SGLang 9.9 isn't known yet; read as 0.5.")
    assert "of a checkout no settings are known" in run(*words, "--sglang", "tree").err
    assert run(*words, "--sglang", "0.5.12").err == (
        "dsv4-env: note: pro-fp4 is for SGLang >=0.5.13, and these are its settings for 0.5.12\n"
    )


def test_what_it_is_resolved_for_is_shown(run: Run) -> None:
    shown = run("show", "pro-fp8@h200", "--sglang", "0.5.16", "--json")
    told = {"sglang": "0.5.16", "hardware": "h200", "strategy": "low-latency", "nodes": 2}
    assert json.loads(shown.out)["target"] == told
    assert run("get", "pro-fp8@h200", "target.nodes").out == "2\n"
    assert run("get", "pro-fp4", "hardware").err == (
        "dsv4-env: error: hardware of pro-fp4 is a table; expected one of hardware.accelerator, "
        "hardware.count, hardware.rocm\n"
    )


def test_gpus_are_those_of_the_profile(run: Run, tmp_path: Path) -> None:
    out = run("export", "flash-fp4", "-f", "k8s-pod", "--image", "i").out
    assert '"amd.com/gpu": "8"' in out
    text = 'extends = ["flash-fp4"]\n[hardware]\naccelerator = "H200"\ncount = 4\n'
    (tmp_path / "other.toml").write_text(text)
    out = run("export", str(tmp_path / "other.toml"), "-f", "k8s-pod", "--image", "i").out
    assert '"nvidia.com/gpu": "4"' in out


def test_diff_only(run: Run, mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env = load_profile("mine", ".").env
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert run("export", mine, "--diff-only").out == ""
    monkeypatch.setenv("X", "2")
    monkeypatch.delenv("HF_TOKEN")
    out = run("export", mine, "--diff-only").out
    assert out == "export HF_TOKEN='50%\nhunter2'\nexport X='1'\n"
    for name in env:
        if name != "X":
            monkeypatch.delenv(name, raising=False)
    assert run("export", mine, "--diff-only", "--unset").out == "unset X\n"


def test_comments_name_the_profile_the_version_and_each_place(run: Run, mine: str) -> None:
    lines = run("export", mine, "--prefix-comment").out.splitlines()
    assert lines[0] == f"# mine, exported by dsv4-env {__version__}"
    assert lines[lines.index("export X='1'") - 1] == "# mine (mine.toml:4)"


def test_secrets_are_masked_in_a_job(run: Run, mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert run("export", mine, "-f", "github-env").err == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = run("export", mine, "-f", "github-env", "-o", "out")
    assert result.err == "::add-mask::50%25%0Ahunter2\n"
    assert "50%\nhunter2\n" in Path("out").read_text()
    first = Path("out").read_text().splitlines()[0]
    run("export", mine, "-f", "github-env", "-o", "out")
    assert first != Path("out").read_text().splitlines()[0]  # another delimiter each time


HOSTILE = "a\nexport EVIL=1 #\\' ! `id` $(id) */ \r\u2028\u202e"


@pytest.mark.parametrize(
    "format_", [n for n, e in EXPORTERS.items() if "prefix_comment" in e.options]
)
def test_a_comment_stays_one(format_: str) -> None:
    """Whatever a layer, a file or a flag is called: as many lines as with a plain name."""
    options = ExportOptions(model="m", image="i", prefix_comment=True, name="t")

    def lines(name: str) -> list[str]:
        origin = Origin(name, Location(name, 1))
        env = (EnvVar("V1", "x", origin),)
        args = (ServerArg("--a", ("1",), origin),)
        return EXPORTERS[format_](LaunchConfig(name, "test", env, args), options).split("\n")

    plain, broken = lines("a"), lines(HOSTILE)
    assert len(plain) == len(broken)
    assert all(line.isprintable() for line in broken)
    same = [i for i, line in enumerate(plain) if not line.strip().startswith(("#", ":"))]
    assert [plain[i] for i in same] == [broken[i] for i in same]


def test_what_is_not_certain_is_refused() -> None:
    origin = Origin("test", Location("run.sh", 3))
    unknown = Unknown("$(id)", "the output of a command")
    launches = [
        LaunchConfig("t", "test", (EnvVar("V1", unknown, origin),), ()),
        LaunchConfig("t", "test", (EnvVar("V1", "x", origin, condition=when("A is set")),), ()),
        LaunchConfig("t", "test", (), (ServerArg("--a", (unknown,), origin),)),
        LaunchConfig("t", "test", (), (ServerArg("--a", ("1",), origin, condition=when("A")),)),
    ]
    for launch in launches:
        with pytest.raises(ExportError, match=r"^run.sh:3: "):
            EXPORTERS["json"](launch)


def test_nodes_replace_what_the_launch_says_of_them() -> None:
    origin = Origin("test")
    own = ServerArg("--nnodes", ("9",), origin), ServerArg("--node-rank", ("3",), origin)
    launch = LaunchConfig("t", "test", (), own)
    text = EXPORTERS["k8s-lws"](launch, ExportOptions(model="m", image="i", nodes=2))
    assert '"9"' not in text
    text = EXPORTERS["k8s-lws"](launch, ExportOptions(model="m", image="i"))
    assert '"9"' in text


def test_the_image_of_a_profile(run: Run, tmp_path: Path) -> None:
    layer = 'extends = ["flash-fp4"]\n[image]\nname = "example/own:1"\n[image.env]\nOWN = "1"\n'
    path = tmp_path / "imaged.toml"
    path.write_text(layer)
    for name in ("compose", "k8s-pod", "k8s-lws"):
        out = run("export", str(path), "-f", name).out
        assert "example/own:1" in out
        assert "OWN" not in out  # the image sets it
        given = run("export", str(path), "-f", name, "--image", "other:2").out
        assert "other:2" in given
        assert "example/own:1" not in given
    assert run("export", str(path), "-f", "json").code == 0
