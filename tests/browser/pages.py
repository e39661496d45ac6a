"""Pages that the browser tests look at, and the browser that they look with."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv4_env import cli
from dsv4_env.catalogue import load
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import with_model
from dsv4_env.drift import Held
from dsv4_env.matrix import build_matrix
from dsv4_env.matrix.page import page
from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, Value, group_args
from dsv4_env.model.finding import Report
from dsv4_env.profile import Profile, load_profile, reference_script
from tests.conftest import amd_tests
from tests.repositories import SCRIPT_BRANCH, build as build_repository, upstream
from tests.unit.readers.python.test_facts import written

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
]
EDITS = (
    ("export SGLANG_USE_ROCM700A=1\n", ""),
    ("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=true"),
    ("SGLANG_DEFAULT_THINKING", "SGLANG_ENABLE_THINKING"),
    ("--tp 8", "--tp-size=8"),
    ("BACKEND=triton", "BACKEND=tilelang"),
    ("0.90", '"$(free_memory)"'),
    ("--max-running-requests 256", "--max-running-requests 128"),
    ("export AITER_BF16", "export HF_TOKEN=hf_abcdefghijklmnopqrst\nexport AITER_BF16"),
)


def browser_path() -> str | None:
    """A Chromium of this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((p for n in names if (p := shutil.which(n))), None)


@contextlib.contextmanager
def browser(path: str) -> Iterator[Browser]:
    """A headless browser with nothing but its defaults."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


@contextlib.contextmanager
def server(folder: Path) -> Iterator[int]:
    """The pid of something that looks like a running server, with what a profile says (nearly)."""
    (folder / "sglang").mkdir()
    (folder / "sglang" / "__init__.py").touch()
    (folder / "sglang" / "launch_server.py").write_text("import time; time.sleep(600)\n")
    profile = load_profile("pro-fp4", sglang="0.5.13")
    command = profile.command(model="/models/DeepSeek-V4-Pro", port=30000, python=sys.executable)
    command[command.index("--chunked-prefill-size") + 1] = "16384"
    environ = {"PATH": os.environ["PATH"], **profile.env, "SGLANG_USE_AITER": "0"}
    process = subprocess.Popen(command, cwd=folder, env=environ)
    try:
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        while b"launch_server" not in cmdline.read_bytes():
            time.sleep(0.01)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def demo(folder: Path) -> Path:
    """A page of a script with all kinds of drift, a test, a running server, and their history."""
    repository = build_repository(folder / "sglang-repository", upstream())
    (folder / "python").mkdir()
    (folder / "test").mkdir()
    text = reference_script().read_text()
    for old, new in EDITS:
        assert old in text
        text = text.replace(old, new)
    (folder / "python" / "run_dsv4.sh").write_text(text)
    fact = next(f for f in reversed(amd_tests()) if f["path"].endswith("_pro_fp4.py"))
    (folder / "test" / Path(fact["path"]).name).write_text(written(fact))
    (folder / "pyproject.toml").write_text(
        "[tool.dsv4_env]\n[[tool.dsv4_env.waivers]]\n"
        'name = "SGLANG_OPT_*"\nreason = "the test tries the fused path"\nuntil = 2999-01-01\n'
        'files = ["test/*"]\n'
    )
    out = folder / "report.html"
    with contextlib.chdir(folder), server(folder) as pid:
        words = ["report", "pro-fp4", "--html", str(out), "--history", str(repository)]
        words += ["--script-ref", SCRIPT_BRANCH, "--tests-ref", "main"]
        for name in ("python/run_dsv4.sh", f"test/{Path(fact['path']).name}", f"pid:{pid}"):
            words += ["--against", name]
        assert cli.run(words) == 0
    return out


def page_of(*configs: LaunchConfig, profile: Profile | None = None, **options: Any) -> str:
    """A page of launches, all held to one profile."""
    profile = profile or load_profile("pro-fp4", sglang="0.5.13")
    catalogue = load("0.5.16")
    comparisons = tuple(
        compare_launches(with_model(profile), c, catalogue=catalogue, show_equivalent=True)
        for c in configs
    )
    report = Report(comparisons, files=len(configs), launches=len(configs))
    held = [Held(profile, c, (), ()) for c in configs]
    return page(build_matrix(report, held, catalogue, {}), **options)


def launch(
    name: str, env: Mapping[str, Value], words: list[str] | None = None, path: str = "run.sh"
) -> LaunchConfig:
    """A launch with these settings, one on each line."""
    made = (
        EnvVar(n, v, Origin("bash", Location(path, line, 1), str(v)))
        for line, (n, v) in enumerate(env.items(), 1)
    )
    args = group_args([(w, Location(path, 999, 1)) for w in words or []], "bash")
    return LaunchConfig(name, "bash", tuple(made), args, location=Location(path, 999, 1))


def large(rows: int, columns: int) -> str:
    """A page of many settings and launches, of which some drift."""
    names = [f"SGLANG_SETTING_{n:03}" for n in range(rows)]
    profile = Profile("big", "", ("big",), launch("big", dict.fromkeys(names, "true")))
    configs = [
        launch(
            f"script_{c}.sh",
            {n: "false" if (r * 7 + c) % 23 == 0 else "true" for r, n in enumerate(names)},
        )
        for c in range(columns - 1)
    ]
    return page_of(*configs, profile=profile)
