"""Hostile inputs end within the budget, alike on every machine; what was found before is kept."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import Dsv4Error, ReadError
from dsv4_env.profile.layer import read_layer
from tests.unit.readers.hostile import KINDS, LAUNCH, compose, doubled, pod, workflow

ROOT = Path(__file__).parents[3]
LONGEST = 3_000  # characters of a message: short enough to be read
GUARD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (90, 90))  # a hang ends here, nothing else
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from dsv4_env.model.errors import ReadError
from tests.unit.readers.test_budget import read
for kind in sys.argv[1:]:
    try:
        read(kind, None)
    except ReadError:
        pass
    print(kind)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of whoever forked it, too
if sys.platform == "linux":
    status = open("/proc/self/status").read()
    peak = int(status.partition("VmHWM:")[2].split()[0])
assert peak < 600_000, f"{peak} KiB"
"""


def read(kind: str, budget: Budget | None) -> list[LaunchConfig]:
    """What is read of one kind of hostile input."""
    name, make = KINDS[kind]
    options: dict[str, Any] = {}
    if name in ("docker", "systemd env"):
        name, options = "dotenv", {"dialect": name.split()[0]}
    module = importlib.import_module(f"dsv4_env.readers.{name}")
    found: list[LaunchConfig] = module.read_all(make(), "f", budget=budget, **options)
    return found


def told(kind: str, budget: Budget) -> list[LaunchConfig] | str:
    try:
        return read(kind, budget)
    except ReadError as exc:
        return str(exc)


GROUPS = [list(KINDS)[i : i + 12] for i in range(0, len(KINDS), 12)]


@pytest.mark.long
@pytest.mark.parametrize("kinds", GROUPS, ids=lambda kinds: kinds[0])
def test_every_kind_ends(kinds: list[str]) -> None:
    """Each in turn, with limits that only a hang or a bomb meets."""
    done = subprocess.run(
        [sys.executable, "-c", GUARD, *kinds], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stdout.splitlines() == kinds, done.stderr[-2000:]
    assert done.returncode == 0, done.stderr[-2000:]


FEW = [
    "dotenv doubling",
    "docker names",
    "Dockerfile doubling",
    "Dockerfile stages",
    "Compose extends",
    "workflow matrix",
    "manifest doubling",
    "Python calls",
    "Python unknown doubling",
]


@pytest.mark.parametrize("kind", FEW)
def test_one_message_with_a_place(kind: str) -> None:
    """Of what can't be read to its end, one message or one note each says where and why."""
    budget = Budget()
    found = told(kind, budget)
    if isinstance(found, str):
        assert found.startswith("f:")
        assert "\n" not in found
        assert len(found) < LONGEST
        return
    for config in found:
        assert config.partial
        notes = [n for n in config.notes if n.message.startswith("the file is read in part")]
        assert [n.opens for n in notes] == [True]
        assert all(len(n.message) < LONGEST for n in config.notes)


@pytest.mark.parametrize("kind", FEW)
def test_the_same_answer_at_every_speed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read and what is spent depend on the input alone, not on a clock."""
    first = Budget()
    before = told(kind, first)
    now = [0.0]

    def slow() -> float:
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(time, "monotonic", slow)
    again = Budget()
    assert told(kind, again) == before
    assert (again.spent_steps, again.spent_bytes) == (first.spent_steps, first.spent_bytes)


def test_bytes_are_spent_before_they_are_made() -> None:
    """Sixteen lines that hold each other four times end at the first that is too long."""
    budget = Budget()
    (config,) = read("dotenv doubling", budget)
    assert config.partial
    assert sum(len(str(e.value)) for e in config.env) < budget.made
    assert [e.name for e in config.env[:3]] == ["A0", "A1", "A2"]


DOUBLED = {
    "dockerfile": f"FROM a\nCMD {LAUNCH}\nFROM b\nENV A0=x\n"
    + doubled("ENV A{at}=" + "$A{before}" * 4, "", 40),
    "kubernetes": pod("      []\n")
    + "---\n"
    + pod("    - {name: A0, value: xxxx}\n")
    + doubled("    - {{name: A{at}, value: " + "$(A{before})" * 4 + "}}", "", 40),
    "workflow": workflow(LAUNCH, steps=4000),
    "compose": compose("      A: b\n")
    + "".join(f"  s{i}:\n    command: {LAUNCH + ' x' * 2000}\n" for i in range(80)),
}


@pytest.mark.parametrize("name", DOUBLED)
def test_launches_before_the_end_are_kept(name: str) -> None:
    """They are partial, and a note says where most of the work went."""
    module = importlib.import_module(f"dsv4_env.readers.{name}")
    found = module.read_all(DOUBLED[name], "f")
    assert found
    for config in found:
        assert config.partial
        (note,) = [n for n in config.notes if n.message.startswith("the file is read in part")]
        assert isinstance(note.location, Location)
        assert note.location.line
        assert note.opens


@pytest.mark.parametrize("name", ["compose", "kubernetes", "workflow", "dockerfile"])
def test_one_budget_is_handed_on(name: str) -> None:
    """Many texts within one file share what one file may cost."""
    many: dict[str, Callable[[int], str]] = {
        "compose": lambda n: (
            "services:\n" + "".join(f"  s{i}:\n    command: [sh, -c, {LAUNCH}]\n" for i in range(n))
        ),
        "kubernetes": lambda n: (
            pod("      []\n")
            + "".join(f"  - {{name: c{i}, command: [sh, -c, {LAUNCH}]}}\n" for i in range(n))
        ),
        "workflow": lambda n: workflow(LAUNCH, steps=n),
        "dockerfile": lambda n: f"FROM x\nCMD {LAUNCH}\n" * n,
    }
    module = importlib.import_module(f"dsv4_env.readers.{name}")
    few, more = Budget(), Budget()
    assert len(module.read_all(many[name](10), "f", budget=few)) in (10, 11)
    assert len(module.read_all(many[name](100), "f", budget=more)) in (100, 101)
    assert 5 * few.spent_steps < more.spent_steps < 20 * few.spent_steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("".join(f"a{i}: b\n" for i in range(100_000)), "characters with up to 100,000 keys"),
        ("- x\n" * 100_000, "characters with up to 100,000 keys and items"),
        ("a: [" + "b," * 100_000 + "]", "characters with up to 100,001 keys and items"),
    ],
)
def test_yaml_is_counted_before_it_is_parsed(text: str, message: str) -> None:
    """The parser is never asked for what it would take half a minute for."""
    budget = Budget()
    with pytest.raises(ReadError, match=message):
        importlib.import_module("dsv4_env.lang.yaml").parse(text, "f", budget=budget)
    assert budget.spent_steps == 0


def test_large_ci_files_are_read() -> None:
    """A workflow of 200 KB is one that real repositories have."""
    script = "\n".join(f"echo step {i} of many, and what it does" for i in range(20))
    budget = Budget()
    text = workflow(f"{script}\n{LAUNCH}", steps=200)
    assert len(text) > 200_000
    found = importlib.import_module("dsv4_env.readers.workflow").read_all(text, "f", budget=budget)
    assert len(found) == 200
    assert not any(c.partial for c in found)


def test_settings_that_a_shell_can_not_hold_are_told_once() -> None:
    """Twenty of them by name, and how many more there are."""
    settings = "".join(f"ENV a.{i}=b\nENV a.{i}=c\n" for i in range(90))
    module = importlib.import_module("dsv4_env.readers.dockerfile")
    (config,) = module.read_all(f"FROM x\n{settings}CMD {LAUNCH}\n", "f")
    lost = [n for n in config.notes if "doesn't pass on" in n.message]
    assert len(lost) == 20
    assert len(config.notes) < 25


@pytest.mark.parametrize("text", ["a: " + "{a: " * 5_000, "a: " + "[" * 5_000 + "]" * 5_000])
def test_brackets_are_counted_before_yaml_is_parsed(text: str) -> None:
    """The parser looks at all that are open for each that comes."""
    with pytest.raises(ReadError, match="nested too deeply"):
        importlib.import_module("dsv4_env.lang.yaml").parse(text, "f")


def test_odd_names_make_no_long_messages() -> None:
    """Neither lines of their own nor more than somebody reads."""
    long = "${A:-" * 400 + "x" + "}" * 400
    (config,) = importlib.import_module("dsv4_env.readers.compose").read_all(
        f"services:\n  s:\n    command: {LAUNCH}\n    environment:\n      - {long}=2\n", "f"
    )
    assert all(len(n.message) < 1_500 for n in config.notes)
    with pytest.raises(Dsv4Error) as problem:
        read_layer(Path("l.toml"), b'[env]\n"a\\nb" = 1\n"a\\nb" = 2\n')
    assert "\n" not in str(problem.value)


def test_notes_of_a_manifest_are_few() -> None:
    """A hundred values that aren't text say one thing."""
    text = pod("".join(f"    - {{name: A{i}, value: 8}}\n" for i in range(120)))
    (config,) = importlib.import_module("dsv4_env.readers.kubernetes").read_all(text, "f")
    assert len(config.notes) < 60
    assert config.notes[-1].message == "71 more notes like these"
