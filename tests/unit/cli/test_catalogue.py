"""``catalogue``, ``lint`` and ``rule``; and releases for ``diff`` and ``check``."""

from __future__ import annotations

import json
import os
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.catalogue import releases, store
from dsv4_env.compare.rules import RULES
from dsv4_env.lint import LINT_RULES
from dsv4_env.profile import reference_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

    Run = Callable[..., Result]

LAUNCH = "python3 -m sglang.launch_server"


def test_releases(run: Run) -> None:
    lines = run("catalogue", "releases").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(releases())
    for line in lines[1:]:
        release, *_, count = line.split()
        listed = run("catalogue", "unresolved", release).out.splitlines()
        assert len(listed) == int(count)
    assert run("catalogue", "unresolved").out == run("catalogue", "unresolved", "0.5.23").out
    assert "variable env_var in srt/managers/scheduler.py: its name is computed" in listed


def test_show_over_the_releases(run: Run) -> None:
    out = run("catalogue", "show", "SGLANG_HACK_FLASHMLA_BACKEND").out
    assert "SGLang 0.5.11 to 0.5.12.post1\n  doesn't know it" in out
    assert 'SGLang 0.5.16 to 0.5.21\n  type      str\n  default   "tilelang"' in out
    assert "set by SGLang  tilelang where " in out
    assert '  default   "auto"' in out
    old = run("catalogue", "show", "SGLANG_ENABLE_THINKING").out
    assert "SGLANG_DEFAULT_THINKING; where both are set, the old one wins" in old
    assert "SGLANG_DEFAULT_THINKING took its place" in old
    flag = run("catalogue", "show", "--tp", "--sglang", "0.5.23").out
    assert "short for  --tp-size" in flag
    assert "--tp-size, --tensor-parallel-size" in flag
    shown = " ".join(run("catalogue", "show", "--attention-backend").out.split())
    assert "old value compressed → dsv4" in shown
    gone = run("catalogue", "show", "SGLANG_OPT_USE_FUSED_COMPRESS").out
    assert "SGLang 0.5.18 to 0.5.23\n  doesn't know it" in gone
    assert "default" in run("catalogue", "show", "SGLANG_USE_ROCM700A").out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["show", "SGLANG_USE_AITERS"], "Did you mean SGLANG_USE_AITER?"),
        (["show", "SGLANG_FORCE_TRITON_MOE_FP8"], "no known release of SGLang knows SGLANG_FORCE"),
        (["show", "--page", "--sglang", "0.5.10"], "Did you mean 0.5.11?"),
        (["show", "--page", "--sglang", "lmsysorg/sglang:dev"], "expected a tag with a release"),
        (["build", "--sglang", "0.5.14", "--from", "/"], "catalogue of 0.5.14?"),
        (["build", "--sglang", "banana"], "'banana' is no release"),
        (["unresolved", "nightly-dev-20260101"], "is older than SGLang 0.5.11"),
        (["show", "--tp", "--sglang", "0.4.1"], "Did you mean 0.5.11?"),
        (["diff", "0.5.13", "banana"], "no catalogue of SGLang 'banana'"),
        (["build", "--sglang", "0.5.13", "--from", "/nowhere"], "/nowhere"),
    ],
)
def test_wrong(run: Run, argv: list[str], says: str) -> None:
    result = run("catalogue", *argv)
    assert (result.code, result.out) == (2, "")
    assert says in result.err


def test_variables_of_others_are_known_by_their_owners(run: Run) -> None:
    for name, whose in (("VLLM_NO_SUCH", "vLLM"), ("GPU_MAX_HW_QUEUES", "HIP")):
        result = run("catalogue", "show", name)
        assert result.code == 0
        assert result.out.startswith(f"{name}: a variable of {whose}, by its name; no known")
    one = run("catalogue", "show", "AITER_NO_SUCH", "--sglang", "0.5.13").out
    assert one.endswith("SGLang 0.5.13 doesn't read it\n")


def test_a_name_that_came_back_has_a_gap(run: Run) -> None:
    from dsv4_env.catalogue.describe import span

    assert span(["0.5.13", "0.5.13.post1", "0.5.18", "0.5.22", "0.5.23"]) == (
        "0.5.13 to 0.5.13.post1, 0.5.18, 0.5.22 to 0.5.23"
    )


def test_build_from_a_checkout_without_a_release(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "python" / "sglang" / "srt"
    folder.mkdir(parents=True)
    (folder / "environ.py").write_text("class Envs:\n    SGLANG_NEW = EnvBool(False)\n")
    (folder / "server_args.py").write_text(
        "class ServerArgs:\n    def add_cli_args(parser):\n"
        "        parser.add_argument('--tp-size', type=int, default=1)\n"
    )
    result = run("catalogue", "build", "--sglang", "0.9.0", "--from", str(tmp_path))
    assert result.code == 0
    assert "V SGLANG_NEW " in result.out
    older = run("catalogue", "build", "--sglang", "0.5.10", "--from", str(tmp_path))
    assert older.code == 2


def test_build_from_what_is_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nothing)
    result = run("catalogue", "build", "--sglang", "0.5.23", "--from", "installed")
    assert result.code == 2
    assert "SGLang isn't installed in this environment" in result.err


def test_what_cant_be_downloaded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    failed = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    result = run("catalogue", "build", "--sglang", "0.5.99")
    assert result.code == 2
    assert "No matching distribution found" in result.err
    assert "Did you mean the shipped catalogue of 0.5.23?" in result.err


def test_a_newer_release_falls_back_with_a_note(run: Run) -> None:
    result = run("catalogue", "show", "--tp-size", "--sglang", "0.9.0")
    assert result.code == 0
    assert "SGLang 0.5.23" in result.out
    assert "0.9.0 isn't known yet; read as 0.5.23" in result.err


def test_diff(run: Run) -> None:
    lines = run("catalogue", "diff", "0.5.13", "0.5.23").out.splitlines()
    assert "- SGLANG_OPT_USE_FUSED_COMPRESS" in lines
    assert "- SGLANG_ENABLE_THINKING  use SGLANG_DEFAULT_THINKING" in lines
    assert '~ --swa-full-tokens-ratio  default: "0.8" → none' in lines
    data = json.loads(run("catalogue", "diff", "0.5.13", "0.5.23", "--json").out)
    assert {"section", "kind", "name", "before", "after"} == set(data[0])
    assert run("catalogue", "diff", "0.5.13", "0.5.13").out == ""


def test_search(run: Run) -> None:
    found = dict(
        line.split(maxsplit=1) for line in run("catalogue", "search", "thinking").out.splitlines()
    )
    assert found["SGLANG_ENABLE_THINKING"] == "0.5.12 to 0.5.20"
    assert found["SGLANG_DEFAULT_THINKING"] == "0.5.12 to 0.5.23"
    one = run("catalogue", "search", "--page-size", "--sglang", "0.5.13").out
    assert one.startswith("--page-size  ")
    assert run("catalogue", "search", "nosuchthing").code == 1


@pytest.mark.parametrize("release", releases())
def test_build_gives_what_ships(run: Run, release: str, tmp_path: Path) -> None:
    wheels = os.environ.get("DSV4_WHEELS")
    if not wheels:
        pytest.skip("set DSV4_WHEELS to a folder of wheels")
    (wheel,) = Path(wheels).glob(f"sglang-{release}-*.whl")
    target = tmp_path / "snapshot.txt"
    argv = ["--sglang", release, "--from", str(wheel), "-o", str(target)]
    assert run("catalogue", "build", *argv).code == 0
    shipped = Path(reference_script().parent.parent / f"dsv4_env/catalogue/data/{release}.txt")
    assert target.read_bytes() == shipped.read_bytes()


def test_build_of_all_gives_what_ships(run: Run, tmp_path: Path) -> None:
    wheels = os.environ.get("DSV4_WHEELS")
    if not wheels:
        pytest.skip("set DSV4_WHEELS to a folder of wheels")
    assert run("catalogue", "build", "--all", "--from", wheels, "-o", str(tmp_path)).code == 0
    shipped = Path(store.__file__).parent / "data"
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in shipped.iterdir()}
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (shipped / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "no --sglang; expected --sglang RELEASE once, or --all"),
        (["--sglang", "0.5.22", "--sglang", "0.5.23"], "expected --sglang RELEASE once, or --all"),
        (["--all"], "--all: no --output; expected --output FOLDER"),
        (["--all", "-o", "none"], "--all: --output none: is no folder; expected --output FOLDER"),
        (["--all", "-o", ".", "--from", "none"], "expected a folder of wheels with --all"),
        (["--all", "-o", ".", "--from", "."], "there is no wheel of SGLang 0.5.11"),
        (["--all", "-o", ".", "--sglang", "banana"], "'banana' is no release"),
        (["--sglang", "0.5.23", "-o", "."], "--output .: is a folder; expected a file, or --all"),
    ],
)
def test_build_of_what_cant_be(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("catalogue", "build", *argv)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert [*tmp_path.iterdir()] == []


def test_lint(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "s.sh"
    script.write_text(f"export SGLANG_USE_AITERS=1\n{LAUNCH} --model-path M\n{LAUNCH} --no-such\n")
    result = run("lint", str(script), "--sglang", "0.5.16")
    assert result.code == 1
    assert f"{script}:1:8: warning: " in result.out
    assert "[DSV101]" in result.out
    assert f"{script}#2 on SGLang 0.5.16: problems" in result.out
    assert run("lint", str(script), "--exit-zero").code == 0
    assert run("lint", f"{script}#1", "--ignore", "unknown-variable").code == 0
    assert run("lint", f"{script}:2", "--select", "DSV108").code == 0
    assert run("lint", f"{script}:3", "--select", "DSV108").code == 1
    data = json.loads(run("lint", f"{script}#2", "-f", "json").out)
    assert {f["id"] for f in data["comparisons"][0]["findings"]} == {"DSV101", "DSV108"}
    assert run("lint", str(script), "--select", "nothing").code == 2
    assert run("lint", str(tmp_path / "no.sh")).code == 2


FILES = {
    "test_a.py": (
        """
        env = {"SGLANG_USE_AITERS": "1", "HF_TOKEN": "hf_abcdef"}
        popen_launch_server("M", URL, 9, other_args=["--no-such"], env=env)
        """,
        {"DSV101", "DSV108", "DSV115"},
    ),
    ".github/workflows/a.yml": (
        f"""
        on: push
        env: {{SGLANG_USE_AITERS: 1}}
        jobs:
          a:
            runs-on: x
            steps:
              - run: {LAUNCH} --no-such
        """,
        {"DSV101", "DSV108"},
    ),
    "compose.yml": (
        f"""
        services:
          a:
            image: x
            environment: {{SGLANG_USE_AITERS: 1, HF_TOKEN: hf_abcdef}}
            command: {LAUNCH} --no-such
        """,
        {"DSV101", "DSV108", "DSV115"},
    ),
    "pod.yaml": (
        f"""
        apiVersion: v1
        kind: Pod
        metadata: {{name: a}}
        spec:
          containers:
          - name: a
            env: [{{name: SGLANG_USE_AITERS, value: "1"}}]
            command: ["sh", "-c", "{LAUNCH} --no-such"]
        """,
        {"DSV101", "DSV108"},
    ),
    "Dockerfile": (
        f"""
        FROM x
        ENV SGLANG_USE_AITERS=1 HF_TOKEN=hf_abcdef
        CMD {LAUNCH} --no-such
        """,
        {"DSV101", "DSV108", "DSV115"},
    ),
    "amd.env": ("SGLANG_USE_AITERS=1\nHF_TOKEN=hf_abcdef\n", {"DSV101", "DSV115"}),
    "others.env": ("A=1\nHF_TOKEN=hf_abcdef\n", {"DSV115"}),
    "run": (f"export SGLANG_USE_AITERS=1\n{LAUNCH} $X\n", {"DSV101", "DSV116"}),
}


@pytest.mark.parametrize("name", FILES)
def test_lint_of_every_kind_of_file(
    run: Run, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, rules = FILES[name]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip())
    result = run("lint", str(path), "--sglang", "0.5.16", "-f", "json")
    assert result.code == 1, result.err
    assert {f["id"] for f in json.loads(result.out)["comparisons"][0]["findings"]} == rules
    monkeypatch.chdir(path.parent)  # a workflow is known by its folder, also from within
    assert run("lint", path.name, "--sglang", "0.5.16").code == 1
    assert "hf_abcdef" not in run("lint", path.name).out


def test_inputs_reach_the_readers_that_take_them(run: Run, tmp_path: Path) -> None:
    compose = tmp_path / "compose.yml"
    compose.write_text(
        f"services: {{a: {{image: x, command: '{LAUNCH} --page-size ${{SIZE}}'}}}}\n# sglang\n"
    )
    assert "DSV112" in run("lint", str(compose), "--set", "SIZE=many").out
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM x\nCMD {LAUNCH}\n")
    result = run("lint", str(dockerfile), "--set", "SIZE=many")
    assert result.code == 0
    assert "Dockerfile: --set and --env-file don't reach it" in result.err


def test_a_file_that_cant_be_read_doesnt_keep_the_others_from_it(run: Run, tmp_path: Path) -> None:
    good, bad, yaml = tmp_path / "good.sh", tmp_path / "bad.py", tmp_path / "a.yml"
    good.write_text(f"{LAUNCH} --no-such\n")
    bad.write_text("def (\n")
    yaml.write_text("a: 1\n")
    result = run("lint", str(bad), str(good), "no-profile", str(yaml), "--exit-zero")
    assert result.code == 2
    assert "[DSV108]" in result.out
    errors = result.err.splitlines()
    assert [e.startswith("dsv4-env: error: ") for e in errors] == [True, True, True]
    assert f"{bad}:1:" in errors[0]
    assert "unknown profile 'no-profile'" in errors[1]
    assert "expected a GitHub workflow, a Compose file, a Kubernetes manifest, " in errors[2]
    none = run("lint", str(tmp_path / "none.sh")).err
    assert (
        "none.sh: can't be read: no such file or directory; expected a file that is there" in none
    )
    reading, writing = os.pipe()
    os.write(writing, good.read_bytes())
    os.close(writing)
    assert "[DSV108]" in run("lint", f"/dev/fd/{reading}").out  # as `lint <(…)` has it
    os.close(reading)
    alone = run("lint", str(bad), str(yaml))
    assert (alone.code, alone.out) == (2, "")
    assert len(alone.err.splitlines()) == 2


def test_layers_of_variables_arent_set_twice(run: Run, tmp_path: Path) -> None:
    test = tmp_path / "test_a.py"
    test.write_text(
        'A = {"SGLANG_USE_AITER": "0"}\nB = {**A, "SGLANG_USE_AITER": "1"}\n'
        'popen_launch_server("M", "u", 9, other_args=[], env=B)\n'
    )
    assert "DSV113" not in run("lint", str(test)).out
    env = tmp_path / "a.env"
    env.write_text("SGLANG_USE_AITER=0\nSGLANG_USE_AITER=1\n")
    assert "DSV113" in run("lint", str(env)).out


def test_lint_of_profiles(run: Run, tmp_path: Path) -> None:
    assert "pro-fp4 on SGLang 0.5.23" in run("lint").out  # the newest that it is meant for
    assert "[DSV118]" in run("lint", "pro-fp4", "--sglang", "0.5.12").out
    layer = tmp_path / "mine.toml"
    layer.write_text('[env]\nSGLANG_USE_AITERS = "1"\n')
    told = run("lint", str(layer)).out
    assert f"{layer}:2:1: warning: " in told
    assert "[DSV101]" in told


def test_rule(run: Run) -> None:
    lines = run("rule").out.splitlines()
    assert [line.split()[0] for line in lines] == [*RULES, *LINT_RULES]
    assert run("rule", "DSV102").out == run("rule", "removed-variable").out
    assert run("rule", "DSV102").out.startswith("## DSV102 removed-variable\n")
    assert run("rule", "dsv001").out.startswith("## DSV001 missing\n")
    assert run("rule", "DSV999").code == 2


def test_the_release_of_check(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "run.sh"
    text = reference_script().read_text()
    script.write_text(text.replace("SGLANG_DEFAULT_THINKING", "SGLANG_ENABLE_THINKING"))
    here = run("check", "--against", str(script), "--sglang", "0.5.17")
    assert "[DSV008]" in here.out
    assert re.search(r"run\.sh:\d+:8: warning: .*SGLANG_DEFAULT_THINKING", here.out)
    assert "read as SGLang 0.5.17 reads it" in here.out
    later = run("check", "--against", str(script))
    assert "read as SGLang 0.5.23 reads it" in later.out
    assert re.search(r"run\.sh:\d+:8: error: .*SGLANG_DEFAULT_THINKING", later.out)
    monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.13")
    assert "read as SGLang 0.5.13 reads it" in run("check").out
    assert "read as SGLang" not in run("check", "--exact").out
    assert run("check", "--sglang", "0.5.10").code == 2


@pytest.mark.parametrize(
    ("given", "release", "note"),
    [
        ("lmsysorg/sglang:v0.5.13.post1-rocm700-mi35x", "0.5.13.post1", ""),
        ("rocm/sgl-dev:v0.5.14-rocm700-mi35x-20260630", "0.5.14", ""),
        ("nightly-dev-20260701-1a2b3c4d", "0.5.14", "is a nightly image; read as 0.5.14"),
        ("0.5.14.post1", "0.5.14", "isn't known; read as 0.5.14, the one before it"),
    ],
)
def test_an_image_stands_for_a_release_wherever_one_is_given(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    release: str,
    note: str,
) -> None:
    script = tmp_path / "run.sh"
    script.write_text(f"{LAUNCH} --page-size 256\n")
    seen = [
        run("check", "--sglang", given),
        run("lint", "pro-fp4", "--sglang", given),
        run("catalogue", "show", "--tp-size", "--sglang", given),
        run("upgrade", "pro-fp4", "--from", "0.5.13", "--to", given),
        run("discover", str(tmp_path), "--sglang", given),
    ]
    monkeypatch.setenv("DSV4_ENV_SGLANG", given)
    seen.append(run("check"))
    monkeypatch.delenv("DSV4_ENV_SGLANG")
    monkeypatch.chdir(tmp_path)
    pair = f'[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "*.sh"\nsglang = "{given}"\n'
    (tmp_path / "pyproject.toml").write_text(pair)
    seen.append(run("check"))
    (tmp_path / "pyproject.toml").write_text(f'[tool.dsv4_env]\nsglang = "{given}"\n')
    seen.append(run("lint", "run.sh"))
    for number, result in enumerate(seen):
        assert result.code in (0, 1), (number, result.err)
        assert number == 4 or f"SGLang {release}" in result.out, number
        assert note in result.err, number
        assert bool(note) == bool(result.err), number


def test_diff_of_what_means_the_same(run: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one.sh", tmp_path / "two.sh"
    one.write_text(f"export SGLANG_USE_AITER=1\n{LAUNCH} --tp 8\n")
    two.write_text(f"export SGLANG_USE_AITER=true\n{LAUNCH} --tp-size=8\n")
    result = run("diff", str(one), str(two))
    assert result.code == 0
    assert "2 settings are spelled differently and mean the same" in result.out
    assert "read as SGLang 0.5.23 reads it" in result.out
    shown = run("diff", str(one), str(two), "--show-equivalent")
    assert shown.code == 0
    assert "= SGLANG_USE_AITER" in shown.out
    assert run("diff", str(one), str(two), "--exact").code == 1
