"""``python -m dsv4_env`` is ``dsv4-env``."""

from __future__ import annotations

from dsv4_env.cli import main

if __name__ == "__main__":
    main()
