"""``check --watch``: each save is answered, on a screen that is given back, or line by line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pyte
import pytest

from dsv4_env import cli
from dsv4_env.cli.caller import Caller
from dsv4_env.cli.watch import Answer, Feed, Rounds, Watching
from dsv4_env.guard.watched import watched

if TYPE_CHECKING:
    from tests.conftest import Result

    Run = Callable[..., Result]

PAIRS = """
[tool.dsv4_env]
profiles = "launch"
sglang = "0.5.13"

[[tool.dsv4_env.pairs]]
profile = "mine"
files = ["scripts/*.sh"]
"""
LAYER = 'description = "mine"\nenv.SGLANG_A = "1"\n[args]\n--tp = "8"\n'
SCRIPT = ". ./lib.sh\nexport SGLANG_A=1\nsglang serve --model-path m --tp 8\n"
BOUND = 60  # seconds after which what is waited for doesn't come


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    for name, text in {
        "pyproject.toml": PAIRS,
        "launch/mine.toml": LAYER,
        "scripts/a.sh": SCRIPT,
        "lib.sh": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


def save(path: Path, text: str) -> None:
    """As most editors save."""
    path.with_name(f"{path.name}~").write_text(text)
    path.with_name(f"{path.name}~").replace(path)


# The screen


class Screen:
    """A command on a pseudo-terminal, and what that shows."""

    def __init__(self, *argv: str, **environ: str) -> None:
        self.out = ""
        self.terminal = pyte.Screen(100, 30)
        self.stream = pyte.ByteStream(self.terminal)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", **environ)
            os.execv(argv[0], argv)
        self.size(100, 30)
        self.before = termios.tcgetattr(self.fd)

    def size(self, columns: int, rows: int) -> None:
        self.terminal.resize(rows, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern: str) -> str:
        """What is on the screen once it shows what is waited for."""
        end = time.monotonic() + BOUND
        while True:
            shown = "\n".join(line.rstrip() for line in self.terminal.display)
            if re.search(pattern, shown):
                return shown
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.fd], [], [], left)[0]
            if not ready or not self.read():
                pytest.fail(f"{pattern} isn't in {shown!r}; all was {self.out!r}")

    def until_sent(self, text: str) -> None:
        """Wait until something was written, drawn or not."""
        while text not in self.out:
            assert select.select([self.fd], [], [], BOUND)[0]
            assert self.read()

    def read(self) -> bool:
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # it has ended
            return False
        self.stream.feed(data)
        self.out += data.decode(errors="replace")
        return bool(data)

    def press(self, keys: str) -> None:
        self.out = ""
        os.write(self.fd, keys.encode())

    def end(self) -> int:
        """The exit code, once the terminal is as it was."""
        while self.read():
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def given_back(self) -> bool:
        """Whether the screen was left as it was, and keys are lines again."""
        return self.out.rfind("\x1b[?1049l") > self.out.rfind("\x1b[?1049h")


CHECK = (sys.executable, "-m", "dsv4_env", "check", "--watch")


@pytest.fixture
def screen(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Screen]]:
    begun: list[Screen] = []

    def begin(*argv: str, **environ: str) -> Screen:
        begun.append(Screen(*(argv or CHECK), **environ))
        return begun[-1]

    yield begin
    for each in begun:
        if each.pid:
            os.kill(each.pid, signal.SIGKILL)
            os.waitpid(each.pid, 0)
        os.close(each.fd)


def test_a_save_is_answered_on_the_screen(screen: Callable[..., Screen], project: Path) -> None:
    shown = screen()
    first = shown.until("q quit")
    assert "mine against scripts/a.sh: no drift" in first
    assert re.search(r"nothing found  \d+ ms +watching \d+ files  \? keys  q quit", first)
    save(project / "scripts/a.sh", SCRIPT.replace("A=1", "A=2"))
    shown.until(r">1 scripts/a.sh:2:8: error: SGLANG_A is \"2\"; mine has \"1\"(?s:.*)a.sh changed")
    shown.until(r"1 finding \(1 new\)")
    (project / "launch/mine.toml").write_text(LAYER.replace('"1"', '"2"'))
    shown.until(r"no drift(?s:.*)nothing found(?s:.*)mine.toml changed")
    shown.press("q")
    assert shown.end() == 0
    assert shown.given_back()
    assert "mine against scripts/a.sh: no drift" in shown.out.rpartition("\x1b[?1049l")[2]


def test_what_is_half_saved_gone_or_new(screen: Callable[..., Screen], project: Path) -> None:
    shown = screen()
    shown.size(300, 30)
    shown.until("q quit")
    (project / "launch/mine.toml").write_text("env.SGLANG_A = ")
    shown.until(r">1 error: .*launch/mine.toml:1:16: TOML syntax(?s:.*)1 finding")
    (project / "launch/mine.toml").write_text(LAYER)
    shown.until("no drift")
    (project / "scripts/a.sh").unlink()
    shown.until("no file is called scripts/[*].sh")
    (project / "scripts/b.sh").write_text(SCRIPT)
    shown.until("mine against scripts/b.sh: no drift")
    (project / "lib.sh").write_text("export SGLANG_B=1\n")
    shown.until(">1 lib.sh:1:8: error: SGLANG_B")
    (project / "lib.sh").unlink()
    shown.until("no drift")
    for number in (1, 2):
        linked = project / f"linked{number}" / "lib.sh"
        linked.parent.mkdir()
        linked.write_text("")
        (project / "lib.sh~").symlink_to(linked)
        (project / "lib.sh~").replace(project / "lib.sh")
        shown.until("no drift")
        save(linked, f"export SGLANG_C={number}\n")
        shown.until(f'>1 .*lib.sh:1:8: error: SGLANG_C is "{number}"')
    (project / "lib.sh").unlink()
    (project / "launch/.#mine.toml").symlink_to("somebody@somewhere.1")
    (project / "scripts/.#b.sh").symlink_to("somebody@somewhere.1")
    shutil.rmtree(project / "scripts")
    shown.until("no file is called scripts/[*].sh")
    (project / "scripts").mkdir()
    (project / "scripts/c.sh").write_text(SCRIPT)
    shown.until("mine against scripts/c.sh: no drift")
    (project / "scripts/c.sh").write_text(SCRIPT.replace("A=1", "A=2"))
    shown.until(">1 scripts/c.sh:2:8: error: SGLANG_A")
    (project / "pyproject.toml").write_text(PAIRS.replace("0.5.13", "0.5.23"))
    shown.until("read as SGLang 0.5.23")
    shown.press("q")
    assert shown.end() == 0


def test_keys(screen: Callable[..., Screen], project: Path, tmp_path: Path) -> None:
    (project / "scripts/a.sh").write_text(SCRIPT.replace("A=1", "A=2").replace("8", "4"))
    note = tmp_path / "opened"
    editor = f'{sys.executable} -c \'import sys; open("{note}", "a").write(str(sys.argv[1:]))\''
    shown = screen(VISUAL=editor)
    shown.until(r">1 scripts/a.sh(?s:.*) 2 scripts/a.sh(?s:.*)q quit")
    for keys, chosen in (("2", 2), ("1", 1), ("\x1b[B", 2), ("\x1b[B", 2), ("k", 1), ("9", 2)):
        shown.press(keys)
        shown.until(rf">{chosen} scripts/a.sh(?s:.*)q quit")
    shown.press("?")
    shown.until("open it at its line")
    shown.press("?")
    shown.until(">2 scripts/a.sh(?s:.*)q quit")
    shown.press("f")
    shown.until("nothing new since the answer before(?s:.*)q quit")
    shown.press("f")
    shown.until(">1 scripts/a.sh(?s:.*)q quit")
    shown.press("2")
    shown.until(">2 scripts/a.sh(?s:.*)q quit")
    shown.press("\r")
    shown.until_sent("\x1b[?1049h")
    shown.press("r")
    shown.until("checked again")
    assert note.read_text() == f"['{project}/scripts/a.sh']"
    shown.press("q")
    assert shown.end() == 0


def test_an_editor_is_told_the_line(
    screen: Callable[..., Screen], project: Path, tmp_path: Path
) -> None:
    (project / "scripts/a.sh").write_text(SCRIPT.replace("A=1", "A=2"))
    lines = ("#!/bin/sh", f"stty -a >{tmp_path}/modes", f'echo "$@" >{tmp_path}/told', "")
    (tmp_path / "vi").write_text("\n".join(lines))
    (tmp_path / "vi").chmod(0o755)
    shown = screen(EDITOR=str(tmp_path / "vi"), VISUAL="")
    shown.until(">1 scripts/a.sh(?s:.*)q quit")
    shown.press("e")
    shown.until_sent("\x1b[?1049h")
    assert (tmp_path / "told").read_text() == f"+2 {project}/scripts/a.sh\n"
    modes = (tmp_path / "modes").read_text()
    assert re.search(r"(?<!-)\bicanon\b", modes)
    assert re.search(r"(?<!-)\becho\b", modes)
    shown.press("q")
    assert shown.end() == 0


def test_keys_that_end_are_the_editors_while_it_is_open(
    screen: Callable[..., Screen], project: Path, tmp_path: Path
) -> None:
    (project / "scripts/a.sh").write_text(SCRIPT.replace("A=1", "A=2"))
    code = "import time\ntry:\n    print('READY', flush=True)\n    time.sleep(60)\nexcept "
    (tmp_path / "edit.py").write_text(f"{code}KeyboardInterrupt:\n    print('INTERRUPTED')\n")
    shown = screen(VISUAL=f"{sys.executable} {tmp_path}/edit.py")
    shown.until(">1 scripts/a.sh(?s:.*)q quit")
    shown.press("e")
    shown.until_sent("READY")
    shown.press("\x03")
    shown.until_sent("INTERRUPTED")
    shown.until(">1 scripts/a.sh(?s:.*)q quit")
    shown.press("q")
    assert shown.end() == 0


def test_without_an_editor(screen: Callable[..., Screen], project: Path) -> None:
    (project / "scripts/a.sh").write_text(SCRIPT.replace("A=1", "A=2"))
    shown = screen(EDITOR="", VISUAL="")
    shown.until("q quit")
    shown.press("e")
    shown.until(r"no editor is set; expected \$VISUAL or \$EDITOR")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_gives_the_terminal_back(
    number: signal.Signals, code: int, screen: Callable[..., Screen]
) -> None:
    shown = screen()
    shown.until("q quit")
    during = termios.tcgetattr(shown.fd)
    assert during != shown.before
    if number == signal.SIGINT:
        shown.press("\x03")
    else:
        os.kill(shown.pid, number)
    assert shown.end() == code
    assert shown.given_back()


def test_interrupted_while_it_checks(screen: Callable[..., Screen]) -> None:
    shown = screen()
    shown.until("checking")
    shown.press("\x03")
    assert shown.end() == 130
    assert shown.given_back()


def test_scrolling(screen: Callable[..., Screen], project: Path) -> None:
    for number in range(1, 8):
        (project / f"scripts/{number}.sh").write_text(SCRIPT.replace("A=1", f"A=0{number}"))
    shown = screen()
    shown.size(100, 12)
    shown.until(r"\A>1 scripts/1.sh(?s:.*)\n 2 scripts/2.sh(?s:.*)q quit")
    third = r"\A    mine: launch/mine.toml(?s:.*)\n 3 scripts/3.sh"
    for keys, seen in (
        (" ", third),
        ("\x1b[6~", r"\A\n 4 scripts/4.sh"),
        ("\x1b[5~", third),
        ("\x1b[F", "8 files, 8 launches: .*\n.* q quit"),
        ("\x1b[H", r"\A>1 scripts/1.sh"),
        ("4", r"(?s:.*)\n>4 scripts/4.sh(?s:.*)mine: launch/mine.toml.*\n.*\n.* q quit"),
    ):
        shown.press(keys)
        shown.until(seen)


def test_the_screen_follows_its_size(screen: Callable[..., Screen]) -> None:
    shown = screen()
    shown.until("q quit")
    shown.size(40, 8)
    small = shown.until("(?m)^mine against scripts/a.sh: no drift \\(2 s$")
    assert len(small.splitlines()) == 8


def test_suspended_and_resumed(screen: Callable[..., Screen]) -> None:
    command = " ".join((*CHECK, "; echo STOPPED; stty -a; read line; fg; echo ENDED"))
    shown = screen("/bin/bash", "--norc", "-mc", command)
    shown.until("q quit")
    shown.press("\x1a")
    stopped = shown.until("STOPPED(?s:.*) echo ")
    assert " icanon " in stopped
    assert shown.given_back()
    shown.press("\n")
    shown.until("no drift(?s:.*)q quit")
    shown.press("q")
    shown.until("ENDED")
    assert shown.end() == 0


# Elsewhere than on a terminal


class Piped:
    """A command whose output is read line by line."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*CHECK, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        found = ""
        for line in self.process.stdout:
            found += line
            if re.search(pattern, found):
                return found
        return pytest.fail(f"{pattern} isn't in {found!r}")


@pytest.fixture
def piped(project: Path) -> Iterator[Callable[..., Piped]]:
    begun: list[Piped] = []

    def begin(*words: str) -> Piped:
        begun.append(Piped(*words))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_one_report_behind_the_other(
    number: signal.Signals, code: int, piped: Callable[..., Piped], project: Path
) -> None:
    piped_ = piped("-o", "report.sarif")
    first = piped_.until(r"no drift.*\n\n")
    assert re.match(r"\d\d:\d\d:\d\d\nnote: ", first)
    assert "SGLANG_A" not in (project / "report.sarif").read_text()
    save(project / "scripts/a.sh", SCRIPT.replace("A=1", "A=2"))
    second = piped_.until(r": drift .*\n\n")
    assert re.match(r"\d\d:\d\d:\d\d: a.sh changed\nscripts/a.sh:2:8: error: SGLANG_A", second)
    assert "\x1b" not in first + second
    assert "SGLANG_A" in (project / "report.sarif").read_text()
    piped_.process.send_signal(number)
    assert piped_.process.wait(BOUND) == code


def test_what_it_writes_is_no_change(piped: Callable[..., Piped], project: Path) -> None:
    (project / "pyproject.toml").write_text(PAIRS.replace("scripts/*.sh", "**/*.sh"))
    (project / "lib.sh").unlink()
    for name in ("report.sarif", "scripts/report.json"):
        (project / name).touch()
    piped_ = piped("-o", "report.sarif", "-o", "scripts/report.json")
    piped_.until("no drift.*\n\n")
    for number in (2, 3, 2):
        save(project / "scripts/a.sh", SCRIPT.replace("A=1", f"A={number}"))
        told = piped_.until(r": drift .*\n\n")
        assert re.findall(r"^\d\d:\d\d:\d\d: (.*)$", told, re.MULTILINE) == ["a.sh changed"]
        assert f'SGLANG_A is "{number}"' in told


def test_whoever_read_it_has_gone(piped: Callable[..., Piped], project: Path) -> None:
    piped_ = piped()
    piped_.until("no drift")
    assert piped_.process.stdout is not None
    piped_.process.stdout.close()
    save(project / "scripts/a.sh", SCRIPT.replace("A=1", "A=2"))
    assert piped_.process.wait(BOUND) == 0
    piped_.process.stdout = None  # communicate reads no closed file


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "json"], "--watch with --format json; expected text, and --output FILE"),
        (["--baseline", "b", "--write-baseline"], "--watch with --write-baseline"),
        (["--against", "-"], "--watch with --against -; expected files, which change"),
        (["--against", "port:30000"], "--watch with --against port:30000"),
    ],
)
def test_what_is_refused(words: list[str], message: str, run: Run, project: Path) -> None:
    result = run("check", "--watch", *words)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""


def test_without_watchfiles(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    result = run("check", "--watch")
    assert result == type(result)(
        2,
        "",
        "dsv4-env: error: --watch: watchfiles isn't installed; expected it beside dsv4-env: `pipx "
        "inject dsv4-env watchfiles`, or `pip install 'dsv4-env[watch]'`\n",
    )


# What is shown


def rounds(*words: str, terminal: bool = True) -> Rounds:
    return Rounds(Caller(cli.run), ["check", "--watch", *words], terminal=terminal)


def test_an_error_can_be_chosen_and_has_its_place(project: Path) -> None:
    (project / "launch/mine.toml").write_text("env.A = 1\n")
    (found,) = rounds().answer().findings
    assert (found.place and str(found.place)) == f"{project}/launch/mine.toml:1:9"


def test_files_with_findings_come_first(project: Path) -> None:
    (project / "scripts/b.sh").write_text(SCRIPT.replace("A=1", "A=2"))
    lines = rounds().answer().text.splitlines()
    assert lines[0].startswith("scripts/b.sh:2:8: error")
    plain = rounds(terminal=False).answer().text.splitlines()
    assert plain[0] != lines[0]
    assert sorted(plain) == sorted(lines)


def test_secrets_are_masked(project: Path) -> None:
    (project / "scripts/a.sh").write_text(SCRIPT + "HF_TOKEN=hf_canaryCANARYcanary0 sglang serve\n")
    for _ in range(2):
        text = rounds().answer().text
        assert "HF_TOKEN" in text
        assert "canary" not in text


def test_what_is_watched(project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/lib.sh").write_text("")
    (project / ".git").mkdir()
    (project / "common").mkdir()
    (project / "common/lib.sh").write_text("")
    (project / "lib.sh").unlink()
    (project / "lib.sh").symlink_to(project / "common/lib.sh")
    answers = rounds()
    answers.answer()
    assert answers.trail is not None
    found, was = watched(answers.trail), answers.trail.answers

    def told(name: str) -> tuple[bool, bool]:
        path = str(project / name)
        return found.counts(path, was, modified=False), found.is_new(path, was)

    nothing = (False, False)
    read = ("pyproject.toml", "scripts/a.sh", "launch/mine.toml", "common/lib.sh")
    for name in (*read, "lib.sh"):
        assert told(name) == nothing
        before = (project / name).read_bytes()
        (project / name).write_bytes(before + b"#")
        assert told(name) == (True, False)
        (project / name).write_bytes(before)
    for name in ("scripts/new.sh", "launch/new.toml", "launch/mine.local.toml"):
        assert told(name) == nothing
        (project / name).touch()
        assert told(name) == (False, True)
        (project / name).unlink()
    for name in ("launch/profiles.lock.json", "README.md", "launch/a.toml.swp", "common/other.sh"):
        (project / name).touch()
        assert told(name) == (name.endswith(".json"), False)
        (project / name).unlink()
    for name in ("scripts", "common"):  # it may be another one now; or files in it came and went
        assert told(name) == (True, False)
        assert not found.counts(str(project / name), was, modified=True)
    folders = {str(project), f"{project}/scripts", f"{project}/launch", f"{project}/common"}
    assert folders <= found.folders
    assert not {"/", str(Path.home())} & found.folders


def test_a_folder_that_is_back_before_it_was_watched(project: Path) -> None:
    (project / "scripts/a.sh").unlink()
    answers = rounds()
    answers.answer()
    assert answers.trail is not None
    (project / "scripts").rename(project / "away")
    feed = Feed(lambda *_, **__: (), lambda _: None)
    feed.arm(answers.trail)
    (project / "away").rename(project / "scripts")
    assert feed.changes({(str(project / "scripts"), False)}) == (set(), set())
    assert feed.watched is None  # so that the next answer has it watched


def test_a_change_is_looked_for_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsv4_env.cli.watch._AGAIN", -1)
    answers = rounds()
    answers.answer()
    assert answers.trail is not None
    heard: SimpleQueue[object] = SimpleQueue()
    rows: tuple[set[tuple[int, str]], ...] = (set(), {(2, "a.sh")}, set(), set(), {(1, "end")})
    Feed(lambda *_, **__: rows, heard.put).arm(answers.trail)
    told = [heard.get(timeout=BOUND) for _ in range(4)]
    assert told == [None, {("a.sh", True)}, None, {("end", False)}]


@pytest.mark.parametrize("error", [FileNotFoundError, None])
def test_a_watcher_that_ends_early_ends_the_one_before(
    error: type[Exception] | None, project: Path
) -> None:
    answers = rounds()
    answers.answer()
    assert answers.trail is not None
    ends: list[threading.Event] = []

    def watch(*_: str, stop_event: threading.Event, **__: object) -> Iterator[set[object]]:
        ends.append(stop_event)
        if len(ends) == 1:
            yield set()
            stop_event.wait(BOUND)
        elif error is not None:
            raise error

    heard: SimpleQueue[object] = SimpleQueue()
    feed = Feed(watch, heard.put)
    feed.arm(answers.trail)
    assert heard.get(timeout=BOUND) is None
    feed.watched = None
    feed.arm(answers.trail)
    assert ends[0].wait(BOUND)


def test_that_there_is_nothing_to_check_is_told_until_there_is(project: Path) -> None:
    pairs = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").unlink()
    answers = rounds()
    found = answers.answer()
    assert found.code == 2
    assert found.text.startswith("error: there is nothing to check: no pairs, and no --against; ")
    assert answers.trail is not None
    before = watched(answers.trail), answers.trail.answers
    (project / "pyproject.toml").write_text(pairs)
    path = str(project / "pyproject.toml")
    assert before[0].counts(path, before[1], modified=False) or before[0].is_new(path, before[1])
    found = answers.answer()
    assert (found.code, found.findings) == (0, [])


def test_new_is_what_the_answer_before_did_not_have(project: Path) -> None:
    answers = rounds()
    script = project / "scripts/a.sh"
    seen: list[Answer] = []
    for text in (SCRIPT.replace("A=1", "A=2"), SCRIPT.replace("A=1", "A=2").replace("8", "4")):
        script.write_text(text)
        seen.append(answers.answer())
    watching = Watching.__new__(Watching)
    watching.before, watching.now = seen
    watching.only_new = True
    assert ["--tp" in each.lines[0] for each in watching._shown()] == [True]
