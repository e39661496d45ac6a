"""A terminal as a screen: parts of a text, one of them chosen, above a line that tells of them."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prompt_toolkit import ANSI, Application
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.data_structures import Point
from prompt_toolkit.formatted_text import to_formatted_text
from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import HSplit, Layout, ScrollOffsets, Window
from prompt_toolkit.layout.controls import FormattedTextControl, UIContent, UIControl
from prompt_toolkit.output import ColorDepth

__all__ = ["Part", "Screen", "run_in_terminal"]

Part = tuple[Sequence[str], int | None]
"""Lines that belong together, and the number of the one that can be chosen, from 1 on."""


class _Text(UIControl):
    """Lines with colours, and the number of the one that is in sight."""

    def __init__(self, text: Callable[[], tuple[Sequence[str], int]]) -> None:
        self.text = text

    def create_content(self, width: int, height: int) -> UIContent:
        lines, at = self.text()
        return UIContent(
            lambda number: to_formatted_text(ANSI(lines[number].expandtabs())),
            line_count=len(lines),
            cursor_position=Point(0, at),
        )


class Screen(Application[None]):
    """Shows *parts* above a *foot* (its two sides), and does what *keys* say beside moving."""

    def __init__(
        self,
        parts: Callable[[], Sequence[Part]],
        foot: Callable[[], tuple[str, str]],
        keys: dict[str, Callable[[], Awaitable[None] | None]],
    ) -> None:
        self.chosen, self.parts, self.foot = 1, parts, foot
        self._at: int | None = None  # the line that was scrolled to
        self._around = 0, 0  # lines that are to be seen before and behind the chosen one
        offsets = ScrollOffsets(lambda: self._around[0], lambda: self._around[1])
        self._window = Window(
            _Text(self._text), wrap_lines=True, always_hide_cursor=True, scroll_offsets=offsets
        )
        bindings = KeyBindings()
        moving: dict[str, Callable[[], None]] = {
            "up k": lambda: self._choose(self.chosen - 1),
            "down j": lambda: self._choose(self.chosen + 1),
            "home": lambda: self._scroll(0, 0),
            "end": lambda: self._scroll(sys.maxsize),
            "pageup": lambda: self._scroll(self._seen()[0], 0),
            "pagedown space": lambda: self._scroll(self._seen()[1], self._seen()[1]),
            "c-l": self.redraw,
            "c-c": lambda: signal.raise_signal(signal.SIGINT),  # typed before the first drawing
            "c-z": lambda: signal.raise_signal(signal.SIGTSTP),
        }
        for number in range(1, 10):
            moving[str(number)] = lambda number=number: self._choose(number)  # type: ignore[misc]
        for names, does in (moving | keys).items():
            for name in names.split():
                bindings.add(" " if name == "space" else name)(lambda _, does=does: does())
        last = Window(FormattedTextControl(self._foot), height=1, style="reverse")
        super().__init__(
            Layout(HSplit([self._window, last])),
            key_bindings=bindings,
            full_screen=True,
            input=create_input(sys.stdin if sys.stdin and sys.stdin.isatty() else sys.stdout),
            after_render=self._heed_signals,
            color_depth=ColorDepth.DEPTH_4_BIT,  # those of the text, which knows of NO_COLOR
        )

    def _heed_signals(self, _sender: object) -> None:
        """Have Ctrl-C and Ctrl-Z be signals, which are heard while something else runs."""
        modes: list[Any] = termios.tcgetattr(self.input.fileno())
        modes[3] |= termios.ISIG
        termios.tcsetattr(self.input.fileno(), termios.TCSANOW, modes)

    def redraw(self) -> None:
        """Draw all of it: something else may have drawn there."""
        self.renderer.clear()
        self.invalidate()

    def suspend(self) -> None:
        """Stop, with the terminal given back; then go on."""

        def stop() -> None:
            handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, handler)

        run_in_terminal(stop)

    def _text(self) -> tuple[list[str], int]:
        """All lines, and which of them is in sight."""
        self._choose(self.chosen, self._at)
        lines: list[str] = []
        at, self._around = self._at, (0, 0)
        for each, number in self.parts():
            if at is None and number == self.chosen:
                at = len(lines)
                self._around = at if number == 1 else 0, len(each) - 1
            mark = ">" if number == self.chosen else " "
            lines += [f"{mark}{number} {each[0]}" if number else each[0], *each[1:]]
        return lines, max(0, min(at or 0, len(lines) - 1))

    def _foot(self) -> str:
        """Of the right side as many words as there is room for."""
        width = self.output.get_size().columns
        left, right = self.foot()
        words = right.split("  ")
        while words and len(left) + len("  ".join(words)) > width:
            del words[0]
        right = "  ".join(words)
        return f"{left}{right:>{max(width - len(left), 0)}}"

    def _choose(self, number: int, at: int | None = None) -> None:
        """Choose a finding, or the nearest that there is."""
        self._at = at
        if numbers := [number for _, number in self.parts() if number]:
            self.chosen = max(1, min(number, numbers[-1]))

    def _seen(self) -> tuple[int, int]:
        """The first line in sight and the last one; of a single one those around it."""
        seen = self._window.render_info
        first, last = (seen.first_visible_line(), seen.last_visible_line()) if seen else (0, 0)
        return max(0, min(first, last - 1)), max(last, first + 1)

    def _scroll(self, at: int, top: int | None = None) -> None:
        """Have a line in sight; *top*: as near as possible to where that line is the first one."""
        self._at = at
        if top is not None:
            self._window.vertical_scroll = top
