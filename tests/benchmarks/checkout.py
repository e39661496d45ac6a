"""A checkout of SGLang: what it takes to look through it, to check its tests and to show one.

``--checkout DIR`` names one; without it a tree of the same shape is made of a release's wheel (its
``sglang.test``) and of generated tests. ``--scripts DIR`` names a checkout with launch scripts, of
which each that launches is read. CPU time of the user is told, as all processors share the work.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import tree

RUNS = 3
TESTS = 406  # that launch, in a real checkout; and so many in all
FILES = 8_000
AMD = 11
GREP = "git grep -l launch_server"
TEST, WHOLE, OWN = "discover test", "discover .", "discover ., 11 own profiles"
CHECK, SHOW = "check of 11 tests", "show of a test"
LIMITS = {TEST: 2.0, WHOLE: 5.0, CHECK: 0.8, SHOW: 0.15}  # seconds
RATIOS = ((OWN, 1.2, WHOLE), (WHOLE, 10.0, GREP))

_TEST = '''"""{title}"""

import os
import unittest
from types import SimpleNamespace

from sglang.srt.utils import kill_process_tree
from sglang.test.run_eval import run_eval
from sglang.test.test_utils import (
    DEFAULT_TIMEOUT_FOR_SERVER_LAUNCH,
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

MODEL = os.environ.get("{variable}", "{model}")
ENV_VARS = {{{env}}}


class Test{number}(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = MODEL
        cls.base_url = DEFAULT_URL_FOR_TEST
        env = os.environ.copy()
        env.update(ENV_VARS)
        other_args = [{args}]
        cls.process = popen_launch_server(
            cls.model,
            cls.base_url,
            timeout=DEFAULT_TIMEOUT_FOR_SERVER_LAUNCH,
            other_args=other_args,
            env=env,
        )

    @classmethod
    def tearDownClass(cls):
        kill_process_tree(cls.process.pid)

    def test_gsm8k(self):
        args = SimpleNamespace(base_url=self.base_url, model=self.model, eval_name="gsm8k")
        metrics = run_eval(args)
        self.assertGreater(metrics["score"], 0.9)


if __name__ == "__main__":
    unittest.main()
'''


@dataclass(frozen=True)
class Measured:
    """What a tree takes, in seconds of CPU by row, and what is to be said of it."""

    seconds: dict[str, float]
    notes: list[str]


def measure(work: Path, real: Path | None, wheels: Path, scripts: Path | None) -> Measured:
    """Measure on a real checkout, or on one that is made."""
    top = work / "checkout"
    if real is not None:
        shutil.copytree(real, top, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        what = f"a checkout of SGLang ({real.name})"
    else:
        made = _make(top, wheels)
        what = "a tree that was made, of the shape of SGLang's checkout"
        what += " (with the library of its wheel)" if made else " (without its library)"
    files = sum(len(names) for _, _, names in os.walk(top))
    tree.repository(top)
    tests = sorted(str(p.relative_to(top)) for p in top.glob("test/**/test_deepseek_v4*.py"))
    tests = [t for t in tests if "/amd/" in t][:AMD]
    own = _own_profiles(work / "own")
    pair = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = ["{}"]\n'
    pairs = "".join(map(pair.format, tests))
    rows = {
        GREP: ["git", "grep", "-l", "launch_server"],
        TEST: ["dsv4-env", "discover", "test"],
        WHOLE: ["dsv4-env", "discover", "."],
        OWN: ["dsv4-env", "discover", ".", "--profiles", str(own)],
        SHOW: ["dsv4-env", "show", tests[-1], "--root", "."],
    }
    seconds = {name: _median(words, top) for name, words in rows.items()}
    (top / "pyproject.toml").write_text(pairs)
    seconds[CHECK] = _median(["dsv4-env", "check", "--root", "."], top)
    notes = [f"Looked through: {what}, {files:,} files, {len(tests)} tests of DeepSeek-V4 on AMD."]
    if scripts is not None:
        notes.append(_scripts(scripts))
    return Measured(seconds, notes)


def table(found: Measured) -> str:
    """The Markdown of what was measured."""
    lines = ["", "## A checkout", "", *found.notes, "", "| what | CPU, s | goal | met |"]
    lines.append("|---|--:|--:|---|")
    for name, value in found.seconds.items():
        limit = LIMITS.get(name)
        goal = "" if limit is None else f"{limit:g}"
        met = "" if limit is None else _met(value / limit)
        lines.append(f"| {name} | {value:.2f} | {goal} | {met} |")
    for name, limit, than in RATIOS:
        ratio = found.seconds[name] / found.seconds[than]
        lines.append(f"| {name} : {than} | {ratio:.2f} | {limit:g} | {_met(ratio / limit)} |")
    return "\n".join(lines) + "\n"


def _met(share: float) -> str:
    return "yes" if share <= 1 else f"no, by {share:.1f}×"


def _median(words: list[str], folder: Path) -> float:
    """The CPU time of the user that a program and its processes take."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode > 2 or "dsv4-env: error" in done.stderr:
            raise RuntimeError(f"{words}: {done.returncode}: {done.stderr[-300:]}")
        times.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    return statistics.median(times)


def _make(top: Path, wheels: Path) -> bool:
    """Make a tree of the shape of a checkout; whether the library's wheel could be had."""
    release = tree.wheel(wheels)
    held = tree.unpack(release, top / "python") if release else 0
    from dsv4_env import load_profile

    profile = load_profile("pro-fp4")
    env = {name: value for name, value in profile.env.items() if isinstance(value, str)}
    args = [str(word) for word in profile.server_args]
    for number in range(TESTS):
        near = number < AMD
        folder = top / "test" / "registered" / ("amd" if near else f"group{number % 20}")
        folder.mkdir(parents=True, exist_ok=True)
        model = "deepseek-ai/DeepSeek-V4-Pro" if near else f"meta/Llama-{number}"
        words = args if near else ["--tp", "2", "--mem-fraction-static", "0.8"]
        settings = [f"{k!r}: {v!r}, " for k, v in env.items()] if near else []
        title = f"Test number {number}."
        variable = "DEEPSEEK_V4_MODEL" if near else f"MODEL_{number}"
        name = f"test_deepseek_v4_{number}.py" if near else f"test_{number}.py"
        text = _TEST.format(
            title=title,
            variable=variable,
            model=model,
            env="".join(settings),
            number=number,
            args=", ".join(map(repr, words)),
        )
        (folder / name).write_text(text)
    tree.scripts(top / "scripts", max(FILES - held - TESTS, 100))
    return release is not None


def _own_profiles(folder: Path) -> Path:
    """A folder of eleven profiles, each with a change of its own to one that ships."""
    folder.mkdir()
    for number in range(AMD):
        text = (
            f'description = "Own profile {number}."\nextends = ["{("flash", "pro")[number % 2]}"]\n'
            f'[args]\n--max-running-requests = "{64 + number}"\n[env]\nOWN_{number} = "1"\n'
        )
        (folder / f"own-{number}.toml").write_text(text)
    return folder


def _scripts(folder: Path) -> str:
    """What reading each launch script of a folder takes."""
    from dsv4_env.model.errors import ReadError
    from dsv4_env.readers import bash

    times: list[float] = []
    refused: list[str] = []
    for path in sorted(folder.rglob("*.sh")):
        data = path.read_bytes()
        if b"sglang" not in data:
            continue
        before = time.process_time()
        try:
            bash.read_all(data, str(path), root=folder)
        except ReadError as exc:
            if "no launch" not in exc.message:
                refused.append(path.name)
        times.append(time.process_time() - before)
    middle, most = statistics.median(times), max(times)
    told = f", {len(refused)} refused ({', '.join(refused[:5])})" if refused else ", none refused"
    return (
        f"Scripts of {folder.name}: {len(times)} read, in the middle in {middle:.2f} s, at most in "
        f"{most:.2f} s (goals: 0.1 and 1){told}."
    )
