"""Regular expressions that are compiled when they are first used: most runs have no use for most.

Compiling takes a thousand times as long as a look-up, and start-up is what users wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["regexp"]

if TYPE_CHECKING:
    from re import compile as regexp
else:

    class regexp:  # noqa: N801  # it stands for the function ``re.compile``
        """A regular expression that is compiled when it is first asked something."""

        def __init__(self, text, flags=0):
            self._made_of = (text, flags)

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            import re

            value = getattr(re.compile(*self._made_of), name)
            setattr(self, name, value)
            return value
