"""``unadopt``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from dsv4_env.adopt.inlining import inlined
from dsv4_env.adopt.rewriting import CannotRewrite
from dsv4_env.adopt.spelling import HELP, spelled_out
from dsv4_env.cli import complete
from dsv4_env.cli.options import collected, color_option
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.settings import pyproject, settings
from dsv4_env.guard.files import checkout, read_named
from dsv4_env.lang.python.syntax.text import decoded
from dsv4_env.model.errors import UsageError
from dsv4_env.model.style import plain
from dsv4_env.readers import detect
from dsv4_env.readers.taken import KnownProfiles
from dsv4_env.reporters.unified import unified
from dsv4_env.writeback.files import FileChange, write_changes


@dataclass(frozen=True, slots=True)
class Unadopting:
    """Whether it is written, and over what somebody else has changed."""

    write_: bool
    force: bool


_EXPECTED = "a test in Python, or a script"


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, shell_complete=complete.offered_files
)
@collected(
    "unadopting",
    Unadopting,
    click.option("--write", "write_", is_flag=True, help="Write what the diff shows."),
    click.option(
        "--force", is_flag=True, help="Write files that have changes which aren't committed."
    ),
)
@color_option
def unadopt(files: tuple[str, ...], unadopting: Unadopting, color: bool) -> int:
    """Write what tests and scripts take from profiles back into them.

    They then need dsv4-env no more: the way back from `adopt --rewrite`. Variables become a dict
    over os.environ, arguments a list, the model and timeouts what they are; load_profile goes. In
    a script, what `eval "$(dsv4-env export …)"` runs takes its place. The launches are read before
    and after, and nothing is written where they differ. The profiles and the pairs that hold the
    tests to them stay.

    \b
    Exit codes: 0 nothing (more) to do, 1 there is something to write, 2 wrong usage, or a test
    whose use of a profile can't be written out.

    \b
    Examples:
      dsv4-env unadopt test/registered/amd/test_deepseek_v4_pro_fp4.py
      dsv4-env unadopt test/registered/amd/test_deepseek_v4_*.py --write
    """
    found = settings()
    project = (found.source or pyproject()).parent
    changes: list[FileChange] = []
    for name in dict.fromkeys(files):
        path = Path(name)
        data = read_named(name, expected=_EXPECTED)
        kind = detect(str(path.absolute()), data)
        if kind not in ("python", "bash"):
            raise UsageError("it is neither", where=name, expected=_EXPECTED)
        whole = path.absolute()
        root = project if whole.is_relative_to(project) else checkout(whole) or whole.parent
        known = KnownProfiles(root, found.profiles, found.sglang)
        if kind == "bash":
            changes.append(FileChange(path, data, _script(data, path, known)))
            continue
        text = decoded(data, name)
        mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
        try:
            new = mark + inlined(text, name, known)
        except CannotRewrite as exc:
            raise UsageError(
                exc.reason,
                where=exc.location,
                expected=".launch_env(os.environ), .server_args and other values of a profile, "
                "each where it is used",
            ) from None
        changes.append(FileChange(path, data, new.encode()))
    changes = [c for c in changes if c.old != c.new]
    if not changes:
        tell("dsv4-env: note: nothing is taken from a profile")
        return 0
    shown = "".join(
        unified(
            os.path.relpath(c.path), (c.old or b"").decode("utf-8", "replace"),
            c.new.decode(), color=color,
        )
        for c in changes
    )  # fmt: skip
    if unadopting.write_:
        write_changes(changes, lambda: None, force=unadopting.force)
    write(shown)
    for change in changes if unadopting.write_ else ():
        tell(f"dsv4-env: wrote {plain(os.path.relpath(change.path))}")
    return 0 if unadopting.write_ else 1


def _script(data: bytes, path: Path, known: KnownProfiles) -> bytes:
    """A script with the settings in it. Raises UsageError where that can't be."""
    text = data.decode("utf-8", "surrogateescape")
    place = Path(os.path.realpath(path))
    try:
        new = spelled_out(text, str(path), place, known)
    except CannotRewrite as exc:
        raise UsageError(exc.reason, where=exc.location, expected=HELP) from None
    return new.encode("utf-8", "surrogateescape")


COMMANDS = (unadopt,)
