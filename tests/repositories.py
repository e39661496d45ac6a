"""Git repositories that tests build: the facts of upstream as commits at their real dates."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.conftest import amd_tests, run_dsv4
from tests.unit.readers.python.test_facts import written
from tests.unit.readers.test_bash import script

SCRIPT_BRANCH = "amd/deepseek_v4"


@dataclass(frozen=True, slots=True)
class Step:
    """One commit: files to their new text (None: deleted) on a branch at a time."""

    branch: str
    time: datetime
    files: dict[str, str | bytes | None]
    subject: str = "a change"


def build(folder: Path, steps: Iterable[Step], *, head: str = "main") -> Path:
    """A bare-bones repository of these commits, in this order, through ``git fast-import``."""
    subprocess.run(["git", "init", "-q", "-b", head, str(folder)], check=True)
    parts: list[bytes] = []
    for step in steps:
        stamp = f"T <t@example.com> {int(step.time.timestamp())} +0000"
        message = step.subject.encode()
        parts.append(f"commit refs/heads/{step.branch}\ncommitter {stamp}\n".encode())
        parts.append(b"data %d\n%s\n" % (len(message), message))
        for path, text in step.files.items():
            if text is None:
                parts.append(f"D {path}\n".encode())
                continue
            data = text.encode() if isinstance(text, str) else text
            parts.append(f"M 100644 inline {path}\n".encode())
            parts.append(b"data %d\n%s\n" % (len(data), data))
    parts.append(b"done\n")
    subprocess.run(
        ["git", "-C", str(folder), "fast-import", "--quiet", "--done"],
        input=b"".join(parts),
        check=True,
    )
    return folder


def upstream() -> list[Step]:
    """22 versions of the launch script on its branch, 30 of the four tests on main."""
    steps: list[tuple[datetime, Step]] = []
    at = datetime(1970, 1, 1, tzinfo=UTC)
    for fact in run_dsv4():
        # A commit can't be older than the one it stands on, so that time only runs forward.
        at = max(at + timedelta(minutes=1), _day(fact["date"]))
        files: dict[str, str | bytes | None] = {fact["path"]: script(fact)}
        steps.append((at, Step(SCRIPT_BRANCH, at, files, fact["commit"][:8])))
    for commit, date in dict.fromkeys((f["commit"], f["date"]) for f in amd_tests()):
        files = {f["path"]: written(f) for f in amd_tests() if f["commit"] == commit}
        time = _day(date) + timedelta(hours=12)
        steps.append((time, Step("main", time, files, commit[:8])))
    return [step for _, step in sorted(steps, key=lambda s: s[0])]


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
