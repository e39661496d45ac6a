from __future__ import annotations

import pytest

from dsv4_env.lang.bash.syntax.reach import Outline
from dsv4_env.lang.bash.syntax.tree import parse


def outline(script: str) -> Outline:
    found = Outline(lambda text: "launch" in text, lambda _steps: None)
    found.add(parse(script)[0])
    return found


@pytest.mark.parametrize(
    ("script", "live"),
    [
        ("A=1\nB=2\nlaunch $A", {"A"}),
        ("A=$B\nB=2\nC=3\nlaunch $A", {"A", "B"}),
        ("if [ $T ]; then A=1; fi\nif [ $U ]; then B=1; fi\nlaunch $A", {"A", "T"}),
        ("f() { A=$1; }\nf $X\ng() { Z=$Y; }\ng\nlaunch $A", {"A", "X"}),
        ("f() { echo $Y; }\nA=$(f)\nlaunch $A", {"A", "Y"}),
        ("[ $E ] || exit\nlaunch", {"E"}),
        ("export A=$B\nlaunch", {"A", "B"}),
        ("for i in $L; do A+=$i; done\nlaunch $A", {"A", "L", "i"}),
        ("while ((N++ < M)); do A=$N; done\nlaunch $A", {"A", "M", "N"}),
        ("read -r A <<< $B\nlaunch $A", {"A", "B"}),
    ],
)
def test_what_counts_for_a_launch(script: str, live: set[str]) -> None:
    names = {n for n in outline(script).live() or () if len(n) == 1 and n not in "fgr"}
    assert names == live


@pytest.mark.parametrize("script", ["source x\nlaunch", "set -a\nlaunch"])
def test_all_counts_where_it_cannot_be_told(script: str) -> None:
    assert outline(script).live() is None


def test_a_file_that_is_known_is_no_reason_any_more() -> None:
    block, _ = parse("source x\nlaunch $A")
    found = Outline(lambda text: "launch" in text, lambda _steps: None)
    found.add(block)
    assert found.live() is None
    found.resolve(block.items[0])
    assert "A" in (found.live() or ())


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("a\nlaunch\nb\nc", 1),
        ("X=launch\nb\n$X\nc", 2),
        ("f() { launch; }\nf\nb", 1),
        ("f() { $1; }\nX=launch\nf $X\nb", 2),
        ("f() { Y=$1; }\nf launch\n$Y\nb", 2),
        ("launch\neval $X\nb", 1),
        ("launch\nbash x.sh\ncurl http://h/x.sh", 1),
        ("alias x=launch\nb\nx\nc", 3),
        ("trap launch EXIT\nb", 1),
        ("a\nb", -1),
        ("a\npgrep -f launch | xargs kill\nb", -1),
        ("f() { pkill -f launch; }\nf\nb", -1),
        ("pkill $(launch)\nb", 0),
        ("pgrep() { $2; }\npgrep -f launch\nb", 1),
    ],
)
def test_the_last_command_that_may_lead_to_one(script: str, last: int) -> None:
    block, _ = parse(script)
    found = Outline(lambda text: "launch" in text, lambda _steps: None)
    found.add(block)
    assert found.last(block) == last
