"""``dsv4-env``, and ``python -m dsv4_env``: what must be quick at once, all else from ``cli``.

Most of the time that ``--help``, ``export PROFILE`` and the completion of a word take is click's
import, and none needs it. Tests hold them to what click does.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # `python -m` puts the current folder there, whose click.py is none of ours

import os

HELP = "help.txt"  # what `dsv4-env --help` prints


def _wide() -> bool:
    """Whether the help's 80 columns fit where it is read; click wraps it for less."""
    if columns := os.environ.get("COLUMNS"):
        return columns.isdigit() and int(columns) >= 80
    try:
        return os.get_terminal_size(1).columns >= 80 if os.isatty(1) else True
    except OSError:
        return False


def _help() -> bytes:
    folder = os.path.dirname(__file__)  # noqa: PTH120  # pathlib takes as long as all the rest
    with open(os.path.join(folder, "cli", HELP), "rb") as file:  # noqa: PTH118, PTH123
        return file.read()


def _export(words: list[str]) -> bytes | None:
    """What ``export PROFILE [-f FORMAT]`` prints; None for anything else, and where it fails."""
    match words:
        case [name] if not name.startswith("-"):
            format_ = "shell"
        case [name, "-f" | "--format", format_] if not name.startswith("-"):
            pass
        case _:
            return None
    from pathlib import Path

    from dsv4_env.exporters import EXPORTERS
    from dsv4_env.profile import load_all
    from dsv4_env.project import profiles_folder

    exporter = EXPORTERS.get(format_)
    if exporter is None or not exporter.quick:
        return None
    try:
        profile = load_all(profiles_folder(Path.cwd(), os.environ)).get(name)
        return exporter(profile.config).encode(errors="surrogateescape") if profile else None
    except Exception:  # click's way meets it again, and tells
        return None


def _quick(words: list[str]) -> bytes | None:
    """The answer to a command line that needs no click, None for all others."""
    if "_DSV4_ENV_COMPLETE" in os.environ:
        from dsv4_env import completion

        return completion.answer()
    if words in (["--help"], ["-h"]):
        return _help() if _wide() else None
    return _export(words[1:]) if words[:1] == ["export"] else None


def main() -> None:
    """The entry point of ``dsv4-env``."""
    import gc

    gc.set_threshold(50_000)  # most of what is made stays, and would be looked through each time
    try:
        _answer()
    finally:
        gc.freeze()  # the interpreter's end would look through it all, too: an eighth of the time


def _answer() -> None:
    answer = _quick(sys.argv[1:])
    try:
        while answer:
            answer = answer[os.write(1, answer) :]
    except OSError:
        pass  # a reader that has gone, a full disk: click's way meets it again, and tells
    if answer == b"":
        return
    from dsv4_env.cli import main as whole

    whole()


if __name__ == "__main__":
    main()
