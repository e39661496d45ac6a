"""What can go wrong, said once: what was found, where, what was expected, and the nearest name."""

from __future__ import annotations

from collections.abc import Iterable

from dsv4_env.model.secrets import scrubbed


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to *name*, or None when none is near."""
    import difflib  # only errors need it

    folded = {k.casefold(): k for k in sorted(known)}
    wanted = name.casefold()
    close = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.7)
    if not close:  # `mpt` for mtp
        close = [k for k in folded if sorted(k) == sorted(wanted)][:1]
    if not close:  # `enviroment` for env, `timeout` for timeout-seconds
        close = [k for k in folded if k.startswith(wanted) or wanted.startswith(k)]
        close = close if len(close) == 1 and min(len(close[0]), len(wanted)) > 2 else []
    return folded[close[0]] if close else None


_LONGEST = 1000  # characters of one part of a message: some ten lines of a terminal
_LOOKED_AT = 20_000  # of which secrets are masked before the part is cut


def shortened(text: str, most: int = _LONGEST) -> str:
    """A part of a message, cut where it is longer than anybody reads: a list behind an item."""
    if len(text) <= most:
        return text
    kept, comma, _ = text[:most].rpartition(", ")
    kept = f"{kept}{comma}" if kept else text[:most]
    return f"{kept}… ({len(text) - len(kept):,} more characters)"


def _told(text: str) -> str:
    return shortened(scrubbed(text[:_LOOKED_AT]))


class Dsv4Error(Exception):
    """Bad input or usage. The command line prints it as one message and exits with 2.

    *where* is ``path:line:col`` (or less, where less is known), *expected* says what would
    have been right, *hint* is the nearest name that exists. As text it holds no secret.
    """

    def __init__(
        self,
        found: str,
        *,
        where: object | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.found = found
        self.where = str(where) if where is not None else None
        self.expected = expected
        self.hint = hint
        super().__init__(found)

    @property
    def message(self) -> str:
        """All that it says but for the place; secrets are masked, long lists are cut."""
        text = _told(self.found)
        if self.expected:
            text += f"; {self.wanted}"
        if self.hint:
            text += f". Did you mean {shortened(self.hint)}?"
        return text

    @property
    def problem(self) -> str:
        """What was found, alone; *wanted* is what would have been right."""
        return _told(self.found)

    @property
    def wanted(self) -> str:
        """``expected …``, empty where that isn't said."""
        return f"expected {_told(self.expected)}" if self.expected else ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ProfileError(Dsv4Error):
    """A profile or layer that can't be used: wrong key, wrong type, circle, disagreement."""


class ReadError(Dsv4Error):
    """A file or source that a reader can't read."""


class SeveralError(ReadError):
    """A file of which one launch is meant, and that has several."""


class ExportError(Dsv4Error):
    """A value that the asked-for format can't carry."""


class ServerError(Dsv4Error):
    """A server that doesn't come up, or doesn't end."""


class SettingsError(Dsv4Error):
    """The tool's own settings are wrong."""


class UsageError(Dsv4Error):
    """The command line asks for something that can't be done."""
