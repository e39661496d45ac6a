"""A change as a unified diff, coloured or plain, with secrets masked."""

from __future__ import annotations

import difflib

from dsv4_env.model.secrets import MASK, secret_spans
from dsv4_env.model.style import inert, paint, plain


def unified(path: str, old: str, new: str, *, color: bool = False, label: str | None = None) -> str:
    """The diff from *old* to *new*, empty where they are the same.

    *label* says more about the file in its head line.
    """
    if old == new:
        return ""
    a, b = _lines(old), _lines(new)
    shown_a, shown_b = _lines(_masked(old)), _lines(_masked(new))
    head = f"--- {plain(path)}\n+++ {plain(path)}" + (f"\t({plain(label)})" if label else "")
    out = [paint(line, "bold", color) + "\n" for line in head.split("\n")]
    for group in difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        ranges = _range(first[1], last[2]), _range(first[3], last[4])
        out.append(paint(f"@@ -{ranges[0]} +{ranges[1]} @@", "cyan", color) + "\n")
        for tag, i, j, k, m in group:
            if tag == "equal":
                out += [_shown(" ", line, "", color) for line in shown_a[i:j]]
                continue
            out += [_shown("-", line, "red", color) for line in shown_a[i:j]]
            out += [_shown("+", line, "green", color) for line in shown_b[k:m]]
    return "".join(out)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _masked(text: str) -> str:
    """The text with secrets masked and as many lines as before."""
    parts, at = [], 0
    for start, end in secret_spans(text):
        parts += [text[at:start], MASK, "\n" * text.count("\n", start, end)]
        at = end
    return "".join((*parts, text[at:]))


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _shown(mark: str, line: str, style: str, color: bool) -> str:
    text = inert(plain(line.rstrip("\n").removesuffix("\r")))
    shown = f"{mark}{text}"
    shown = paint(shown, style, color) if style else shown
    missing = "" if line.endswith("\n") else "\\ No newline at end of file\n"
    return f"{shown}\n{missing}"
