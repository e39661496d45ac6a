"""The interpreter by itself: which commands would run, with which words, and when."""

from __future__ import annotations

from collections.abc import Sequence

from dsv4_env.lang.bash.expand.machine import Invocation, Watch
from dsv4_env.lang.bash.expand.state import State
from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.expand.values import Text
from dsv4_env.lang.bash.interp.interpreter import Interpreter
from dsv4_env.lang.bash.syntax.nodes import Source
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import Location


def is_make(words: Sequence[tuple[Text, Location | None]], start: int) -> int | None:
    return 1 if words[start][0] == "make" else None


def followed(script: str) -> Interpreter:
    block, problem = parse(script)
    assert problem is None
    vm = Interpreter(Watch(is_make, "make", lambda text: "make all" in text), {}, {}, root=None)
    vm.follow(block, State(Layers(), [], Source(script, "build.sh"), open=False))
    return vm


def words(found: Invocation) -> list[str]:
    return [str(value) for value, _ in (*found.command, *found.args)]


def test_words_and_environment() -> None:
    (found,) = followed("export J=4; CC=gcc make -j$J all").invocations
    assert words(found) == ["make", "-j4", "all"]
    assert [(name, event.value) for name, event, *_ in found.env] == [("J", "4"), ("CC", "gcc")]


def test_each_path_with_what_was_decided_on_it() -> None:
    vm = followed("if test -f Makefile; then make; else make -f other; fi")
    decided = [
        (words(found), [(str(vm.conditions[key].test), answer) for key, answer in path])
        for found in vm.invocations
        for path in found.alts
    ]
    assert sorted(decided) == [
        (["make"], [('-f "Makefile"', True)]),
        (["make", "-f", "other"], [('-f "Makefile"', False)]),
    ]


def test_a_wrapper_is_seen_through() -> None:
    (found,) = followed("timeout 5 env A=1 bash -c 'make install'").invocations
    assert words(found) == ["make", "install"]
    assert [name for name, *_ in found.env] == ["A"]


def test_what_is_not_watched_for_is_not_told() -> None:
    assert followed("echo make; cmake --build .").invocations == []
