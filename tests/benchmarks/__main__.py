"""Speed as ratios measured in one run: ``python -m tests.benchmarks``.

Each row alternates with the others, so that a change of the machine's speed meets all of them.
"""

from __future__ import annotations

import platform
import shutil
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from dsv4_env.profile import reference_script
from dsv4_env.readers import bash

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 31


def process(*words: str) -> Callable[[], None]:
    def run() -> None:
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    return run


def main() -> None:
    script = reference_script()
    data = script.read_bytes()
    tool = [sys.executable, "-m", "dsv4_env"]

    def in_process() -> None:
        bash.read(data)

    rows: dict[str, Callable[[], None]] = {
        "python -c pass": process(sys.executable, "-c", "pass"),
        "dsv4-env --help": process(*tool, "--help"),
        "dsv4-env export flash-fp4": process(*tool, "export", "flash-fp4"),
        "dsv4-env check": process(*tool, "check"),
        "bash -n run_dsv4.sh": process(shutil.which("bash") or "bash", "-n", str(script)),
        "read + evaluate run_dsv4.sh (in process)": in_process,
    }
    times: dict[str, list[float]] = {name: [] for name in rows}
    for run in rows.values():
        run()
    for _ in range(RUNS):
        for name, run in rows.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1000)
    medians = {name: statistics.median(found) for name, found in times.items()}
    bare, check = medians["python -c pass"], medians["bash -n run_dsv4.sh"]
    print(f"{platform.platform()}, Python {platform.python_version()}, {RUNS} runs, medians\n")
    print("| what | ms | × bare python | × bash -n |\n|---|---|---|---|")
    for name, value in medians.items():
        print(f"| {name} | {value:.2f} | {value / bare:.2f} | {value / check:.2f} |")


if __name__ == "__main__":
    main()
