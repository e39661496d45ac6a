"""``python -m dsv4_env``, and the entry point of ``dsv4-env``."""

from __future__ import annotations

import gc
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # `python -m` puts the current folder there, whose click.py is none of ours


def main() -> None:
    """Run the command line."""
    gc.set_threshold(50_000)  # most of what is made stays, and would be looked through each time
    from dsv4_env.cli import main as whole  # what this makes is to stay uncounted, too

    try:
        whole()
    finally:
        gc.freeze()  # the interpreter's end would look through it all, too: an eighth of the time


if __name__ == "__main__":
    main()
