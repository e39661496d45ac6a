"""The commands: output, exit codes, messages."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile
from dsv4_env.cli import output, progress
from dsv4_env.profile import known_overlays, layer_files, profile_names, reference_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

    Run = Callable[..., Result]

LAUNCH = "python3 -m sglang.launch_server"


def test_list(run: Run) -> None:
    result = run("list")
    assert result.code == 0
    profiles, overlays, strategies = result.out.split("\n\n")
    assert [line.split()[0] for line in profiles.splitlines()] == profile_names()
    title, *rows = overlays.splitlines()
    assert title == "Overlays (NAME+OVERLAY)"
    assert [line.split()[0] for line in rows] == sorted(known_overlays())
    assert strategies.startswith("Strategies (--strategy): ci, low-latency, ")
    items = json.loads(run("list", "--json").out)
    assert [item["name"] for item in items] == profile_names()
    assert items[0]["ci"]["estimated-seconds"] == 7200


@pytest.mark.usefixtures("may")
def test_show_is_aligned_and_says_origins(run: Run) -> None:
    lines = run("show", "pro-fp8", "--origin").out.splitlines()
    rows = [line for line in lines if line.startswith("  SGLANG_")]
    assert len(rows) == 19
    assert len({line.index("common (") for line in rows if "common (" in line}) == 1
    assert any("fp8 (" in line and "fp8.toml:11:1; " in line for line in rows)
    plain = run("show", "pro-fp8").out
    assert ".toml" not in plain
    assert "\x1b[" not in plain


def test_show_masks_secrets(run: Run, tmp_path: Path) -> None:
    text = 'extends = ["pro-fp4"]\n[env]\nHF_TOKEN = "hunter2"\n[args]\n--api-key = "hunter3"\n'
    (tmp_path / "mine.toml").write_text(text)
    (tmp_path / "more.toml").write_text('extends = ["mine"]\n[env]\nHF_TOKEN = "hunter4"\n')
    out = run("show", "more", "--origin", "--profiles", str(tmp_path)).out
    assert "hunter" not in out
    assert "HF_TOKEN" in out
    assert ["--swa-full-tokens-ratio", "0.1"] in [line.split()[:2] for line in out.splitlines()]
    assert "hunter4" in run("export", "more", "--profiles", str(tmp_path)).out


@pytest.mark.parametrize("format_", ["python", "json", "toml", "args"])
def test_exports_hold_what_the_profile_holds(run: Run, format_: str) -> None:
    profile = load_profile("flash-fp4")
    out = run("export", "flash-fp4", "--format", format_).out
    if format_ == "python":
        names: dict[str, object] = {}
        exec(out, names)
        assert names["ENV_VARS"] == profile.env
        assert names["OTHER_ARGS"] == profile.server_args
    elif format_ == "json":
        assert json.loads(out) == {"env": profile.env, "args": profile.server_args}
    elif format_ == "toml":
        env = tomllib.loads(out)["env"]
        assert env.pop("SGLANG_HACK_FLASHMLA_BACKEND") == {"default": "unified_kv_triton"}
        assert {**env, "SGLANG_HACK_FLASHMLA_BACKEND": "unified_kv_triton"} == profile.env
    else:
        assert out.split() == profile.server_args


def test_exported_toml_is_a_profile(run: Run, tmp_path: Path) -> None:
    assert run("export", "pro-fp8", "-f", "toml", "-o", str(tmp_path / "copy.toml")).code == 0
    copy, original = load_profile("copy", tmp_path), load_profile("pro-fp8")
    assert (copy.env, copy.server_args) == (original.env, original.server_args)


def test_export_writes_nothing_when_it_fails(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "env.sh"
    target.write_text("old")
    assert run("export", "nope", "-o", str(target)).code == 2
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["env.sh"]
    assert run("export", "pro-fp4", "-o", str(tmp_path / "no" / "env.sh")).code == 2


@pytest.mark.parametrize(
    ("argv", "printed"),
    [
        (["export", "nope"], "false\n"),
        (["export", "nope", "--format", "shell"], "false\n"),
        (["export", "pro-fp4", "--frmat", "shell"], "false\n"),
        (["export"], "false\n"),
        (["export", "nope", "-f", "nope"], "false\n"),
        (["exprot", "pro-fp4"], "false\n"),
        (["export", "nope", "-o", "env.sh"], ""),
        (["export", "nope", "-oenv.sh"], ""),
        (["export", "nope", "-fargs"], "--dsv4-env-export-failed )\n"),
        (["export", "nope", "--format=args"], "--dsv4-env-export-failed )\n"),
        (["export", "nope", "-f", "docker-run"], "--dsv4-env-export-failed )\n"),
        (["export", "nope", "-f", "bash"], "ARGS=(--dsv4-env-export-failed); false\n"),
        (["export", "nope", "-f", "fish"], "false\n"),
        (["export", "nope", "-fcsh"], "false\n"),
        (["export", "nope", "-f", "run-sh"], "false\n"),
        (["export", "nope", "-f", "powershell"], "throw 'dsv4-env: the export failed'\n"),
        (["export", "nope", "-f", "json"], ""),
        (["export", "nope", "--format=python"], ""),
        (["show", "nope"], ""),
        (["show", "export"], ""),
        (["xyzzy"], ""),
    ],
)
def test_a_failing_shell_export_prints_false(run: Run, argv: list[str], printed: str) -> None:
    result = run(*argv)
    assert (result.code, result.out) == (2, printed)
    assert result.err.startswith("dsv4-env: error: ")


def test_a_link_is_followed_and_a_pipe_stays_one(run: Run, tmp_path: Path) -> None:
    target, link, pipe = (tmp_path / name for name in ("target", "link", "pipe"))
    target.write_text("old")
    link.symlink_to("target")
    assert run("export", "pro-fp4", "-f", "args", "-o", str(link)).code == 0
    assert link.is_symlink()
    assert target.read_text() == run("export", "pro-fp4", "-f", "args").out
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("export", "pro-fp4", "-f", "args", "-o", str(pipe)).code == 0
    assert os.read(reader, 4096).decode() == target.read_text()
    os.close(reader)
    assert pipe.is_fifo()
    assert run("export", "pro-fp4", "-f", "args", "-o", "-").out == target.read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("show pro-fp4 >&-", 2, "dsv4-env: error: standard output is closed"),
        ("check --against - <&-", 2, "dsv4-env: error: standard input is closed"),
        ("export pro-fp4 >/dev/full", 2, "dsv4-env: error: no space left on device"),
        ("export nope >/dev/full", 2, "dsv4-env: error: unknown profile 'nope'"),
        ("--help >&-", 0, ""),
    ],
)
def test_streams_that_are_closed_or_full(words: str, code: int, message: str) -> None:
    command = f"{sys.executable} -m dsv4_env {words}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == code
    assert done.stderr.decode().startswith(message)
    assert done.stderr.count(b"\n") == bool(message)


def test_the_file_of_a_profile_stands_for_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = ["pro-fp4"]\n[env]\nX = "1"\n')
    assert run("show", str(file)).out.startswith("mine\n")
    assert run("export", str(file)).out.endswith("export X='1'\n")
    result = run("diff", "pro-fp4", str(file), "--exact")
    assert (result.code, result.out.splitlines()[1:3]) == (1, ["+++ mine", f'+ X  "1"  {file}:3:1'])
    wrong = run("export", str(tmp_path / "run.sh"))
    assert (wrong.code, wrong.out) == (2, "false\n")
    assert "run.sh is no profile; expected the name of one, or NAME.toml" in wrong.err


def test_settings_hold_beside_a_table_that_looks_like_theirs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a project that has a plugin of that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project.scripts]\ndsv4_env = "a:b"\n')
    monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.13")
    assert "SGLANG_USE_AITER='1'" in run("export", "pro-fp4").out


def test_json_of_a_profile(run: Run) -> None:
    item = json.loads(run("show", "pro-fp8", "--json").out)
    listed = {p["name"]: p for p in json.loads(run("list", "--json").out)}
    targets = listed["pro-fp8"].pop("targets")
    assert targets[0] == {
        "profile": "pro-fp8@mi355x", "strategy": "ci", "nodes": 1, "role": None, "verified": True,
    }  # fmt: skip
    assert {k: v for k, v in item.items() if k not in ("env", "args")} == listed["pro-fp8"]
    values = {e["name"]: e["value"] for e in item["env"]}
    assert values["SGLANG_HACK_FLASHMLA_BACKEND"]["default"] == "unified_kv_triton"
    values["SGLANG_HACK_FLASHMLA_BACKEND"] = "unified_kv_triton"
    assert values == load_profile("pro-fp8").env
    item = json.loads(run("show", "pro-fp8", "--json", "--origin").out)
    (origin,) = item["env"][-1]["origin"]
    assert (origin["name"], origin["value"]) == ("fp8", "false")
    assert origin["location"].endswith("fp8.toml:11:1")


def test_show_tells_one_value_from_two(run: Run, tmp_path: Path) -> None:
    text = '[args]\n--one = "a b"\n--two = ["a", "b"]\n--empty = ""\n--none = true\n'
    (tmp_path / "mine.toml").write_text(text)
    lines = run("show", "mine", "--profiles", str(tmp_path)).out.splitlines()[-7:-3]
    assert [" ".join(line.split()) for line in lines] == [
        "--one 'a b'",
        "--two a b",
        "--empty ''",
        "--none",
    ]


def test_bare_check_is_the_main_job(run: Run) -> None:
    result = run("check")
    assert result.code == 0
    assert "no drift (32 settings compared, 0 unknown)" in result.out
    assert "not compared: --host, --model-path, --port" in result.out


def test_the_reference_script_is_the_profile_with_its_model_path(run: Run) -> None:
    result = run("check", "pro-fp4", "--compare", "model-path")
    assert result.code == 0
    assert "33 settings" in result.out


@pytest.mark.usefixtures("may")
def test_check_finds_drift(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    text = reference_script().read_text()
    script.write_text(text.replace("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=on"))
    result = run("check", "--against", str(script))
    assert result.code == 1
    # How much of the sentence stands in the first line depends on how long the path is.
    assert f"{script}:18:8: error: " in result.out
    assert "[DSV003]" in result.out
    assert 'SGLANG_USE_AITER is "on";' in result.out
    assert 'pro-fp4 has "1"' in result.out
    assert run("check", "--against", str(script), "--exit-zero").code == 0
    assert run("check", "--against", str(script), "--ignore", "SGLANG_USE_*").code == 0


def test_a_flag_without_a_value_against_one_with(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[args]\n--a = true\n--b = "1"\n')
    script = tmp_path / "run.sh"
    script.write_text(f"{LAUNCH} --a 1 --b --c\n")
    out = run("diff", str(tmp_path / "mine.toml"), str(script), "--exact", "-f", "concise").out
    assert '--a is "1"; mine has it without a value: write that\n' in out
    assert '--b is set; mine has "1": write that\n' in out
    assert "--c is set; mine doesn't have it: remove it\n" in out


def test_check_of_several_profiles(run: Run) -> None:
    result = run("check", "pro-fp4", "pro-fp8")
    assert result.code == 1
    assert "pro-fp4 against" in result.out
    assert "SGLANG_DSV4_FP4_EXPERTS" in result.out


@pytest.mark.parametrize(("flag", "code"), [("--port", 1), ("port", 1), ("--host", 1), ("x", 2)])
def test_what_is_left_out_can_be_put_back(run: Run, flag: str, code: int) -> None:
    assert run("check", "--exact", "--compare", flag).code == code


def test_one_of_several_launches(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text(f"{LAUNCH} --a\n{LAUNCH} --b\n")
    result = run("diff", f"{script}#1", f"{script}:2")
    assert result.code == 1
    assert result.out.splitlines()[:2] == [f"--- {script}#1", f"+++ {script}#2"]
    assert "- --a" in result.out
    assert "+ --b" in result.out
    several = run("check", "--against", str(script))
    assert several.code == 2
    assert "2 launches; expected one of" in several.err


def test_diff_says_nothing_differs(run: Run) -> None:
    result = run("diff", "flash-fp4", "flash-fp4@mi355x")
    assert result.code == 0
    last = result.out.splitlines()[-1]
    assert last == "no differences in 19 settings and 5 facts compared, 0 unknown"


def test_diff_of_what_profiles_say_beside_their_settings(run: Run) -> None:
    result = run("diff", "flash-fp4", "pro-fp4")
    assert result.code == 1
    assert [line.split("  ")[0] for line in result.out.splitlines() if line[0] == "~"] == [
        "~ launch.timeout-seconds",
        "~ ci.suite",
        "~ ci.estimated-seconds",
        "~ quality.gsm8k-threshold",
    ]
    assert run("diff", "flash-fp4", "pro-fp4", "--ignore", "*.*").code == 0


@pytest.mark.usefixtures("may")
def test_diff_with_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in load_profile("pro-fp4").env.items():
        monkeypatch.setenv(name, value)
    assert run("diff", "pro-fp4", "env:").code == 0
    monkeypatch.setenv("SGLANG_USE_AITER", "0")
    result = run("diff", "pro-fp4", "env:", "--format", "json")
    assert result.code == 1
    (comparison,) = json.loads(result.out)["comparisons"]
    (finding,) = comparison["findings"]
    assert (finding["subject"], finding["left"], finding["right"]) == (
        "SGLANG_USE_AITER",
        '"1"',
        '"0"',
    )


def test_colour_only_where_asked(run: Run) -> None:
    assert "\x1b[" not in run("check").out
    assert "\x1b[" in run("check", "--color", "always").out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["chek"], "no such command 'chek'. Did you mean check?"),
        (["show", "flash-fp5"], "unknown profile 'flash-fp5'"),
        (["show", "common"], "'common' is a layer, not a profile; expected one of flash-fp4"),
        (["diff", "pro-fp4"], "missing argument 'B'"),
        (["completion"], "missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish\n"),
        (["rule", "DSV00"], "Did you mean DSV0"),
        (["rule", "Unknown-Variables"], "Did you mean unknown-variable?"),
        (["lint", "pro-fp4", "--select", "DSV10"], "Did you mean DSV1"),
        (["diff", "pro-fp4", "run"], "pro-nvfp4, pro-official-fp4, a file or env:"),
        (["check", "--against", "pro-fp4"], "pro-fp4 is a profile; expected a launch script"),
        (["diff", "pro-fp4", "./nope.sh"], "./nope.sh: can't be read: no such file or directory"),
        (["check", "--against", "."], ".: can't be read: is a directory"),
        (["list", "--profiles", "nope"], "nope: no such folder; expected a folder of *.toml"),
    ],
)
def test_errors(run: Run, argv: list[str], message: str) -> None:
    result = run(*argv)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def test_a_profile_and_a_file_of_one_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pro-fp4").write_text(f"{LAUNCH}\n")
    result = run("diff", "pro-fp4", "pro-fp4@mi355x")
    assert result.code == 0
    assert "note: pro-fp4 is the profile; ./pro-fp4 is the file" in result.err
    assert run("diff", "./pro-fp4", "flash-fp4").code == 1


def test_lock(run: Run, tmp_path: Path) -> None:
    assert run("lock", "--check").code == 0
    (tmp_path / "mine.toml").write_text('extends = ["pro-fp4"]\n')
    assert run("lock", "--check", "--profiles", str(tmp_path)).code == 1
    assert run("lock", "--profiles", str(tmp_path)).code == 0
    assert run("lock", "--check", "--profiles", str(tmp_path)).code == 0


def test_help_is_help(run: Run) -> None:
    for argv in ([], ["--help"]):
        result = run(*argv)
        text = result.out + result.err
        assert "check" in text
        assert "Examples:" in text
        assert "..." not in text.replace("[ARGS]...", "")  # no summary is cut off at 80 columns
    assert run("--version").out.startswith("dsv4-env, version ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show", "pro-fp4"], 0),
        (["export", "pro-fp4"], 0),
        (["check", "flash-fp8", "--against", str(reference_script())], 1),  # drift is no less so
    ],
)
def test_a_closed_pipe_is_no_error(words: list[str], code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "dsv4_env", *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert b"error" not in done.stderr
    assert done.returncode == code


@pytest.mark.usefixtures("may")
def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dsv4_env", "check", "--against", "-"],
        input=reference_script().read_bytes(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"<stdin>: no drift" in done.stdout


def test_a_launch_of_standard_input() -> None:
    text = f"{LAUNCH} --a\n{LAUNCH} --b\n".encode()
    results = [
        subprocess.run(
            [sys.executable, "-m", "dsv4_env", "check", "--against", operand],
            input=text,
            capture_output=True,
            check=False,
        )
        for operand in ("-", "-#2")
    ]
    assert b"expected one of -#1 (line 1), -#2 (line 2)" in results[0].stderr
    assert results[1].returncode == 1
    assert b"<stdin>:2:" in results[1].stdout


def test_manifests_on_standard_input() -> None:
    """What kubectl and docker print is read as what it is; each container is a launch."""
    cases = Path(__file__).parents[2] / "cases"
    pods = cases / "kubernetes" / "pods-json" / "input.json"
    containers = cases / "inspected" / "containers" / "input.json"

    def asked(*words: str, data: bytes = pods.read_bytes()) -> tuple[int, str]:
        command = [sys.executable, "-m", "dsv4_env", *words]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    code, said = asked("show", "-")
    assert code == 0
    assert "<stdin> Pod/dsv4-0 container server#1 (line 28)" in said
    assert "sidecar" not in said
    code, said = asked("check", "pro-fp4", "--against", "-")
    assert code == 2
    assert "expected one of -#1 (line 28), -#2 (line 107)" in said
    code, said = asked("check", "pro-fp4", "--against", "-::Pod/dsv4-1 *", "-f", "concise")
    assert code == 1
    assert 'DSV003 --tp is "4"' in said
    one_line = json.dumps(json.loads(pods.read_bytes())).encode()
    code, said = asked("check", "pro-fp4", "--against", "-", data=one_line)
    assert "-#1 (Pod/dsv4-0 container server), -#2 (Pod/dsv4-1 container server)" in said
    data = containers.read_bytes().replace(b"$EXTRA", b"")
    code, said = asked("check", "pro-fp4", "--against", "-", "-f", "concise", data=data)
    assert code == 1
    assert "PATH is" not in said  # what the image sets, and no profile has
    assert "0 unknown" in said
    code, said = asked("show", "-", data=b'[{"a": 1}]')
    assert code == 2
    assert said == (
        "dsv4-env: error: <stdin>: JSON of no kind that is read; expected what "
        "`kubectl get -o json` or `docker inspect` prints\n"
    )


def test_layer_files_are_all_there() -> None:
    assert {"common", "fp4", "fp8", "flash", "pro"} < set(layer_files())


@pytest.mark.parametrize(
    ("no_color", "term", "coloured"),
    [("", "xterm", True), ("1", "xterm", False), ("", "dumb", False)],
)
def test_colour_on_a_terminal_unless_told(no_color: str, term: str, coloured: bool) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dsv4_env", "check"],
        stdout=terminal,
        env={**os.environ, "NO_COLOR": no_color, "TERM": term},
    )
    os.close(terminal)
    seen = b""
    try:
        while chunk := os.read(controller, 4096):
            seen += chunk
    except OSError:  # Linux tells the end of a terminal as an input/output error
        pass
    os.close(controller)
    assert process.wait() == 0
    assert b"no drift" in seen
    assert (b"\x1b[" in seen) is coloured


NOWHERE = [
    ["list"],
    ["check"],
    ["discover"],
    ["show", "pro-fp4"],
    ["show", "a.sh"],
    ["export", "pro-fp4"],
    ["import", "a.sh", "--as", "b"],
    ["sync", "pro-fp4", "--to", "a.sh"],
    ["lint", "a.sh"],
    ["report", "--html", "-"],
]


@pytest.mark.parametrize("words", NOWHERE, ids=" ".join)
def test_profiles_of_a_folder_that_is_not_there(
    words: list[str], run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.sh").write_text("sglang serve --tp 8\n" * 500)
    done = run(*words, "--profiles", "/nonexist")
    assert done.code == 2
    assert done.err == (
        "dsv4-env: error: /nonexist: no such folder; expected a folder of *.toml layers\n"
    )


@pytest.mark.parametrize("origin", [(), ("--origin",)])
def test_lines_of_show_go_on_below_on_a_terminal(
    origin: tuple[str, ...],
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    tests = " && ".join(f'[[ "$SETTING_{i}" == "{"x" * 20}" ]]' for i in range(12))
    (tmp_path / "a.sh").write_text(
        f"if {tests}; then\n  export A{'_LONG' * 15}={'y' * 200}\nfi\n"
        f"python3 -m sglang.launch_server --model-path {'deep/' * 40} --tp $(nproc)\n"
    )
    whole = run("show", "a.sh", *origin).out
    assert max(map(len, whole.splitlines())) > 300
    monkeypatch.setattr("dsv4_env.cli.rendering.line_width", lambda: 120)
    wrapped = run("show", "a.sh", *origin).out
    assert 100 < max(map(len, wrapped.splitlines())) <= 120
    assert "".join(wrapped.split()) == "".join(whole.split())  # nothing is lost
    monkeypatch.setattr("dsv4_env.cli.show.line_width", lambda: 60)
    shown = run("show", "pro-fp4", *origin).out
    assert max(map(len, shown.splitlines())) <= 60


def test_the_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.line_width() is None
    monkeypatch.setattr(sys, "stdout", Terminal())
    for columns, width in (("200", 120), ("80", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        assert output.line_width() == width
    cut = output.middle_cut("some/long/path/to/a/file.sh:12", 20)
    assert cut.startswith("some/l…")
    assert (len(cut), cut.endswith("file.sh:12")) == (20, True)
    rows = [("a" * 200, "b" * 30, "c"), ("a", "b", "c")]
    assert max(map(len, output.table(rows, 100).splitlines())) <= 100


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setenv("TERM", "xterm")
    told: list[str] = []
    monkeypatch.setattr(progress, "tell", lambda text, nl: told.append(text))
    for stream, shown in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.Progress() as bar:
            for done in range(20):
                bar(done, 2000, 1)
                now[0] += 0.06
        assert bool(told) is shown
    assert told[0] == "\r9 of 2,000 files, 1 launch"  # what takes no time says nothing
    assert told[-1].strip() == ""
    assert len(told) < 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {mem-fraction-static: 0.9}\n", "of no kind that is read"),
        ("a: {command: sglang}\n", "of no kind that is read"),
        ("a: 1\n", "it has nothing to do with SGLang, as far as can be seen"),
    ],
)
def test_yaml_of_no_kind_is_told_which_kinds_are_read(
    text: str, said: str, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    done = run("show", str(path))
    assert done.code == 2
    assert f"{said}; expected a GitHub workflow, a Compose file, a Kubernetes manifest" in done.err
    assert "a task of SkyPilot" in done.err
