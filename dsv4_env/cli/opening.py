"""The user's editor, opened at a line."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dsv4_env.model import Location
from dsv4_env.model.errors import UsageError

_PLUS = "+{line} {path}"
_COLON = "{path}:{line}:{column}"
# How editors are told a line; of any other the file alone is opened.
_WORDS = {
    **dict.fromkeys("vi vim nvim vim.basic vim.tiny nvi elvis view gvim mvim ex".split(), _PLUS),
    **dict.fromkeys("nano pico rnano micro kak joe jed ne mg gedit".split(), _PLUS),
    **dict.fromkeys("emacs emacsclient jmacs".split(), "+{line}:{column} {path}"),
    **dict.fromkeys(
        "code code-insiders codium vscodium cursor windsurf".split(), "-g {path}:{line}:{column}"
    ),
    **dict.fromkeys("hx helix subl zed zeditor".split(), _COLON),
    **dict.fromkeys("idea pycharm charm clion".split(), "--line {line} {path}"),
    **dict.fromkeys("kate kwrite".split(), "-l {line} {path}"),
}


def editor(environ: Mapping[str, str]) -> list[str]:
    """The words of the editor that ``$VISUAL`` or ``$EDITOR`` names. Raises UsageError."""
    for name in ("VISUAL", "EDITOR"):
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            return shlex.split(text)
        except ValueError:
            raise UsageError(
                f"${name} is {text}", expected="a command that a shell reads"
            ) from None
    raise UsageError("no editor is set", expected="$VISUAL or $EDITOR")


def command(words: list[str], place: Location) -> list[str]:
    """The command that opens a file at a place in it."""
    path = os.path.abspath(place.path)  # noqa: PTH100  # no name of a file looks like an option
    known = _WORDS.get(Path(words[0]).name.removesuffix(".exe").removesuffix(".cmd"))
    if known is None or place.line is None:
        return [*words, path]
    told = {"line": place.line, "column": place.column or 1, "path": path}
    return [*words, *(part.format(**told) for part in known.split(" "))]


def open_at(place: Location, environ: Mapping[str, str]) -> None:
    """Open the user's editor at a place, and wait until it ends. Raises UsageError."""
    if not Path(place.path).is_file():
        raise UsageError("it can't be opened", where=place.path, expected="a file that is there")
    words = command(editor(environ), place)
    try:
        done = subprocess.run(words, check=False)  # noqa: S603  # the user's own editor
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise UsageError(f"{words[0]} can't be run: {reason}", expected="an editor") from None
    if done.returncode:
        raise UsageError(f"{words[0]} ended with {done.returncode}", where=place)
