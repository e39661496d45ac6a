"""What can go wrong, said once: what was found, where, what was expected, and the nearest name."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to *name*, or None when none is near."""
    import difflib  # only errors need it

    folded = {k.casefold(): k for k in sorted(known)}
    wanted = name.casefold()
    close = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.7)
    if not close:  # `enviroment` for env, `timeout` for timeout-seconds
        close = [k for k in folded if k.startswith(wanted) or wanted.startswith(k)]
        close = close if len(close) == 1 and min(len(close[0]), len(wanted)) > 2 else []
    return folded[close[0]] if close else None


MOST = 2_000  # characters of each part of a message: a file may hold a name of megabytes


def short(text: str, most: int = MOST) -> str:
    """The text, its middle left out where it is longer than anybody reads."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


class Dsv4Error(Exception):
    """Bad input or usage. The command line prints it as one message and exits with 2.

    *where* is ``path:line:col`` (or less, where less is known), *expected* says what would
    have been right, *hint* is the nearest name that exists.
    """

    def __init__(
        self,
        found: str,
        *,
        where: object | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        found = short(found, MOST // 4)
        self.found = found
        self.where = str(where) if where is not None else None
        self.expected = expected and short(expected)
        self.hint = hint
        super().__init__(found)

    def __str__(self) -> str:
        text = f"{self.where}: {self.found}" if self.where else self.found
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f". Did you mean {self.hint}?"
        return text


class ProfileError(Dsv4Error):
    """A profile or layer that can't be used: wrong key, wrong type, circle, disagreement."""


class ReadError(Dsv4Error):
    """A file or source that a reader can't read."""


class ExportError(Dsv4Error):
    """A value that the asked-for format can't carry."""


class ServerError(Dsv4Error):
    """A server that doesn't come up, or doesn't end."""


class SettingsError(Dsv4Error):
    """The tool's own settings are wrong."""


class UsageError(Dsv4Error):
    """The command line asks for something that can't be done."""
