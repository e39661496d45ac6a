"""run, launch and doctor: with real commands, and a stand-in for the server."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile
from dsv4_env.catalogue import load
from dsv4_env.cli import execute
from dsv4_env.cli.starting import Overrides
from dsv4_env.model import LaunchConfig
from dsv4_env.server import preflight
from tests.conftest import ROOT, need
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result

    Run = Callable[..., Result]

STAND_IN = ROOT / "tests" / "unit" / "stand_in_server.py"
TOOL = [sys.executable, "-m", "dsv4_env"]
PROFILE = load_profile("flash-fp4")


@dataclass
class Place:
    """A folder to start commands in, with its own PATH and, where wanted, its own SGLang."""

    folder: Path
    environ: dict[str, str]

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TOOL, *words], env=self.environ, cwd=self.folder, capture_output=True, text=True
        )

    def sglang(self, release: str | None = "0.5.16", *, launcher: bool = True) -> None:
        """Install an SGLang whose server is the stand-in; importing it leaves a trace."""
        site = self.folder / "site"
        shutil.rmtree(site, ignore_errors=True)
        (site / "sglang").mkdir(parents=True)
        (site / "sglang" / "__init__.py").write_text(
            f"open({str(self.folder / 'imported')!r}, 'w').close()\n"
        )
        if launcher:
            text = STAND_IN.read_text()
            record = f"sys.argv.insert(1, {str(self.folder / 'record.json')!r})\n"
            (site / "sglang" / "launch_server.py").write_text(
                text.replace('if __name__ == "__main__":\n', f"{record}if True:\n")
            )
        if release:
            info = site / f"sglang-{release}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: sglang\nVersion: {release}\n"
            )
        self.environ["PYTHONPATH"] = f"{site}:{ROOT}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    return Place(tmp_path, {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)})


@pytest.fixture
def port() -> int:
    return free_port()


# --- run ---------------------------------------------------------------------------------------


def test_the_command_gets_the_profile_over_the_environment(place: Place) -> None:
    place.environ |= {"SGLANG_USE_AITER": "0", "OTHER": "x", "GONE": "y"}
    words = ["--set", "A=b=c", "--set", "SGLANG_USE_ROCM700A=0", "--unset", "GONE"]
    done = place.call("run", "flash-fp4", *words, "--", "env", "--null")
    found = dict(item.split("=", 1) for item in done.stdout.split("\0") if item)
    found.pop("_", None)
    expected = {**place.environ, **PROFILE.env, "A": "b=c", "SGLANG_USE_ROCM700A": "0"}
    del expected["GONE"]
    assert found == expected


def test_it_is_the_same_process_with_the_same_input(place: Place) -> None:
    process = subprocess.Popen(
        [*TOOL, "run", "flash-fp4", "--", "sh", "-c", "echo $$; cat; echo err >&2"],
        env=place.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    out, err = process.communicate("from outside")
    assert out == f"{process.pid}\nfrom outside"
    assert err == "err\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(code: int, place: Place) -> None:
    assert place.call("run", "flash-fp4", "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_the_command(number: signal.Signals, place: Place) -> None:
    process = subprocess.Popen(
        [*TOOL, "run", "flash-fp4", "--", "sh", "-c", "echo up; exec sleep 60"],
        env=place.environ, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    assert process.wait() == -number
    process.stdout.close()


def test_no_signal_is_left_ignored(place: Place) -> None:
    """Python ignores SIGPIPE; a command that did so too would never end in a pipe."""
    done = place.call("run", "flash-fp4", "--", "cat", "/proc/self/status")
    ignored = int(re.findall(r"^SigIgn:\s*(\w+)$", done.stdout, re.MULTILINE)[0], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


def test_the_locale_that_python_chose_is_not_passed_on(place: Place) -> None:
    assert "LC_ALL" not in place.environ
    done = place.call("run", "flash-fp4", "--", "env")
    assert "LC_CTYPE" not in done.stdout
    place.environ["LC_CTYPE"] = "C.UTF-8"
    assert "LC_CTYPE=C.UTF-8" in place.call("run", "flash-fp4", "--", "env").stdout


@pytest.fixture
def programs(place: Place) -> Place:
    files = {
        "plain": "echo x\n",
        "other": "#!/nosuch/interpreter\n",
        "script": "#!/bin/sh\nexit 3\n",
        "bare": 'echo "bare $1"\nexit 4\n',
    }
    for name, text in files.items():
        (place.folder / name).write_text(text)
        (place.folder / name).chmod(0o644 if name == "plain" else 0o755)
    (place.folder / "bin" / "hidden").write_text("#!/bin/sh\n")
    (place.folder / "folder").mkdir()
    return place


CODES = {
    "nosuch": 127,
    "./nosuch": 127,
    "''": 127,
    "hidden": 126,
    "./plain": 126,
    "./folder": 126,
    "/": 126,
    "folder": 127,
    "./other": 127,
    "./script": 3,
    "./bare": 4,
}


@pytest.mark.parametrize(
    ("command", "shell"),
    [(c, s) for c in CODES for s in ("bash", "dash") if (c, s) != ("hidden", "dash")],
)
def test_126_and_127_as_shells_do(command: str, shell: str, programs: Place) -> None:
    word = "" if command == "''" else command
    code = programs.call("run", "flash-fp4", "--", word, "a").returncode
    real = subprocess.run(
        [need(shell), "-c", f"{command} a"], env=programs.environ, cwd=programs.folder,
        capture_output=True, check=False,
    )  # fmt: skip
    assert code == real.returncode == CODES[command]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nosuch", "nosuch: command not found"),
        ("", "'': command not found"),
        ("./plain", "./plain: permission denied"),
        ("./folder", "./folder: it is a folder"),
        ("./other", "./other: the interpreter that its first line names isn't there"),
    ],
)
def test_one_message_says_why(word: str, message: str, programs: Place) -> None:
    done = programs.call("run", "flash-fp4", "--", word)
    assert (done.stdout, done.stderr) == ("", f"dsv4-env: error: {message}\n")


def test_a_file_without_a_first_line_is_a_script_of_the_shell(programs: Place) -> None:
    assert programs.call("run", "flash-fp4", "./bare", "word").stdout == "bare word\n"
    (programs.folder / "binary").write_bytes(b"\x01\x02\0\x03")
    (programs.folder / "binary").chmod(0o755)
    done = programs.call("run", "flash-fp4", "./binary")
    assert (done.returncode, "exec format error" in done.stderr) == (126, True)


def test_path_is_the_one_that_the_command_gets(programs: Place) -> None:
    (programs.folder / "folder" / "mine").write_text("#!/bin/sh\necho found\n")
    (programs.folder / "folder" / "mine").chmod(0o755)
    path = f"PATH={programs.folder / 'folder'}"
    assert programs.call("run", "flash-fp4", "--set", path, "mine").stdout == "found\n"


def test_clean_leaves_what_says_who_and_where(place: Place) -> None:
    kept = {
        "LANG": "C.UTF-8", "LC_TIME": "C", "TERM": "dumb", "TZ": "UTC", "XDG_CACHE_HOME": "/c",
        "TMPDIR": "/tmp", "SSL_CERT_FILE": "/c", "https_proxy": "p", "NO_PROXY": "n",
    }  # fmt: skip
    gone = {"SGLANG_LOG_GC": "1", "HF_HOME": "/h", "HF_TOKEN": "t", "LD_PRELOAD": "", "HOMEX": "1"}
    place.environ |= kept | gone
    done = place.call("run", "flash-fp4", "--clean", "--keep", "HF_*", "--", "env", "--null")
    found = dict(item.split("=", 1) for item in done.stdout.split("\0") if item)
    alone = {"PATH": place.environ["PATH"], "HOME": place.environ["HOME"]}
    own = {**alone, **kept, "HF_HOME": "/h", "HF_TOKEN": "t"}
    assert found == {**own, **PROFILE.env}


def test_args_are_placed_or_appended(place: Place) -> None:
    args, more = PROFILE.server_args, ["--log-requests", "-x", "--", "{args}"]
    options = [w for m in more for w in ("--arg", m)]
    show = ["--", "printf", "%s\\0"]
    placed = place.call("run", "flash-fp4", *options, *show, "a", "{args}", "{model}", "x{args}")
    model = PROFILE.default_model_path
    assert placed.stdout.split("\0")[:-1] == ["a", *args, *more, model, "x{args}"]
    appended = place.call("run", "flash-fp4", "--with-args", *show, "a")
    assert appended.stdout.split("\0")[:-1] == ["a", *args]
    assert place.call("run", "flash-fp4", *show, "a").stdout == "a\0"
    variable = f"{PROFILE.model_path_variable}=/data/x"
    assert (
        place.call("run", "flash-fp4", "--set", variable, "echo", "{model}").stdout == "/data/x\n"
    )


def test_options_of_the_command_are_its_own(place: Place) -> None:
    done = place.call("run", "--set", "A=1", "flash-fp4", "--set", "B=2", "printenv", "A", "B")
    assert done.stdout == "1\n2\n"
    assert place.call("run", "flash-fp4", "echo", "--set", "--print", "--").stdout == (
        "--set --print --\n"
    )
    assert place.call("run", "flash-fp4", "--", "echo", "--", "x").stdout == "-- x\n"
    done = place.call("run", "flash-fp4", "--with-args", "--arg", "--", "--", "printf", "%s,")
    assert done.stdout.endswith(",--,")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "missing argument 'PROFILE'"),
        (["flash-fp4"], "no command is given; expected dsv4-env run flash-fp4 -- CMD …"),
        (["flash-fp4", "--"], "no command is given"),
        (["flash-fp5", "ls"], "Did you mean"),
        (["flash-fp4", "--nosuch", "ls"], "no such option"),
        (["flash-fp4", "--arg", "x", "ls"], "--arg x goes nowhere; expected {args} in CMD, or"),
        (["flash-fp4", "--with-args", "ls", "{args}"], "--with-args and {args}; expected one"),
        (["flash-fp4", "--set", "x", "ls"], "--set x; expected NAME=VALUE"),
        (["flash-fp4", "--set", "A=1", "--unset", "A", "ls"], "--set and --unset A"),
        (["flash-fp4", "--keep", "A", "ls"], "--keep without --clean"),
        (["run.sh", "ls"], "run.sh is no profile; expected the name of one, or NAME.toml"),
    ],
)
def test_wrong_usage(words: list[str], message: str, run: Run) -> None:
    result = run("run", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert len(result.err.splitlines()) <= 2


@pytest.mark.parametrize("words", [[], ["--clean", "--unset", "SGLANG_USE_AITER"]])
def test_print_shows_what_would_run(words: list[str], place: Place) -> None:
    place.environ["SGLANG_LOG_GC"] = "1"
    command = ["printf", "%s\\0", "a b", "$x", "it's", "", "{args}"]
    options = ["flash-fp4", "--set", "ODD=a 'b\n$c", *words]
    printed = place.call("run", *options, "--print", "--", *command)
    real = place.call("run", *options, "--", *command)
    done = subprocess.run(
        ["sh", "-c", printed.stdout], env=place.environ, capture_output=True, text=True
    )
    assert done.stdout == real.stdout
    variables = place.call("run", *options, "--print", "--", "env", "--null").stdout
    done = subprocess.run(
        ["sh", "-c", variables], env=place.environ, capture_output=True, text=True
    )
    env = place.call("run", *options, "--", "env", "--null").stdout
    passed = {x for x in done.stdout.split("\0") if not re.match("_=|PWD=", x)}
    assert passed == set(env.split("\0"))


def test_print_masks_secrets_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    done = run(
        "run", "flash-fp4", "--set", "HF_TOKEN=s3cret1", "--print", "--with-args", "--arg",
        "--api-key", "--arg", "s3cret2", "--", "env", "MY_PASSWORD=s3cret3", "sh", "-c",
        f"touch {tmp_path / 'x'}; export API_KEY=s3cret4 A=b",
    )  # fmt: skip
    assert "s3cret" not in done.out
    assert done.out.count("********") == 4
    assert "--api-key '********'" in done.out
    assert "A=b" in done.out
    assert not (tmp_path / "x").exists()


def test_on_windows_it_is_a_child(programs: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of Windows, where no process can become another."""
    monkeypatch.chdir(programs.folder)
    environ = {"PATH": "/usr/bin:/bin"}
    assert execute._call(["sh", "-c", "exit 9"], environ) == 9
    assert execute._call(["nosuch"], environ) == 127
    assert execute._call(["./other"], environ) == 126
    overrides = Overrides({}, (), (), True, ())
    assert overrides.base({"SYSTEMROOT": "C:", "PATH": "x"}) == {"PATH": "x"}


def test_nothing_heavy_is_imported(place: Place) -> None:
    from tests.contract.test_imports import HEAVY

    (place.folder / "pyproject.toml").write_text('[tool.dsv4_env]\nprofile = ["pro-fp4"]\n')
    code = (
        "import os, sys; from dsv4_env.cli import run\n"
        "os.execve = lambda *_: (print(*{m.partition('.')[0] for m in sys.modules}), os._exit(0))\n"
        "run(['run', 'flash-fp4', '--set', 'A=b', '--', 'ls'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.stdout.flush()"],
        env={**place.environ, "PYTHONUNBUFFERED": "1"}, cwd=place.folder, capture_output=True,
        text=True,
    )  # fmt: skip
    assert "dsv4_env" in done.stdout.split()
    assert HEAVY & set(done.stdout.split()) == set()


# --- launch ------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(place: Place, port: int, *words: str) -> Iterator[int]:
    """A launched stand-in that answers; its process id."""
    process = subprocess.Popen(
        [*TOOL, "launch", *words, "--port", str(port)], env=place.environ, cwd=place.folder,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def test_the_server_is_launched_with_all_of_the_profile(place: Place, port: int) -> None:
    place.sglang()
    words = ["flash-fp4", "--set", "A=b", "--arg", "--log-requests", "--host", "127.0.0.1"]
    with server(place, port, *words) as pid:
        arrived = json.loads((place.folder / "record.json").read_text())
        assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:3] == [
            b"-m", b"sglang.launch_server",
        ]  # fmt: skip
    model = ["--model-path", "deepseek-ai/DeepSeek-V4-Flash"]
    tail = ["--log-requests", "--host", "127.0.0.1", "--port", str(port)]
    assert arrived["argv"] == [*model, *PROFILE.server_args, *tail]
    assert {**PROFILE.env, "A": "b"}.items() <= arrived["environ"].items()


def test_the_release_is_that_of_the_interpreter(place: Place) -> None:
    place.sglang("0.5.13")
    script = place.folder / "own"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    may = " ".join(load_profile("flash-fp4", sglang="0.5.13").server_args)
    words = ["launch", "flash-fp4", "--print", "--python", str(script)]
    assert may in place.call(*words).stdout
    assert "SGLANG_USE_ROCM700A=1" in place.call(*words).stdout
    assert "SGLANG_USE_ROCM700A=0" in place.call(*words, "--sglang", "0.5.23").stdout


def test_the_model_is_what_is_said_then_the_variable_then_the_profiles(run: Run) -> None:
    def model(*words: str) -> str:
        last = run("launch", "flash-fp4", "--print", *words).out.splitlines()[-1].split()
        return last[last.index("--model-path") + 1]

    variable = f"{PROFILE.model_path_variable}=/data/v4"
    assert model() == "deepseek-ai/DeepSeek-V4-Flash"
    assert model("--set", variable) == "/data/v4"
    assert model("--set", variable, "--model", "o/n") == "o/n"
    assert model("--set", f"{PROFILE.model_path_variable}=") == "deepseek-ai/DeepSeek-V4-Flash"


def refused(place: Place, *words: str) -> list[str]:
    """The names of the checks that stop a launch; nothing may have been started."""
    done = place.call("launch", "flash-fp4", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert not (place.folder / "record.json").exists()
    lines = done.stderr.splitlines()
    checks = []
    for line in lines:
        match = re.fullmatch(
            r"dsv4-env: error: (\w+): .+ \(--skip (\w+) launches all the same\)", line
        )
        assert match, line
        assert match[1] == match[2]
        checks.append(match[1])
    return checks


def test_each_check_stops_a_launch_and_can_be_skipped(place: Place, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = ["--port", str(taken.getsockname()[1])]
        place.sglang("0.5.12")
        # Of a port above 55535 that release refuses its gRPC port.
        words = [*busy, "--model", "/nosuch/model", "--arg", "--bogus", "--skip", "plan"]
        assert refused(place, *words) == ["release", "port", "model", "lint"]
        assert refused(place, *words, "--skip", "port", "--skip", "lint") == ["release", "model"]
        place.sglang(None, launcher=False)
        assert refused(place, *words) == ["sglang", "port", "model", "lint"]
    place.sglang(None)
    assert refused(place, "--port", str(port)) == ["release"]
    assert not (place.folder / "imported").exists()  # asking is not importing
    place.sglang("0.5.12")
    with server(place, port, "flash-fp4", "--skip", "release", "--skip", "plan"):
        assert (place.folder / "record.json").exists()


def test_skip_all_launches_whatever_is_wrong(place: Place, port: int) -> None:
    place.sglang("0.4.0")
    with server(
        place, port, "flash-fp4", "--skip", "all", "--model", "/nosuch", "--arg", "--bogus"
    ):
        assert (place.folder / "record.json").exists()


def test_a_python_that_is_not_there(place: Place, port: int) -> None:
    words = ["--python", "nosuch-python", "--port", str(port)]
    assert refused(place, *words) == ["sglang"]
    done = place.call("launch", "flash-fp4", *words, "--skip", "sglang")
    assert (done.returncode, done.stderr) == (
        127,
        "dsv4-env: error: nosuch-python: command not found\n",
    )


def test_a_release_that_is_not_known_yet_is_a_note(place: Place, port: int) -> None:
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "any.toml").write_text('[model]\npath = "o/n"\n')
    place.sglang("99.1.0")
    place.environ["DSV4_ENV_PROFILES"] = "mine"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = place.call("launch", "any", "--port", str(port))
    note, error = done.stderr.splitlines()
    assert note.startswith("dsv4-env: note: release: SGLang 99.1.0 isn't known yet")
    assert "skip" not in note
    assert error.startswith(f"dsv4-env: error: port: port {port} of 127.0.0.1 is taken by process")


def test_arguments_of_the_server_go_behind_two_dashes(run: Run) -> None:
    assert run("launch", "flash-fp4", "--print", "--", "--foo", "4").out.endswith(" --foo 4\n")
    result = run("launch", "flash-fp4", "--tp", "4")
    assert result.code == 2
    assert "no such option --tp; arguments of the server go behind --" in result.err


def start(config: LaunchConfig | None = None, model: str = "o/n") -> preflight.PlannedLaunch:
    config = config or LaunchConfig("x", "profile", (), ())
    return preflight.PlannedLaunch(PROFILE, config, ["nosuch-python"], {}, model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("o/n", None),
        ("o/n@main", None),
        ("s3://bucket/model", None),
        ("{tmp}/full", None),
        ("{tmp}/empty", "the folder {tmp}/empty is empty"),
        ("{tmp}/none", "{tmp}/none: no such folder or file"),
        ("./none", "./none: no such folder or file"),
        ("none", "none: no such folder or file"),
        ("o/n/m", "o/n/m: no such folder or file"),
        ("~/none", "~/none: no such folder or file"),
    ],
)
def test_models(model: str, message: str | None, tmp_path: Path) -> None:
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "config.json").touch()
    launch = start(model=model.replace("{tmp}", str(tmp_path)))
    skip = {"sglang", "release", "port", "lint"}
    found = [o.message for o in preflight.obstacles(launch, skip, load("0.5.16"))]
    expected = (message or "").replace("{tmp}", str(tmp_path))
    assert [m.partition(" (another")[0].partition(", and")[0] for m in found] == (
        [expected] if message else []
    )


@pytest.mark.parametrize(
    ("host", "number", "message"),
    [
        ("203.0.113.7", "30000", "this machine doesn't have the address 203.0.113.7"),
        ("no such host", "30000", "the host no such host isn't known here"),
        ("127.0.0.1", "x", "x is no port"),
        ("127.0.0.1", "70000", "70000 is no port"),
    ],
)
def test_places_where_no_server_can_listen(host: str, number: str, message: str) -> None:
    from dsv4_env.model import group_args

    words = [(w, None) for w in ("--host", host, "--port", "1", "--port", number)]
    launch = start(LaunchConfig("x", "profile", (), group_args(words, "test")))
    skip = {"sglang", "release", "model", "lint"}
    found = preflight.obstacles(launch, skip, load("0.5.16"))
    assert [o.message for o in found] == [message]


def test_the_default_place_is_the_releases_own() -> None:
    assert preflight.address(LaunchConfig("x", "profile", (), ()), load("0.5.16")) == (
        "127.0.0.1",
        "30000",
    )


# --- doctor ------------------------------------------------------------------------------------


def test_a_server_as_its_profile_says(place: Place, port: int) -> None:
    place.sglang()
    with server(place, port, "flash-fp4") as pid:
        done = place.call("doctor", "--port", str(port))
        assert done.returncode == 0, done.stdout
        assert f"flash-fp4 against process {pid}: no drift" in done.stdout
        assert f"note: process {pid}: the nearest profile is flash-fp4\n" in done.stdout
        assert "read as SGLang 0.5.16 reads it" in done.stdout
        for words in (["--pid", str(pid)], ["--name", f"--port {port}"], ["flash-fp4"]):
            where = ["--pid", str(pid)] if words == ["flash-fp4"] else []
            assert place.call("doctor", *words, *where).returncode == 0


def test_a_server_with_drift(place: Place, port: int) -> None:
    place.sglang("0.5.23")
    (place.folder / "mine.toml").write_text(
        'extends = ["pro-fp8"]\n[sglang]\nrange = ">=0.5.13,<0.5.18"\n[env]\n'
        'SGLANG_USE_AITER = "1"\nSGLANG_OPT_USE_FUSED_COMPRESS = "true"\n'
    )
    place.environ["DSV4_ENV_PROFILES"] = str(place.folder)
    words = ["mine", "--set", "SGLANG_USE_AITER=0", "--set", "SGLANG_USE_AITTER=1"]
    with server(place, port, *words, "--skip", "release", "--arg", "--log-requests"):
        done = place.call("doctor", "--port", str(port), "--format", "concise")
        assert done.returncode == 1
        assert 'DSV003 SGLANG_USE_AITER is "0"; mine has "1"' in done.stdout
        assert "DSV002 --log-requests is set; mine doesn't have it" in done.stdout
        assert "SGLANG_OPT_USE_FUSED_COMPRESS is gone since SGLang 0.5.18" in done.stdout
        assert "DSV118 mine is meant for SGLang >=0.5.13,<0.5.18, not 0.5.23" in done.stdout
        assert "SGLANG_USE_AITTER" in done.stdout
        zero = place.call("doctor", "--port", str(port), "--exit-zero", "--format", "json")
        assert zero.returncode == 0
        found = json.loads(zero.stdout)
        assert {c["left"] for c in found["comparisons"]} == {"mine"}
        older = place.call("doctor", "mine", "--port", str(port), "--sglang", "0.5.16")
        assert "DSV102" not in older.stdout
        assert "DSV003" in older.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pid", "1", "--port", "2"], "--pid, --port, --name and --url exclude each other"),
        (["--pid", "2147483646"], "there is no process 2147483646"),
        (["--name", "no such server anywhere"], "no server with `no such server anywhere`"),
        (["nosuch"], "unknown profile 'nosuch'"),
    ],
)
def test_doctor_without_a_server(words: list[str], message: str, run: Run) -> None:
    result = run("doctor", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_another_users_python_is_never_run(
    place: Place, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody could name any program python3, and wait for root to look at it."""
    from dsv4_env.readers import process

    place.sglang()
    with server(place, port, "flash-fp4") as pid:
        (config,) = process.read(pid=pid)
        assert preflight.of_process(config).release == "0.5.16"
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        found = preflight.of_process(config)
        assert found.release is None
        assert found.problem == "it is another user's, or in a container"


def test_a_terminal_stays_the_commands(place: Place) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*TOOL, "run", "flash-fp4", "test", "-t", "0"], place.environ)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


_ALL_BUT_PLAN = ("--skip", "sglang", "--skip", "release", "--skip", "port")
_REFUSED = """
extends = ["pro-fp4"]
[args]
--enable-prefill-cp = true
[sglang]
range = "==0.5.23"
"""


def test_a_launch_that_sglang_refuses_is_not_started(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(_REFUSED)
    argv = ["launch", "mine", "--profiles", str(tmp_path), *_ALL_BUT_PLAN]
    result = run(*argv, "--python", "nosuch-python")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert line.startswith("dsv4-env: error: plan: SGLang 0.5.23 refuses it on mi355x: DeepSeekV4 ")
    assert line.endswith("py:168) (--skip plan launches all the same)")
    skipped = run(*argv, "--skip", "plan", "--python", "nosuch-python")
    assert "refuses" not in skipped.err


def test_a_launch_that_is_only_shown_says_what_would_stop_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(_REFUSED)
    argv = ["launch", "mine", "--profiles", str(tmp_path), "--print"]
    result = run(*argv, "--python", "nosuch-python")
    assert result.code == 2
    assert "nosuch-python -m sglang.launch_server" in result.out
    (line,) = result.err.splitlines()
    assert line.startswith("dsv4-env: error: plan: SGLang 0.5.23 refuses it on mi355x: DeepSeekV4 ")
    skipped = run(*argv, "--skip", "plan")
    assert (skipped.code, skipped.err) == (0, "")
    wrong = run("launch", "flash-fp4", "--print", "--", "--foo", "4")
    assert wrong.code == 2
    assert wrong.err.startswith("dsv4-env: error: lint: SGLang 0.5.23 doesn't know --foo")


_SERVERS = [
    ("python3", "-m", "sglang.launch_server", "{args}"),
    ("env", "X=1", "sglang", "serve", "--model-path", "{model}", "{args}"),
    ("bash", "-c", 'exec numactl -N 0 sglang serve "$@"', "_", "{args}"),
]


@pytest.mark.parametrize("command", _SERVERS)
def test_a_server_that_sglang_refuses_is_not_run(
    command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(_REFUSED)
    argv = ["run", "mine", "--profiles", str(tmp_path)]
    for words in (argv, [*argv, "--print"]):
        result = run(*words, "--", *command)
        assert result.code == 2
        (line,) = result.err.splitlines()
        assert line.startswith("dsv4-env: error: plan: SGLang 0.5.23 refuses it on mi355x: Deep")
        assert line.endswith("py:168) (--skip plan runs all the same)")
    skipped = run(*argv, "--print", "--skip", "plan", "--", *command)
    assert (skipped.code, skipped.err) == (0, "")
    fine = run("run", "pro-fp4", "--sglang", "0.5.23", "--print", "--", *command)
    assert (fine.code, fine.err) == (0, "")


def test_the_release_of_its_python_counts_for_a_server(place: Place) -> None:
    place.sglang("0.5.16")
    argv = ["run", "pro-fp4", "--sglang", "0.5.23", "--print", "--"]
    server = ["--model-path", "o/n", "--swa-prefix-tails", "1"]
    done = place.call(*argv, "python3", "-m", "sglang.launch_server", *server)
    assert done.returncode == 2
    said = "plan: SGLang 0.5.16 refuses it on mi355x: unrecognized arguments: --swa-prefix-tails 1"
    assert said in done.stderr
    assert place.call(*argv, "sglang", "serve", *server).returncode == 0
    assert not (place.folder / "imported").exists()


def test_a_command_that_is_no_server_is_not_planned(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(_REFUSED)
    argv = ["run", "mine", "--profiles", str(tmp_path), "--print", "--", "echo", "{args}"]
    assert run(*argv, "sglang").code == 0


def test_what_sglang_overwrites_is_one_note() -> None:
    launch = replace(start(), config=load_profile("flash-fp4", sglang="0.5.13").config)
    skip = {"sglang", "release", "port", "model", "lint"}
    (note,) = preflight.obstacles(launch, skip, load("0.5.23"))
    assert not note.serious
    assert note.message == (
        "3 settings have no or another effect on mi355x; "
        f"`dsv4-env plan {PROFILE.name} --sglang 0.5.23` shows them"
    )
    assert preflight.obstacles(launch, skip, load("0.5.17")) == []
