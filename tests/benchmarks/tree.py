"""Trees of files to look through: a release of SGLang unpacked, and generated launch scripts."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from pathlib import Path

RELEASE = "0.5.13"


def wheel(folder: Path) -> Path | None:
    """The release's wheel, from *folder* or fetched by pip; None where it can't be had."""
    found = sorted(folder.glob(f"sglang-{RELEASE}-*.whl"))
    if not found:
        words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        subprocess.run([*words, f"sglang=={RELEASE}"], check=False, stderr=subprocess.DEVNULL)
        found = sorted(folder.glob(f"sglang-{RELEASE}-*.whl"))
    return found[0] if found else None


def unpack(path: Path, folder: Path) -> int:
    """Unpack a wheel; how many files it has."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        return len(archive.namelist())


def scripts(folder: Path, count: int) -> None:
    """So many shell scripts, one in a hundred of which launches a server."""
    chance = random.Random(0)
    for number in range(count):
        target = folder / f"d{number % 97}" / f"script{number}.sh"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"export NAME_{i}={chance.randrange(10**6)}" for i in range(20)]
        lines += [f"echo step {i} ; make target{i}" for i in range(20)]
        if number % 100 == 0:
            lines.append("export SGLANG_USE_AITER=1 SGLANG_HACK_FLASHMLA_BACKEND=triton")
            lines.append("python3 -m sglang.launch_server --model-path M --tp 8 --page-size 256")
        target.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")


def repository(folder: Path) -> None:
    """Make a folder a git repository with all its files committed, as ``git grep`` needs it."""
    git = ["git", "-C", str(folder), "-c", "user.name=b", "-c", "user.email=b@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([*git, "commit", "-q", "-m", "all"], check=True)
