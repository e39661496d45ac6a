"""A file with a launch that is edited: read, brought to a profile, written and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.guard.files import need_file
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError
from dsv4_env.readers import HowRead, choose, detect, file_bytes, read
from dsv4_env.writeback import facts, files
from dsv4_env.writeback.editors import EDITORS
from dsv4_env.writeback.edits import (
    SETTLED,
    Differ,
    EditJob,
    Outcome,
    Refused,
    edit_text,
    first_change,
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file and one launch in it (*index*, from 0); *text* has no byte order mark."""

    path: Path
    data: bytes
    text: str
    encoding: str
    reader: str
    reading: HowRead
    index: int

    def launches(self, text: str) -> list[LaunchConfig]:
        """Every launch of a text that this file might have."""
        return read(self.encoded(text), self.path, self.reading)

    def encoded(self, text: str) -> bytes:
        """A text as the bytes of this file."""
        return EDITORS[self.reader].encode(text, self.encoding)


def open_for_edit(
    path: Path,
    launch: int | None,
    line: int | None,
    symbol: str | None,
    *,
    inputs: Mapping[str, str],
    args: tuple[str, ...] | None,
    closed: bool,
    root: Path | None,
) -> SourceFile:
    """Read a file, and choose a launch of it.

    Raises ReadError where it can't be read or the launch isn't there, UsageError where it's
    another kind of file.
    """
    need_file(path)
    data = file_bytes(path)
    reader = detect(str(path.absolute()), data) or "bash"
    editor = EDITORS.get(reader)
    if editor is None:
        *most, last = [e.one for e in EDITORS.values()]
        raise UsageError(
            f"it is read by the {reader} reader, and what that reads isn't edited",
            where=path,
            expected=f"{', '.join(most)} or {last}",
        )
    text, encoding = editor.decode(data, path)
    reading = HowRead(reader, None, inputs, args, closed, root)
    launches = read(data, path, reading)
    config = choose(launches, str(path), launch=launch, line=line, symbol=symbol)
    return SourceFile(path, data, text, encoding, reader, reading, launches.index(config))


def edit_file(
    opened: SourceFile, profile: LaunchConfig, differ: Differ, *, prune: bool, shared: bool
) -> Outcome:
    """The file's text, edited until its launch is the profile's."""
    propose = EDITORS[opened.reader].propose
    job = EditJob(profile, opened.index, opened.launches, differ, propose, prune, shared)
    return edit_text(job, opened.text)


def edit_facts(
    opened: SourceFile,
    profile: LaunchConfig,
    outcome: Outcome,
    *,
    ignore: Sequence[str] = (),
    shared: bool = False,
) -> list[Refused]:
    """Bring what the file says beside its settings to the profile; what can't be is returned."""
    return facts.edit_facts(
        profile, outcome, opened.launches, opened.index, ignore=ignore, shared=shared
    )


def save(opened: SourceFile, outcome: Outcome, differ: Differ, *, force: bool) -> None:
    """Write the edited text, and read it again: it must be what was intended.

    Raises UsageError where the file may not be written, ReadError where the result differs.
    """
    change = files.FileChange(opened.path, opened.data, opened.encoded(outcome.text))
    intended = {(d.section, d.name) for d in differ(outcome.launch) if d.kind not in SETTLED}

    def verify() -> str | None:
        data = file_bytes(opened.path)
        launch = read(data, opened.path, opened.reading)[opened.index]
        other = first_change(outcome.launch, launch, set())
        found = {(d.section, d.name) for d in differ(launch) if d.kind not in SETTLED}
        return other or next((name for _, name in found - intended), None)

    files.write_changes([change], verify, force=force)
