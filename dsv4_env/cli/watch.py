"""``check --watch``: the answer again after each change that it depends on."""

from __future__ import annotations

import contextlib
import gc
import io
import math
import os
import select
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from dsv4_env.cli.caller import Caller, Hears
from dsv4_env.cli.opening import open_at
from dsv4_env.cli.output import masked_text, nobody_reads, tell
from dsv4_env.cli.screen import Part, Terminal, View, foot
from dsv4_env.guard.files import read_bytes
from dsv4_env.guard.kept import Kept
from dsv4_env.guard.watched import Watched, watched
from dsv4_env.model import Location
from dsv4_env.model.errors import Dsv4Error, UsageError
from dsv4_env.model.finding import Finding, Report
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.text import blocks

if TYPE_CHECKING:
    from dsv4_env.guard.asked import Question, Trail

_STEP = 20  # milliseconds without another change until one is told
_MOST = 200  # milliseconds that changes may go on until they are told
_READY = 50  # milliseconds until a watcher that was begun is taken to watch
_AGAIN = 1  # second after which a change is looked for again: polling takes two within one for one
_MODIFIED = 2  # watchfiles' number for it
_SHOWN = 3  # changed files that are named
HELP = (
    "1-9, up, down   choose a finding",
    "enter, e        open it at its line, with $VISUAL or $EDITOR",
    "f               only findings that are new since the answer before, or all again",
    "space, page up  scroll",
    "r               check again",
    "q               end, with exit code 0 (Ctrl-C: 130)",
    "?               these keys, or the findings again",
)


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as it's shown, or an error: its lines and place, and what makes it the same one."""

    lines: tuple[str, ...]
    place: Location | None = None
    same: tuple[object, ...] = ()


@dataclass(slots=True)
class Answer:
    """What one round came to: findings and lines between them, in their order."""

    told: list[Told] = field(default_factory=list)
    code: int = 0
    at: str = ""
    took: float = 0

    @property
    def findings(self) -> list[Told]:
        """What can be chosen."""
        return [t for t in self.told if t.same]

    @property
    def text(self) -> str:
        """All of it, as a report has it."""
        return "".join(f"{line}\n" for each in self.told for line in each.lines)


class Rounds:
    """Runs a command line again and again, and keeps what stays as it was."""

    def __init__(self, caller: Caller, argv: Sequence[str], *, terminal: bool) -> None:
        self.caller, self.argv, self.terminal = caller, list(argv), terminal
        self.kept = Kept()
        self.trail: Trail | None = None

    @property
    def files(self) -> int:
        """How many files the last answer was read from."""
        asked = self.trail.answers if self.trail else {}
        return len({args[0] for ask, args, _ in asked if ask is read_bytes})

    def answer(self) -> Answer:
        """Run it. Raises KeyboardInterrupt where that was interrupted."""
        found = Answer(at=time.strftime("%H:%M:%S"))
        began = time.perf_counter()
        said, errors = _Captured(terminal=self.terminal), _Captured(terminal=False)
        hears = Hears(
            lambda report: found.told.extend(_of_report(report, worst_first=self.terminal)),
            lambda exc: found.told.append(_of_error(exc)),
        )
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(errors),
            self.kept.round() as trail,
        ):
            found.code = self.caller.run(self.argv, hears)
        if found.code == 130:
            raise KeyboardInterrupt
        first = self.trail is None
        self.trail = trail
        wrong = any(t.same for t in found.told) and found.code == 2 and len(found.told) == 1
        lines = [plain(line) for line in errors.text().splitlines()]
        lines = [line for line in lines if not (wrong and line.startswith("dsv4-env: error: "))]
        if lines:
            found.told.insert(0, Told((*lines, "")))
        if said.text():
            found.told.append(Told(tuple(said.text().splitlines())))
        if first:
            gc.collect()
            gc.freeze()  # what was made now stays: there is no need to look through it again
        found.took = time.perf_counter() - began
        return found


class _Captured(io.TextIOWrapper):
    """What a command prints; *terminal*: it may have colours and the width of one."""

    def __init__(self, *, terminal: bool) -> None:
        self.bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.bytes, encoding="utf-8", errors="surrogateescape", newline="\n")

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        """All of it."""
        self.flush()
        return self.bytes.getvalue().decode("utf-8", "replace")


def _of_report(report: Report, *, worst_first: bool) -> Iterator[Told]:
    """What a report says; *worst_first*: files with findings before those without."""
    found = [block for block in blocks(report) if any(lines for _, lines in block)]
    if worst_first:
        found.sort(key=lambda block: all(finding is None for finding, _ in block))
    for number, block in enumerate(found):
        if number:
            yield Told(("",))
        for finding, inner in block:
            if inner:
                masked = masked_text("\n".join(inner)).split("\n")
                yield Told(tuple(masked), finding.location if finding else None, _same(finding))


def _same(finding: Finding | None) -> tuple[object, ...]:
    """What a finding has in common with itself after its file was edited elsewhere."""
    if finding is None:
        return ()
    path = finding.location.path if finding.location else ""
    return (finding.rule.id, finding.subject, path, finding.message)


def _of_error(exc: Dsv4Error) -> Told:
    text = masked_text(plain(str(exc)))
    return Told((f"error: {text}",), _place(exc.where), ("error", text))


def _place(where: str | None) -> Location | None:
    """The place that a message tells: ``path:line:column``, or less."""
    if where is None:
        return None
    path, *numbers = where.rsplit(":", 2)
    while numbers and not all(n.isdigit() for n in numbers):
        path, *numbers = ":".join([path, numbers[0]]), *numbers[1:]
    if not Path(path).is_file():
        return None
    return Location(path, *map(int, numbers))


class Feed:
    """Tells which files changed: a file descriptor that can be read, then :meth:`changes`."""

    def __init__(self, watch: Callable[..., Any]) -> None:
        self.watch = watch
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        self.watched: Watched | None = None
        self._asked: dict[Question, Hashable] = {}
        self._answers: dict[Question, Hashable] = {}
        self._told: deque[set[tuple[str, bool]] | Exception | None] = deque()
        self._stop = threading.Event()

    def arm(self, trail: Trail) -> None:
        """Watch what an answer hangs on from now on; and what was watched until that is so."""
        self._answers = trail.answers
        # What a file holds says nothing of where it is.
        asked = {q: a if q[0] is not read_bytes else None for q, a in trail.answers.items()}
        if self.watched is not None and asked == self._asked:
            return
        self._asked, found = asked, watched(trail)
        was, self.watched = self.watched, found  # before the thread says that they can't be
        if was is None or found.folders != was.folders:
            before, self._stop = self._stop, threading.Event()
            words = (sorted(found.folders), self._stop, before)
            threading.Thread(target=self._follow, args=words, daemon=True).start()

    def _follow(
        self, folders: Sequence[str], stop: threading.Event, before: threading.Event
    ) -> None:
        again = math.inf
        try:
            for changes in self.watch(
                *folders,
                watch_filter=None,
                debounce=_MOST,
                step=_STEP,
                rust_timeout=_READY,
                yield_on_timeout=True,
                stop_event=stop,
                recursive=False,
                ignore_permission_denied=True,
                raise_interrupt=False,
            ):
                if not before.is_set():  # this one watches now
                    before.set()
                    self._tell(None)
                if changes:
                    self._tell({(path, kind == _MODIFIED) for kind, path in changes})
                    again = time.monotonic() + _AGAIN
                elif time.monotonic() > again:
                    again = math.inf
                    self._tell(None)
        except FileNotFoundError:  # a folder went just now: look again which are there
            self.watched = None
            self._tell(None)
        except Exception as exc:  # whatever it is, who waits has to hear of it
            self._tell(exc)
        finally:
            before.set()  # also where this one was ended before it watched

    def _tell(self, what: set[tuple[str, bool]] | Exception | None) -> None:
        self._told.append(what)
        with contextlib.suppress(OSError):
            os.write(self._write, b".")

    def changes(self) -> tuple[set[str], set[str] | None]:
        """The files that changed and count; and where a look is due, those that may count.

        That is so where something came or went, and for what came before the watch.

        Raises UsageError where they can't be watched.
        """
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 1024):
                pass
        found: set[tuple[str, bool]] = set()
        due = False
        while self._told:
            told = self._told.popleft()
            if isinstance(told, Exception):
                raise UsageError(
                    f"the files can't be watched: {told}",
                    expected="fewer folders, or WATCHFILES_FORCE_POLLING=1 in the environment",
                )
            due = due or told is None
            found |= told or set()
        if self.watched is None:
            return set(), set() if due else None
        now, was = self.watched, self._answers
        changed = {path for path, modified in found if now.counts(path, was, modified=modified)}
        new = {path for path, _ in found if path not in changed and now.is_new(path, was)}
        anew = {path for path, modified in found if path in now.wanted and not modified}
        if anew or any(map(os.path.islink, changed)):
            self.watched = None  # it may be another folder now, which isn't watched yet
            due = True
        return changed, new if due or new else None

    def close(self) -> None:
        """End it."""
        self._stop.set()


class Watching:
    """The waiting: for changes, keys and signals, and what comes of them."""

    def __init__(self, rounds: Rounds, feed: Feed, terminal: Terminal | None) -> None:
        self.rounds, self.feed, self.terminal = rounds, feed, terminal
        self.view = View()
        self.now, self.before = Answer(), Answer()
        self.first = True
        self.only_new = self.help = False
        self.said = ""
        self.woken, self._wake = os.pipe()

    def run(self) -> int:
        """Answer until it's ended; gives the exit code."""
        with self._signals():
            try:
                if self.terminal is not None:
                    self.terminal.take()
                    self.terminal.draw([], foot(" checking …", "", self.terminal.size()[0]))
                self._again("")
                while self._wait():
                    pass
            except BrokenPipeError:  # whoever read it has gone: that is no error
                nobody_reads()
            finally:
                if self.terminal is not None:
                    self.terminal.give_back()
                self.feed.close()
        return 0

    # Rounds

    def _again(self, why: str, *, quietly: bool = False) -> None:
        """Answer again; *quietly*: nothing is shown where it's the same answer."""
        before = self.rounds.trail
        found = self.rounds.answer()
        assert self.rounds.trail is not None
        if not quietly:
            self._show(found, why)
        elif found.text != self.now.text:
            self._show(found, why or (_differing(before, self.rounds.trail) if before else ""))
        self.feed.arm(self.rounds.trail)

    def _show(self, found: Answer, why: str) -> None:
        """Show an answer, and why there is one."""
        if self.first:
            self.first, self.before = False, found
        elif [t.same for t in found.findings] != [t.same for t in self.now.findings]:
            self.before = self.now  # an answer that is the same says nothing of what is new
        self.now = found
        if self.terminal is None:
            self._append(why)
        else:
            self.said = why
            self.view.chosen = max(1, min(self.view.chosen, len(self._shown())))
            self._draw(follow=False)

    def _append(self, why: str) -> None:
        """The answer behind those before it."""
        said = f": {why}" if why else ""
        out = sys.stdout.buffer
        out.write(f"{self.now.at}{said}\n{self.now.text}\n".encode(errors="surrogateescape"))
        out.flush()

    # The screen

    def _shown(self) -> list[Told]:
        """The findings that are shown, in their order."""
        if not self.only_new:
            return self.now.findings
        before = {t.same for t in self.before.findings}
        return [t for t in self.now.findings if t.same not in before]

    def _parts(self) -> list[Part]:
        if self.help:
            return [Part(HELP)]
        shown = self._shown()
        numbers = {id(each): number for number, each in enumerate(shown, 1)}
        told = shown if self.only_new else self.now.told
        parts = [Part(each.lines, numbers.get(id(each))) for each in told]
        return parts or [Part(("nothing new since the answer before",))]

    def _draw(self, *, follow: bool = True) -> None:
        terminal = self.terminal
        assert terminal is not None
        size = terminal.size()
        rows = self.view.rows(self._parts(), size, follow=follow)
        beside = f"  watching {count(self.rounds.files, 'file')}  ? keys  q quit "
        terminal.draw(rows, foot(self._state(), beside, size[0]))

    def _state(self) -> str:
        found = self.now.findings
        new = len({t.same for t in found} - {t.same for t in self.before.findings})
        told = count(len(found), "finding") if found else "nothing found"
        if new:
            told += f" ({new} new)"
        state = f" {self.now.at}  {told}  {self.now.took * 1000:.0f} ms"
        return state + (f"  {self.said}" if self.said else "")

    # Waiting

    def _wait(self) -> bool:
        """Wait for what comes next, and do it; False at the end."""
        keyboard = self.terminal.into if self.terminal else None
        ready = select.select(
            [f for f in (self.feed.fd, self.woken, keyboard) if f is not None], [], []
        )[0]
        if self.woken in ready:
            os.read(self.woken, 1024)
            if self.terminal is not None:
                self._draw()
        if self.feed.fd in ready:
            changed, maybe = self.feed.changes()
            if changed:
                self._again(f"{_named(changed)} changed")
            elif maybe is not None:
                self._again(f"{_named(maybe)} changed" if maybe else "", quietly=True)
        if keyboard in ready:
            assert self.terminal is not None
            pressed = self.terminal.pressed()
            if pressed is None:
                self.terminal.into = None  # it is gone: whoever started this ends it
                return True
            return all(self._press(key) for key in pressed)
        return True

    def _press(self, key: str) -> bool:
        """Do what a key says; False where that is to end."""
        if key == "q":
            return False
        if key == "r":
            self._again("checked again")
            return True
        number = len(self._shown())
        if key == "?":
            self.help = not self.help
        elif key == "escape":
            self.help = False
        elif key == "f":
            self.only_new = not self.only_new
            self.view.chosen = 1
        elif key in ("enter", "e"):
            self._open()
            return True
        elif key in ("up", "down") or (key.isdigit() and key != "0"):
            step = {"up": -1, "down": 1}.get(key)
            chosen = int(key) if step is None else self.view.chosen + step
            self.view.chosen = max(1, min(chosen, number))
        elif key in ("page up", "page down", "home", "end"):
            assert self.terminal is not None
            page = max(self.terminal.size()[1] - 2, 1)
            ends = {"home": 0, "end": 1_000_000}
            self.view.top = ends.get(key, self.view.top + (page if key == "page down" else -page))
            self.view.top = max(self.view.top, 0)
            self._draw(follow=False)
            return True
        self.said = ""
        self._draw()
        return True

    def _open(self) -> None:
        """Open the chosen finding, and answer again."""
        assert self.terminal is not None
        shown = self._shown()
        place = shown[self.view.chosen - 1].place if shown else None
        why = "" if shown else "there is nothing to open"
        if place is not None:
            # Ctrl-C is the editor's meanwhile. A handler: to ignore it the editor would inherit.
            kept = signal.signal(signal.SIGINT, lambda *_: None)
            try:
                with self.terminal.lent():
                    open_at(place, os.environ)
            except UsageError as exc:
                why = plain(str(exc))
            finally:
                signal.signal(signal.SIGINT, kept)
        elif shown:
            why = "it has no place in a file"
        self._again(why)

    # Signals

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Within it signals redraw the screen, give it back and end the waiting."""
        handlers: dict[int, Any] = {signal.SIGTERM: _end, signal.SIGHUP: _end}
        if self.terminal is not None:
            handlers |= {
                signal.SIGWINCH: self._redraw,
                signal.SIGTSTP: self._suspend,
                signal.SIGCONT: self._redraw,
            }
        kept = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _redraw(self, _number: int, _frame: FrameType | None) -> None:
        os.write(self._wake, b".")

    def _suspend(self, number: int, _frame: FrameType | None) -> None:
        """Stop, as Ctrl-Z asks for, with the terminal given back; then go on."""
        assert self.terminal is not None
        with self.terminal.lent():
            was = signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            signal.signal(number, was)
        os.write(self._wake, b".")


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _differing(before: Trail, now: Trail) -> str:
    """The files that were read otherwise than before."""
    asked = before.answers.keys() & now.answers.keys()
    changed = [key for key in asked if before.answers[key] != now.answers[key]]
    files = {str(args[0]) for ask, args, _ in changed if ask is read_bytes}
    return f"{_named(files)} changed" if files else ""


def _named(paths: set[str]) -> str:
    """The names of some of the files: of those that are there still, where one is.

    Many editors save by way of a file that is gone at once.
    """
    there = {path for path in paths if os.path.lexists(path)}
    names = sorted({Path(path).name for path in there or paths})
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return plain(", ".join(names[:_SHOWN]) + more)


def _watcher() -> Callable[..., Any]:
    try:
        from watchfiles import watch as changes
    except ImportError:
        raise UsageError(
            "--watch: watchfiles isn't installed",
            expected="it beside dsv4-env: `pipx inject dsv4-env watchfiles`, or "
            "`pip install 'dsv4-env[watch]'`",
        ) from None
    return changes


def watch(caller: Caller, argv: Sequence[str]) -> int:
    """Answer a command line again after each change; on a terminal on a screen of its own.

    Raises UsageError without watchfiles, and where the files can't be watched.
    """
    feed = Feed(_watcher())
    terminal = None
    if sys.stdout is None:
        raise UsageError("standard output is closed", expected="somewhere to write")
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        keyboard = sys.stdin is not None and sys.stdin.isatty()
        terminal = Terminal(sys.stdout.fileno(), sys.stdin.fileno() if keyboard else None)
    watching = Watching(Rounds(caller, argv, terminal=terminal is not None), feed, terminal)
    code = watching.run()
    if terminal is not None:
        last = watching.now.told[-1].lines[-1] if watching.now.told else ""
        tell(last)
    return code
