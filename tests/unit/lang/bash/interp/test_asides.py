from __future__ import annotations

from dsv4_env.model import Unknown
from dsv4_env.model.budget import Budget
from dsv4_env.readers import bash

_FORKS = "".join(f"[ $T{i} ] && Y{i}=1\n" for i in range(12))


def test_what_no_launch_depends_on_costs_little() -> None:
    """Twelve tests, each of them with what it sets: four thousand ways through."""
    script = f"f() {{\n{_FORKS}}}\nf\nA=1\nf\nf\nsglang serve --tp $A\n"
    spent = Budget()
    (launch,) = bash.read_all(script, budget=spent)
    assert (launch.argv, launch.condition, launch.partial) == (["--tp", "1"], None, False)
    assert spent.spent_steps < 20_000


def test_what_costs_too_much_is_unknown_and_told() -> None:
    """What is set beside it stays known."""
    script = "f() { f; f; X=$X$Q; }\nA=1\nf\nsglang serve --tp $A --x $X\n"
    (launch,) = bash.read_all(script)
    assert launch.argv[:3] == ["--tp", "1", "--x"]
    assert isinstance(launch.argv[3], Unknown)
    assert any("takes too many steps to follow" in n.message for n in launch.notes)
    assert not launch.partial


def test_paths_that_differ_in_nothing_of_a_launch_are_one() -> None:
    script = f"{_FORKS}sglang serve --tp 8\n"
    (launch,) = bash.read_all(script)
    assert (launch.argv, launch.condition) == (["--tp", "8"], None)


def test_nothing_is_followed_behind_the_last_launch() -> None:
    alone, behind = Budget(), Budget()
    bash.read_all("sglang serve --tp 8\n", budget=alone)
    bash.read_all(f"sglang serve --tp 8\n{_FORKS}" + "echo $A$B\n" * 2000, budget=behind)
    assert behind.spent_steps < 20 * alone.spent_steps + 40_000
