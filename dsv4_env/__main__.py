"""``dsv4-env``, and ``python -m dsv4_env``: the help at once, all else from :mod:`dsv4_env.cli`."""

from __future__ import annotations

import os
import sys

HELP = "help.txt"  # what `dsv4-env --help` prints; a test holds it to the commands


def _wide() -> bool:
    """Whether the help's 80 columns fit where it is read; click wraps it for less."""
    if columns := os.environ.get("COLUMNS"):
        return columns.isdigit() and int(columns) >= 80
    try:
        return os.get_terminal_size(1).columns >= 80 if os.isatty(1) else True
    except OSError:
        return False


def main() -> None:
    """The entry point of ``dsv4-env``."""
    if sys.argv[1:] in (["--help"], ["-h"]) and "_DSV4_ENV_COMPLETE" not in os.environ and _wide():
        # Most of the time that click's help takes is click's import.
        with open(os.path.join(os.path.dirname(__file__), "cli", HELP), "rb") as file:  # noqa: PTH118, PTH120, PTH123
            text = file.read()
        try:
            os.write(1, text)
        except OSError:
            pass
        else:
            return
    from dsv4_env.cli import main as whole

    whole()


if __name__ == "__main__":
    main()
