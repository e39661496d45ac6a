"""A script or test as a file that is edited: read, brought to a profile, written and read again."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.drift import sources
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import UsageError
from dsv4_env.readers import choose
from dsv4_env.readers.detect import detect
from dsv4_env.writeback import SETTLED, Differ, Editor, Job, Outcome, changed, files
from dsv4_env.writeback import bring as bring_text


@dataclass(frozen=True, slots=True)
class Opened:
    """A file and one launch in it (*index*, from 0); *text* has no byte order mark."""

    path: Path
    data: bytes
    text: str
    encoding: str
    reader: str
    reading: sources.Reading
    index: int

    def launches(self, text: str) -> list[LaunchConfig]:
        """Every launch of a text that this file might have."""
        return sources.read(self.encoded(text), self.path, self.reading)

    def encoded(self, text: str) -> bytes:
        """A text as the bytes of this file; what they can't hold is escaped, as literals may."""
        if self.reader == "bash":
            return text.encode("utf-8", "surrogateescape")
        return text.encode(self.encoding, "backslashreplace")


def open_source(
    path: Path,
    launch: int | None,
    line: int | None,
    symbol: str | None,
    *,
    inputs: Mapping[str, str],
    args: tuple[str, ...] | None,
    closed: bool,
    root: Path | None,
) -> Opened:
    """Read a script or test, and choose a launch of it.

    Raises ReadError where it can't be read or the launch isn't there, UsageError where it's
    another kind of file.
    """
    data = sources.load(path)
    reader = detect(str(path.absolute()), data) or "bash"
    if reader not in ("bash", "python"):
        raise UsageError(
            f"it is read by the {reader} reader",
            where=path,
            expected="a bash script or a Python file: nothing else is written",
        )
    if reader == "bash" and b"\r\n" in data:
        raise UsageError(
            "CRLF line endings: bash takes the carriage return for a part of a line's last word",
            where=Location(str(path), data[: data.index(b"\r\n")].count(b"\n") + 1),
            expected="a script with LF line endings",
        )
    reading = sources.Reading(reader, None, inputs, args, closed, root)
    launches = sources.read(data, path, reading)
    config = choose(launches, str(path), launch=launch, line=line, symbol=symbol)
    encoding = "utf-8"
    if reader == "python":
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    else:
        text = data.decode("utf-8", "surrogateescape")
    return Opened(path, data, text, encoding, reader, reading, launches.index(config))


def bring(
    opened: Opened, profile: LaunchConfig, differ: Differ, *, prune: bool, shared: bool
) -> Outcome:
    """The file's text, edited until its launch is the profile's."""
    editor: Editor
    if opened.reader == "bash":
        from dsv4_env.writeback.bash import propose as editor
    else:
        from dsv4_env.writeback.python import propose as editor
    job = Job(profile, opened.index, opened.launches, differ, editor, prune, shared)
    return bring_text(job, opened.text)


def save(opened: Opened, outcome: Outcome, differ: Differ, *, force: bool) -> None:
    """Write the edited text, and read it again: it must be what was intended.

    Raises UsageError where the file may not be written, ReadError where the result differs.
    """
    change = files.Change(opened.path, opened.data, opened.encoded(outcome.text))
    intended = {(d.section, d.name) for d in differ(outcome.launch) if d.kind not in SETTLED}

    def verify() -> str | None:
        data = sources.load(opened.path)
        launch = sources.read(data, opened.path, opened.reading)[opened.index]
        other = changed(outcome.launch, launch, set())
        found = {(d.section, d.name) for d in differ(launch) if d.kind not in SETTLED}
        return other or next((name for _, name in found - intended), None)

    files.write([change], verify, force=force)
