"""Runs everything in turn and writes medians and ratios: a table, a plot and the raw figures."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import checkout, linear, tree, watch

HERE = Path(__file__).parent
RESULTS = HERE / "results"
RUNS, TREE_RUNS = 21, 5
FILES = 8_000

Action = Callable[[], None]


@dataclass(frozen=True)
class Goal:
    """*what* takes at most *limit* times what *than* takes (seconds where it is empty)."""

    what: str
    limit: float
    than: str


EXPORT, HELP, CHECK = "dsv4-env export", "dsv4-env --help", "dsv4-env check"
COMPLETE, LOAD = "dsv4-env completion of a word", "import dsv4_env, load_profile"
READ, CATALOGUE = "read + evaluate a script (in process)", "catalogue from a wheel"
DISCOVER, BARE, DOTENV = "dsv4-env discover", "python -c pass", "dotenv list"
SYNTAX, GREP = "bash -n", "git grep -l launch_server"
IN_A_ROW = 20
TENTH = "dsv4-env discover, a tenth of the scripts"
SCRIPTS = "dsv4-env discover, scripts alone"
PYTEST, PLUGIN = "pytest --co, without the plugin", "pytest --co, with the plugin unused"
GOALS = (
    Goal(EXPORT, 1.0, DOTENV),
    Goal(EXPORT, 5.0, BARE),
    Goal(HELP, 4.0, BARE),
    Goal(COMPLETE, 4.0, BARE),
    Goal(CHECK, 10.0, BARE),
    Goal(LOAD, 12.0, BARE),
    Goal(PLUGIN, 1.05, PYTEST),
    Goal(READ, 1.0, SYNTAX),
    Goal(CATALOGUE, 1.0, ""),
    Goal(DISCOVER, 2.0, GREP),
    Goal(SCRIPTS, 11.0, TENTH),
    Goal(watch.SAVED, watch.LIMIT, watch.ANEW),
    *(Goal(whole, linear.LIMIT, tenth) for tenth, whole in map(linear.names, linear.KINDS)),
)


def process(*words: str, cwd: Path | None = None, ok: tuple[int, ...] = (0,)) -> Action:
    """Run one program to its end."""

    def run() -> None:
        done = subprocess.run(
            words, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        if done.returncode not in ok:
            raise RuntimeError(f"{words}: {done.returncode}: {done.stderr.decode()[-300:]}")

    return run


def small(work: Path) -> dict[str, Action]:
    """The rows that take milliseconds."""
    from dsv4_env.profile import reference_script
    from dsv4_env.readers import bash

    script = reference_script()
    shutil.copy(script, work / "run_dsv4.sh")
    data = script.read_bytes()
    env = work / ".env"
    text = subprocess.run(
        ["dsv4-env", "export", "flash-fp4"], capture_output=True, text=True, check=True, cwd=work
    ).stdout
    env.write_text(text)
    (work / ".envrc").write_text(text)
    (work / "settings.toml").write_text(
        "[default]\n"
        + "".join(
            f'{x.removeprefix("export ").replace("=", chr(61) + chr(34), 1)}"\n'
            for x in text.splitlines()
            if x.startswith("export ") and "'" not in x
        )
    )
    (work / "mise.toml").write_text(
        "[env]\n" + (work / "settings.toml").read_text().partition("\n")[2]
    )
    python = sys.executable
    rows: dict[str, Action] = {
        BARE: process(python, "-c", "pass"),
        HELP: process("dsv4-env", "--help", cwd=work),
        EXPORT: process("dsv4-env", "export", "flash-fp4", cwd=work),
        CHECK: process(
            "dsv4-env", "check", "--against", "run_dsv4.sh", "--sglang", "0.5.13", cwd=work
        ),
        LOAD: process(
            python, "-c", "from dsv4_env import load_profile; load_profile('flash-fp4')", cwd=work
        ),
        DOTENV: process("dotenv", "list", cwd=work),
        "bash -c 'set -a; . f; env'": process("bash", "-c", "set -a; . ./.env; env", cwd=work),
        SYNTAX: process("bash", "-n", str(script)),
        READ: lambda: _discard(bash.read(data)),
    }
    # as the script of `dsv4-env completion bash` asks
    completion = {**os.environ, "_DSV4_ENV_COMPLETE": "dsv4bash_complete"}
    completion |= {"COMP_LINE": "dsv4-env ex", "COMP_WORD": "ex"}

    def complete() -> None:
        subprocess.run(
            ["dsv4-env"], env=completion, stdout=subprocess.DEVNULL, check=False, cwd=work
        )

    rows[COMPLETE] = complete
    if shutil.which("pytest"):
        (work / "empty").mkdir()
        collect = ("pytest", "--co", "-q", "-p", "no:cacheprovider", "--rootdir=.", ".")
        rows[PYTEST] = process(*collect, "-p", "no:dsv4_env", cwd=work / "empty", ok=(5,))
        rows[PLUGIN] = process(*collect, cwd=work / "empty", ok=(5,))
    if shutil.which("dynaconf"):
        rows["dynaconf list"] = process("dynaconf", "list", cwd=work, ok=(0, 1))
    if shutil.which("direnv"):
        subprocess.run(["direnv", "allow", str(work)], check=False)
        rows["direnv export bash"] = process("direnv", "export", "bash", cwd=work)
    if shutil.which("mise"):
        subprocess.run(["mise", "trust", "-q", str(work / "mise.toml")], check=False)
        rows["mise env"] = process("mise", "env", cwd=work)
    if shutil.which("shellcheck"):
        rows["shellcheck"] = process("shellcheck", str(script), ok=(0, 1))
    try:
        import bashlex

        # Of the whole script bashlex makes nothing: its exports alone are a part that it can parse.
        simple = "\n".join(x for x in data.decode().splitlines() if x.startswith("export "))
        rows["bashlex parses its exports (in process)"] = lambda: _discard(bashlex.parse(simple))
    except ImportError:
        pass
    import tree_sitter
    import tree_sitter_bash

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
    rows["tree-sitter parses it (in process)"] = lambda: _discard(parser.parse(data))
    return rows | watch.rows(work)


def _discard(_value: object) -> None:
    """What was worth making isn't worth keeping."""


def large(work: Path, wheels: Path) -> dict[str, Action]:
    """The rows that take seconds."""
    rows: dict[str, Action] = {}
    release = tree.wheel(wheels)
    whole, alone, tenth = work / "tree", work / "scripts", work / "tenth"
    held = tree.unpack(release, whole) if release else 0
    tree.scripts(whole, FILES - held)
    tree.scripts(alone, FILES)
    tree.scripts(tenth, FILES // 10)
    for folder in (whole, alone, tenth):
        tree.repository(folder)
    rows[GREP] = process("git", "grep", "-l", "launch_server", cwd=whole)
    rows[DISCOVER] = process("dsv4-env", "discover", ".", cwd=whole, ok=(0, 2))
    rows[SCRIPTS] = process("dsv4-env", "discover", ".", cwd=alone)
    rows[TENTH] = process("dsv4-env", "discover", ".", cwd=tenth)
    if release:
        words = ["dsv4-env", "catalogue", "build", "--sglang", tree.RELEASE, "--from", str(release)]
        rows[CATALOGUE] = process(*words)
    return rows


def alternate(rows: dict[str, Action], runs: int) -> dict[str, float]:
    """The median of each row in seconds; the rows take turns, so that all meet the same machine.

    What runs in process has nothing to start: a turn of it is the mean of several in a row.
    """
    for run in rows.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(runs):
        for name, run in rows.items():
            times_each = IN_A_ROW if name.endswith("(in process)") else 1
            start = time.perf_counter()
            for _ in range(times_each):
                run()
            times[name].append((time.perf_counter() - start) / times_each)
    return {name: statistics.median(found) for name, found in times.items()}


def memory(folder: Path) -> int:
    """Peak memory of one ``discover`` and its workers' largest, in KiB."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(['dsv4-env', 'discover', '.'], stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def summary(folder: Path) -> dict[str, int]:
    """What ``discover`` counts in a tree."""
    words = ["dsv4-env", "discover", "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    found: dict[str, int] = json.loads(done.stdout)["summary"]
    return found


def machine() -> str:
    """What this was measured on."""
    cores = os.cpu_count()
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "")
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return (
        f"{platform.system()} {platform.machine()}, {model or 'unknown processor'}, {cores} cores, "
        f"Python {platform.python_version()}; load {load} before"
    )


def table(medians: dict[str, float], notes: list[str], where: str) -> str:
    """The Markdown of the results."""
    bare = medians[BARE]
    means = f"what runs in process: of the mean of {IN_A_ROW}"
    lines = [f"{where}.", f"Medians of {RUNS} runs in turn ({TREE_RUNS} for trees; {means}).", ""]
    lines += ["| what | ms | × bare python |", "|---|--:|--:|"]
    for name, value in sorted(medians.items(), key=lambda item: item[1]):
        lines.append(f"| {name} | {value * 1000:.2f} | {value / bare:.2f} |")
    lines += ["", "| goal | measured | met |", "|---|--:|---|"]
    for goal in GOALS:
        if goal.what not in medians or (goal.than and goal.than not in medians):
            lines.append(f"| {describe(goal)} | not measured | – |")
            continue
        ratio = medians[goal.what] / (medians[goal.than] if goal.than else 1)
        met = "yes" if ratio <= goal.limit else f"no, by {ratio / goal.limit:.1f}×"
        lines.append(f"| {describe(goal)} | {ratio:.2f}{'' if goal.than else ' s'} | {met} |")
    return "\n".join([*lines, "", *notes]) + "\n"


def describe(goal: Goal) -> str:
    """A goal in words."""
    unit = f"× {goal.than}" if goal.than else " s"
    return f"{goal.what} ≤ {goal.limit:g}{unit}"


def plot(medians: dict[str, float], path: Path) -> None:
    """Bars on a logarithmic scale, ours in another colour."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "dsv4-env"
    from matplotlib import pyplot

    ordered = sorted(medians.items(), key=lambda item: item[1])
    ours = ("dsv4-env", READ, LOAD, CATALOGUE)
    colors = ["#0969da" if n.startswith(ours) else "#9aa4b1" for n, _ in ordered]
    figure, axes = pyplot.subplots(figsize=(8, 0.32 * len(ordered) + 1))
    axes.barh([n for n, _ in ordered], [v * 1000 for _, v in ordered], color=colors)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds, median (logarithmic)")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for index, (_, value) in enumerate(ordered):
        axes.text(value * 1050, index, f"{value * 1000:.3g}", va="center", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _option(name: str) -> Path | None:
    """A folder that an option of the command line names."""
    at = sys.argv.index(name) if name in sys.argv else None
    return None if at is None else Path(sys.argv[at + 1]).resolve()


def main() -> None:
    """Measure all; ``--quick`` leaves the trees out."""
    where = machine()
    quick = "--quick" in sys.argv
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        medians = alternate(small(work), RUNS) | linear.medians()
        if not quick:
            wheels = Path(os.environ.get("DSV4_WHEELS", HERE / ".peers" / "wheels"))
            wheels.mkdir(parents=True, exist_ok=True)
            medians |= alternate(large(work, wheels), TREE_RUNS)
            few, many = memory(work / "tenth"), memory(work / "scripts")
            found = summary(work / "tree")
            notes.append(
                f"`discover` found {found['launches']:,} launches; of {found['other_files']:,} "
                "Python files the names alone said that no profile is near."
            )
            notes.append(
                f"Peak memory of `discover`: {few / 1024:.0f} MiB for {FILES // 10:,} scripts, "
                f"{many / 1024:.0f} MiB for {FILES:,} (× {many / few:.2f}; goal < 1.3)."
            )
            whole = checkout.measure(work, _option("--checkout"), wheels, _option("--scripts"))
    peers = ("direnv", "shellcheck", "mise", "dynaconf", "dotenv")
    if missing := [p for p in peers if shutil.which(p) is None]:
        notes.append(f"Not there, so not measured: {', '.join(missing)}.")
    text = table(medians, notes, where)
    if not quick:
        text += checkout.table(whole)
    sys.stdout.write(text)
    if not quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "results.md").write_text(text)
        raw = {"machine": where, "runs": RUNS, "seconds": medians, "notes": notes}
        raw["checkout"] = whole.seconds
        (RESULTS / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
        plot(medians, RESULTS / "results.svg")


if __name__ == "__main__":
    main()
