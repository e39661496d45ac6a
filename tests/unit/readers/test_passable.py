"""What no process can be given is unknown: Linux bounds one string, and all of them."""

from __future__ import annotations

import os
import subprocess

import pytest

from dsv4_env.model import EnvVar, LaunchConfig, Note, Origin, ServerArg, Unknown
from dsv4_env.model.budget import BudgetError
from dsv4_env.readers import READERS
from dsv4_env.readers.kind import MAX_STRING, MAX_STRINGS, passable, readable


def launch(values: list[str], args: tuple[str, ...] = ()) -> LaunchConfig:
    env = tuple(EnvVar(f"A{i}", v, Origin("test", None, v)) for i, v in enumerate(values))
    given = (ServerArg("--a", args, Origin("test", None, "--a")),) if args else ()
    return LaunchConfig("t", "test", env, given)


def test_a_string_that_is_too_long_is_unknown() -> None:
    """In the environment and among the arguments; what the origin spells is cut, too."""
    found = passable(launch(["x" * MAX_STRING, "y" * (MAX_STRING + 1), "z"], ("w" * 10**6, "v")))
    values = [e.value for e in found.env]
    assert values[0] == "x" * MAX_STRING
    assert values[2] == "z"
    assert isinstance(values[1], Unknown)
    assert values[1].reason == "longer than the 128 KiB that a process can be given"
    assert len(values[1].text) < 200
    assert len(found.env[1].origin.value or "") < 200
    assert found.args is not None
    assert isinstance(found.args[0].values[0], Unknown)
    assert found.args[0].values[1] == "v"


def test_all_strings_together_are_bounded() -> None:
    """What comes behind 6 MiB is unknown."""
    number = MAX_STRINGS // 100_000 + 5
    found = passable(launch(["x" * 100_000] * number))
    assert [isinstance(e.value, Unknown) for e in found.env].count(True) == 5
    assert isinstance(found.env[-1].value, Unknown)
    assert found.env[-1].value.reason.startswith("more than the 6 MiB")


def test_what_can_be_passed_stays_the_same_object() -> None:
    """So does a launch of no great size."""
    config = launch(["a", "b"], ("c",))
    assert passable(config) is config


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="a limit of Linux")  # noqa: PTH110
def test_linux_has_this_limit() -> None:
    """Including the name, = and the byte at the end, one string has 131,072 bytes."""
    fits = {"A": "x" * (MAX_STRING - 2)}
    assert subprocess.run(["/bin/true"], env=fits).returncode == 0
    with pytest.raises(OSError, match="too long"):
        subprocess.run(["/bin/true"], env={"A": "x" * MAX_STRING})


def test_a_note_is_as_long_as_is_read() -> None:
    """Whatever of the file it quotes; one of a plain length stays."""
    config = LaunchConfig("t", "test", (), None, notes=(Note("x" * 5000, opens=True), Note("y")))
    long, plain = readable(config).notes
    assert len(long.message) < 1100
    assert long.opens
    assert plain == Note("y")


def many(launches: int, settings: int) -> str:
    """A unit for each launch, as one page of Markdown."""
    lines = "".join(f"export A{i}=x\n" for i in range(settings))
    return f"```bash\n{lines}sglang serve --tp 8\n```\n" * launches


def test_launches_with_more_settings_than_can_be_looked_at() -> None:
    """Those before stay, and tell it; what is cut off is a launch, not a part of one."""
    found = READERS["markdown"](many(8, 3000), "f.md")
    assert [len(c.env) for c in found] == [3000] * 6
    assert all(c.partial for c in found)
    assert "its launches have more than 20,000 settings" in found[0].notes[-1].message


def test_a_launch_with_too_many_settings_is_told_with_its_place() -> None:
    with pytest.raises(BudgetError, match=r"^f\.md:5002:1: a launch has more than 4,000 settings"):
        READERS["markdown"](many(1, 5000), "f.md")


def test_a_script_that_launches_with_thousands_of_variables_again_and_again() -> None:
    text = "".join(f"export A{i}=$X{i}\n" for i in range(900)) + "sglang serve --tp 8\n" * 60
    found = READERS["bash"](text, "f.sh")
    assert 16 < len(found) < 24
    assert all(c.partial for c in found)
