"""``check --watch``: the answer again after each change that it depends on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from dsv4_env.cli.caller import Caller, Hears
from dsv4_env.cli.opening import open_at
from dsv4_env.cli.output import masked_text, nobody_reads, tell
from dsv4_env.guard.files import read_bytes
from dsv4_env.guard.kept import Kept
from dsv4_env.guard.watched import Watched, watched
from dsv4_env.model import Location
from dsv4_env.model.errors import Dsv4Error, UsageError
from dsv4_env.model.finding import Finding, Report
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.text import blocks

if TYPE_CHECKING:
    from dsv4_env.cli.screen import Part, Screen
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


Change = set[tuple[str, bool]] | Exception | None
"""Files, each with whether it was there before and is still; or why there is nothing to hear; or
that from now on files are watched, which may have changed until then."""


class Feed:
    """Tells of changes of files: another thread calls *heard* with what :meth:`changes` takes."""

    def __init__(self, watch: Callable[..., Any], heard: Callable[[Change], object]) -> None:
        self.watch, self.heard = watch, heard
        self.watched: Watched | None = None
        self._asked: dict[Question, Hashable] = {}
        self._answers: dict[Question, Hashable] = {}
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
                    self.heard(None)
                if changes:
                    self.heard({(path, kind == _MODIFIED) for kind, path in changes})
                    again = time.monotonic() + _AGAIN
                elif time.monotonic() > again:
                    again = math.inf
                    self.heard(None)
        except FileNotFoundError:  # a folder went just now: look again which are there
            self.watched = None
            self.heard(None)
        except Exception as exc:  # whatever it is, who waits has to hear of it
            self.heard(exc)
        finally:
            before.set()  # also where this one was ended before it watched

    def changes(self, told: Change) -> tuple[set[str], set[str] | None]:
        """The files that changed and count; and where a look is due, those that may count.

        That is so where something came or went, and for what came before the watch.

        Raises UsageError where they can't be watched.
        """
        if isinstance(told, Exception):
            raise UsageError(
                f"the files can't be watched: {told}",
                expected="fewer folders, or WATCHFILES_FORCE_POLLING=1 in the environment",
            )
        due, found = told is None, told or set()
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

    def __init__(self, rounds: Rounds, watch: Callable[..., Any]) -> None:
        self.rounds, self.feed = rounds, Feed(watch, self._hear)
        self.screen = self._screen() if rounds.terminal else None
        self.now = self.before = Answer()
        self.first = True
        self.only_new = self.help = False
        self.said = ""

    def run(self) -> int:
        """Answer until it's ended; gives the exit code."""
        try:
            asyncio.run(self._run())
        except BrokenPipeError:  # whoever read it has gone: that is no error
            nobody_reads()
        except EOFError:  # the terminal has gone
            _ended(signal.SIGHUP, None)
        finally:
            self.feed.close()
        return 0

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self.loop.create_future()
        self.loop.set_exception_handler(lambda _, what: self._fail(what.get("exception")))
        with self._signals():
            if self.screen is not None:
                shown = self.screen.run_async(set_exception_handler=False, handle_sigint=False)
                task = self.loop.create_task(shown)
                task.add_done_callback(lambda _: self._fail(task.exception()))
            self.loop.call_soon(self._again, "")
            await self.over  # with the loop all else ends, and the terminal is given back

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def _fail(self, exc: BaseException | None) -> None:
        if exc is not None and not self.over.done():
            self.over.set_exception(exc)

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
        if self.screen is None:
            self._append(why)
        else:
            self.said = why
            self.screen.invalidate()

    def _hear(self, what: Change) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self._changed, what)

    def _changed(self, what: Change) -> None:
        """Answer again where files changed that count."""
        changed, maybe = self.feed.changes(what)
        if changed:
            self._again(f"{_named(changed)} changed")
        elif maybe is not None:
            self._again(f"{_named(maybe)} changed" if maybe else "", quietly=True)

    def _append(self, why: str) -> None:
        """The answer behind those before it."""
        said = f": {why}" if why else ""
        out = sys.stdout.buffer
        out.write(f"{self.now.at}{said}\n{self.now.text}\n".encode(errors="surrogateescape"))
        out.flush()

    # The screen

    def _screen(self) -> Screen:
        from dsv4_env.cli.screen import Screen  # prompt_toolkit: for a terminal alone

        keys: dict[str, Callable[[], Awaitable[None] | None]] = {
            "q c-d": self._end,
            "r": lambda: self._again("checked again"),
            "?": self._help,
            "escape": lambda: self._help(show=False),
            "f": self._only_new,
            "e enter c-j": self._open,
        }
        return Screen(self._parts, self._foot, keys)

    def _shown(self) -> list[Told]:
        """The findings that are shown, in their order."""
        if not self.only_new:
            return self.now.findings
        before = {t.same for t in self.before.findings}
        return [t for t in self.now.findings if t.same not in before]

    def _parts(self) -> list[Part]:
        if self.help:
            return [(HELP, None)]
        shown = self._shown()
        numbers = {id(each): number for number, each in enumerate(shown, 1)}
        parts: list[Part] = [
            (each.lines, numbers.get(id(each)))
            for each in (shown if self.only_new else self.now.told)
        ]
        return parts or [(("" if self.first else "nothing new since the answer before",), None)]

    def _foot(self) -> tuple[str, str]:
        if self.first:
            return " checking …", ""
        found = self.now.findings
        new = len({t.same for t in found} - {t.same for t in self.before.findings})
        told = count(len(found), "finding") if found else "nothing found"
        if new:
            told += f" ({new} new)"
        state = f" {self.now.at}  {told}  {self.now.took * 1000:.0f} ms"
        beside = f"  watching {count(self.rounds.files, 'file')}  ? keys  q quit "
        return state + (f"  {self.said}" if self.said else ""), beside

    def _help(self, *, show: bool | None = None) -> None:
        self.help = not self.help if show is None else show

    def _only_new(self) -> None:
        assert self.screen is not None
        self.only_new = not self.only_new
        self.screen.chosen = 1

    async def _open(self) -> None:
        """Open the chosen finding, and answer again."""
        from dsv4_env.cli.screen import run_in_terminal  # as above

        assert self.screen is not None
        shown = self._shown()
        place = shown[min(self.screen.chosen, len(shown)) - 1].place if shown else None
        why = "it has no place in a file" if shown else "there is nothing to open"
        if place is not None:
            # The keys that end and stop are the editor's meanwhile, or mean both. A handler: to
            # ignore Ctrl-C the editor would inherit.
            why = ""
            meanwhile: dict[int, Any] = {
                signal.SIGINT: lambda *_: None,
                signal.SIGTSTP: signal.SIG_DFL,
            }
            kept = _handle(meanwhile)
            try:
                await run_in_terminal(lambda: open_at(place, os.environ))
            except UsageError as exc:
                why = plain(str(exc))
            finally:
                _handle(kept)
        self._again(why)

    # Signals

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Within it signals redraw the screen, give it back and end the waiting."""
        handlers: dict[int, Any] = {
            signal.SIGTERM: _ended,
            signal.SIGHUP: _ended,
            signal.SIGINT: _interrupted,
        }
        if self.screen is not None:
            redraw, suspend = self.screen.redraw, self.screen.suspend
            handlers[signal.SIGCONT] = lambda *_: self.loop.call_soon_threadsafe(redraw)
            handlers[signal.SIGTSTP] = lambda *_: self.loop.call_soon_threadsafe(suspend)
        kept = _handle(handlers)
        try:
            yield
        finally:
            _handle(kept)


def _handle(handlers: dict[int, Any]) -> dict[int, Any]:
    """Have signals handled; gives what did that before."""
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt  # at once, whatever is under way: the loop's own waits for that


def _ended(number: int, _frame: FrameType | None) -> None:
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


def watch(caller: Caller, argv: Sequence[str]) -> int:
    """Answer a command line again after each change; on a terminal on a screen of its own.

    Raises UsageError without what that needs, and where the files can't be watched.
    """
    if sys.stdout is None:
        raise UsageError("standard output is closed", expected="somewhere to write")
    terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    try:
        from watchfiles import watch as changes  # of an extra

        watching = Watching(Rounds(caller, argv, terminal=terminal), changes)
    except ImportError as exc:
        raise UsageError(
            f"--watch: {exc.name} isn't installed",
            expected=f"it beside dsv4-env: `pipx inject dsv4-env {exc.name}`, or "
            "`pip install 'dsv4-env[watch]'`",
        ) from None
    code = watching.run()
    if terminal:
        tell(watching.now.told[-1].lines[-1] if watching.now.told else "")
    return code
