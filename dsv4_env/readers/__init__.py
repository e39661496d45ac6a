"""Readers: each takes a file's text and gives its launches; none runs anything.

A kind of file is one object, a ``FileKind``, in a module of its own, and a line in ``KINDS``. Of
kinds that a file may be of, the first one counts: by its path, else by what it holds.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from dsv4_env.guard.files import read_bytes
from dsv4_env.guard.kept import is_keeping, kept
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error, ReadError, did_you_mean
from dsv4_env.readers import (
    atom,
    bash,
    compose,
    config,
    cookbook,
    dockerfile,
    dotenv,
    inferencex,
    inspected,
    kubernetes,
    markdown,
    notebook,
    python,
    skypilot,
    slurm_ci,
    srt_slurm,
    systemd,
    vscode,
    workflow,
)
from dsv4_env.readers.choosing import (
    choose as choose,
    label as label,
    meant as meant,
    only as only,
    titles as titles,
)
from dsv4_env.readers.kind import (
    FileKind,
    HowRead as HowRead,
    is_related as is_related,
    name_pattern,
)
from dsv4_env.readers.plugged import plugged_kinds

_OWN = (
    bash.KIND,
    python.KIND,
    workflow.KIND,
    compose.KIND,
    kubernetes.KIND,
    slurm_ci.KIND,
    srt_slurm.KIND,
    inferencex.KIND,
    skypilot.KIND,
    config.KIND,
    vscode.KIND,
    inspected.KIND,
    systemd.KIND,
    dockerfile.KIND,
    dotenv.KIND,
    markdown.KIND,
    cookbook.KIND,
    atom.KIND,
    notebook.KIND,
)
KINDS: tuple[FileKind, ...] = (*_OWN, *plugged_kinds(_OWN))
READERS: dict[str, FileKind] = {kind.name: kind for kind in KINDS}
EXPECTED = f"{', '.join(k.one for k in KINDS[:-1])} or {KINDS[-1].one}"
"""What messages expect a file to be."""

_MEANT = name_pattern("|".join(f"(?:{k.named}|{k.among})" for k in KINDS))


def is_meant(path: str) -> bool:
    """Whether a reader is meant for files of such a name, whatever they hold."""
    return _MEANT.fullmatch(path, path.rfind("/") + 1) is not None


def candidates(path: str) -> list[FileKind]:
    """The kinds that files of such a name may be of, by what they hold."""
    return [k for k in KINDS if name_pattern(k.among).fullmatch(path.rpartition("/")[2])]


def detect(path: str, data: bytes) -> str | None:
    """The name of the reader for a file, None where no reader would find anything in it."""
    path = path.replace("\\", "/")
    if _other_shell(data):
        return None
    kind = next((k for k in KINDS if k.by_name(path)), None)
    if kind is None and is_meant(path):
        kind = next((k for k in KINDS if k.by_content(path, data)), None)
    elif kind is None:
        kind = next((k for k in KINDS if re.match(k.shebang, data)), None)
    if kind is None or (kind.related and not is_related(data)):
        return None
    return kind.name


# The first line of YAML with a mapping: a key alone, or one with its value. No command looks so.
_YAML = re.compile(
    rb"(?:[^\S\n]*+(?:#[^\n]*+)?\n)*+(?:---[ \t]*+\n)?(?:[^\S\n]*+(?:#[^\n]*+)?\n)*+"
    rb"[\w.-]++:(?:[ \t]|\r?\n)"
)
_JSON = re.compile(rb'\s*+(?:\{\s*+"(?:[^"\\]|\\.)*+"\s*+:|\[\s*+\{)')


def detect_document(data: bytes) -> str | None:
    """The name of the reader for a text whose name tells nothing, as on standard input.

    None where its bytes don't say it either. Raises ReadError for JSON of any other kind.
    """
    kind = next((k for k in KINDS if re.match(k.shebang, data)), None)
    if kind is None:
        kind = next((k for k in KINDS if re.match(k.document, data)), None)
    if kind is None and _YAML.match(data) and not data.startswith(b"#!"):
        kind = next((k for k in KINDS if k.by_content("document.yaml", data)), None)
    if kind is None and _JSON.match(data):
        raise ReadError(
            "JSON of no kind that is read",
            expected="what `kubectl get -o json` or `docker inspect` prints",
        )
    return None if kind is None else kind.name


# What looks like a script and is none of bash's: by the name, or by what only it has.
_FOREIGN = (
    ("a Makefile", r"(?:GNU)?makefile|.*\.mk", rb"^\.PHONY\s*+:|^[\w.-]++\s*+:[^=\n]*+\n\t"),
    (
        "a justfile",
        r"\.?justfile|.*\.just",
        rb"^set (?:shell|dotenv-load|positional-arguments)\b"
        rb"|^[\w-][^:=\n]*+:[^=\n]*+\n[ \t][^\n]*\{\{ *+\w++ *+\}\}",
    ),
    ("a fish script", r".*\.fish", rb"^[ \t]*+set (?:-gx|-x|-Ux|-lx) \w+ "),
    ("a script for csh", r".*\.t?csh", rb"^[ \t]*+setenv \w++ "),
    ("a script for zsh", r".*\.zsh", rb"^[ \t]*+(?:un)?setopt \w+"),
    ("a PowerShell script", r".*\.psm?1", rb"^[ \t]*+\$env:\w++\s*+="),
    (
        "a unit of systemd",
        r".*\.(?:socket|timer|target|slice)",
        rb"\A(?:[^\S\n]*+(?:[#;].*+)?\n)*+\[(?:Unit|Service)\][ \t\r]*+$",
    ),
    ("a batch file", r".*\.(?:bat|cmd)", rb"(?i)^@?echo off\r?$|^[ \t]*+set \w+=.*\n[^\n]*%\w+%"),
)


def _other_shell(data: bytes) -> str | None:
    """The shell that the first line names, where it's none that is read."""
    found = re.match(rb"#![^\n]*\b(fish|tcsh|csh|zsh|pwsh|nu|xonsh|elvish)\b", data)
    return None if found is None else found[1].decode()


def foreign(path: str, data: bytes) -> str | None:
    """What a file is that looks like a script and isn't bash's, None of any other.

    A shebang of a shell that is read says that it is one, whatever else it holds.
    """
    name = path.replace("\\", "/").rpartition("/")[2]
    if shell := _other_shell(data):
        return f"a script for {shell}"
    for what, named, _ in _FOREIGN:
        if name_pattern(named).fullmatch(name):
            return what
    if re.match(bash.KIND.shebang, data) or bash.KIND.by_name(name):
        return None
    return next((what for what, _, sign in _FOREIGN if re.search(sign, data, re.M)), None)


def file_bytes(path: Path | str) -> bytes:
    """The bytes of a file, as :func:`dsv4_env.guard.files.read_bytes` gives them."""
    return read_bytes(path, expected=EXPECTED)


def read(data: bytes, path: Path | str, reading: HowRead) -> list[LaunchConfig]:
    """Every launch of a file; *path* is what messages and locations call it.

    Routers are among them only where the reading asks for them: they are no servers. Raises
    ReadError, also where no reader is meant for the file and where a reader fails.
    """
    if not is_keeping():
        return _read(data, path, reading)
    return list(kept(("read", path, reading.key()), data, partial(_read, data, path, reading)))


def _read(data: bytes, path: Path | str, reading: HowRead) -> list[LaunchConfig]:
    name = reading.reader or detect(str(path), data)
    if name is None and not is_meant(str(path)) and _JSON.match(data):
        name = detect_document(data)
    if name is None and (what := foreign(str(path), data)):
        raise ReadError(f"{what}, which isn't read", where=path, expected=EXPECTED)
    if name is None:
        raise ReadError("no reader is meant for this file", where=path, expected=EXPECTED)
    if name not in READERS:
        raise ReadError(
            f"there is no reader {name!r}",
            where=path,
            expected="one of " + ", ".join(READERS),
            hint=did_you_mean(name, READERS),
        )
    try:
        found = READERS[name](data, str(path), **READERS[name].options(reading))
    except Dsv4Error:
        raise
    except (RecursionError, MemoryError):
        raise ReadError("nested too deeply", where=path) from None
    except Exception as exc:
        # A defect of a reader must not keep the other files from being checked.
        raise ReadError(
            f"the {name} reader failed: {type(exc).__name__}: {exc}", where=path
        ) from exc
    return [c for c in found if reading.routers or not c.router]
