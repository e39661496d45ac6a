"""What depends on the outside: Unknown, conditional or required, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsv4_env.model import Location, Unknown
from dsv4_env.model.condition import Test, covers
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import bash
from tests.told import told

if TYPE_CHECKING:
    from pathlib import Path

L = "python3 -m sglang.launch_server"


def conditions(script: str) -> list[tuple[str, str | None]]:
    return [(a.flag or "", told(a.condition)) for a in (bash.read(script).args or ())]


def test_outside_variable() -> None:
    launch = bash.read(f'export A=${{B:-1}}\n{L} --tp "$TP" $X')
    value = launch.effective_env["A"].value
    assert isinstance(value, Unknown)
    assert (value.text, value.names, value.default) == ("${B:-1}", ("B",), "1")
    assert [w.text for w in launch.unknowns[1:]] == ["${TP}", "${X}"]
    assert [w.splits for w in launch.unknowns[1:]] == [False, True]


def test_inputs_are_known() -> None:
    launch = bash.read(f'export A=${{B:-1}}\n{L} "$TP"', inputs={"B": "2", "TP": "8"})
    assert launch.effective_env["A"].value == "2"
    assert "TP" not in launch.effective_env
    assert launch.argv == ["8"]


def test_branches() -> None:
    script = f"""
    if [ "$DP" = "true" ]; then A=(--dp 8); export E=1; else A=(--tp 8); fi
    {L} --x 1 "${{A[@]}}" --y 2
    """
    launch = bash.read(script)
    assert [(a.flag, told(a.condition)) for a in launch.args or ()] == [
        ("--x", None),
        ("--dp", 'DP = "true"'),
        ("--tp", 'DP != "true"'),
        ("--y", None),
    ]
    assert told(launch.effective_env["E"].condition) == 'DP = "true"'
    assert launch.condition is None


def test_a_decision_holds() -> None:
    script = f'[ "$X" = 1 ] && A=--a; if [ "$X" = 1 ]; then B=--b; fi; {L} $A $B $X'
    found = conditions(script)
    assert [c for f, c in found if f in ("--a", "--b")] == ['X = "1"', 'X = "1"']
    assert bash.read(f'if [ "$X" = 1 ]; then {L} "$X"; fi').argv == ["1"]


def test_tests_that_read_the_same_are_told_apart() -> None:
    """A file may be there the next time; a value is what it was."""
    tested = "A=; B=; if [ @ ]; then A=--a; fi; touch x; [ @ ] || B=--b; " + L + " $A $B"
    for test, covered in (('"$X" = 1', True), ("-f x", False)):
        one, other = (a.condition for a in bash.read(tested.replace("@", test)).args or ())
        assert isinstance(one, Test)
        assert covers([one, other]) is covered
        assert (told(other) == told(~one)) is covered


@pytest.mark.parametrize(
    ("command", "test"),
    [
        ("make", Test("$(make)", "succeeds")),
        ('[ -z "$A" ]', Test('"$A"', "empty")),
        ('[ -n "$A" ]', Test('"$A"', "empty", positive=False)),
        ("[[ -v A ]]", Test("A", "set")),
        ('[ "$A" = c ]', Test("A", "=", '"c"')),
        ('[ "$A" != c ]', Test("A", "=", '"c"', positive=False)),
        ("((A))", Test("((A))", "nonzero")),
        ("[ -f x ]", Test('-f "x"')),
    ],
)
def test_what_is_told_of_a_test(command: str, test: Test) -> None:
    """Its operator is kept: nobody reads it out of the text again."""
    (found,) = bash.read(f"{command} && X=--x || X=; {L} $X").args or ()
    assert found.condition == test


def test_same_in_all_ways() -> None:
    script = f'if [ -n "$X" ]; then echo hi; else echo ho; fi; {L} --tp 8'
    assert conditions(script) == [("--tp", None)]


def test_superseded_on_one_way_only() -> None:
    launch = bash.read(f'export A=1; if [ "$X" = y ]; then export A=2; fi; {L}')
    assert [(e.value, e.superseded, told(e.condition)) for e in launch.env] == [
        ("1", False, 'X != "y"'),
        ("2", False, 'X = "y"'),
    ]


def test_conditional_launch() -> None:
    assert told(bash.read(f'[ "$MODE" = p ] || exit 0; {L}').condition) == 'MODE = "p"'
    either = f"if nvidia-smi; then {L} a; else {L} b; fi"
    assert told(bash.read(either, launch=2).condition) == ("$(nvidia-smi) fails")
    assert bash.read(f"mkdir x || exit 1; {L}").condition is None


@pytest.mark.parametrize(
    "guard",
    [
        ": ${MODEL:?} ${TP:?}",
        '[ -z "$MODEL" ] && exit 1; if [[ -z $TP ]]; then exit 1; fi',
        'check() { for n in "$@"; do if [ -z "${!n}" ]; then exit 1; fi; done; }; check MODEL TP',
    ],
)
def test_required(guard: str) -> None:
    launch = bash.read(f"{guard}\n{L}")
    assert [r.name for r in launch.required] == ["MODEL", "TP"]
    assert launch.condition is None
    assert bash.read_all(f"{guard}\n{L}", closed=True) == []


def test_many_required_variables_stay_cheap() -> None:
    names = " ".join(f"V{i}" for i in range(40))
    script = f"""check() {{ local m=(); for n in "$@"; do [[ -z "${{!n}}" ]] && m+=("$n"); done
      if [[ ${{#m[@]}} -gt 0 ]]; then exit 1; fi; }}
    check {names}
    {L}"""
    assert [r.name for r in bash.read(script).required] == names.split()


def test_many_tests_are_left_unknown() -> None:
    """What differs in ways that can't be told one by one."""
    tests = "\n".join(f'[ "$X{i}" = 1 ] && A="${{A//,/+}},{i}"' for i in range(12))
    launch = bash.read(f"A=0\n{tests}\n{L} --tp 8 --nodes $A")
    assert any("too many" in n.message for n in launch.notes)
    assert launch.argv[:2] == ["--tp", "8"]
    assert launch.unknowns


def test_many_tests_of_one_variable_each() -> None:
    """What each of them decides is told of each: how many there are doesn't count."""
    tests = "\n".join(f'[ "$X{i}" = 1 ] && A+=(--x{i})' for i in range(12))
    launch = bash.read(f"A=()\n{tests}\n{L} --tp 8 ${{A[@]}}")
    assert not launch.notes
    assert [str(a.condition) for a in launch.args or ()][1:] == [f'X{i} = "1"' for i in range(12)]


def test_loop_over_unknown_arguments() -> None:
    script = f"""TP=8
    while [[ $# -gt 0 ]]; do case $1 in --tp) TP=$2; shift 2;; *) shift;; esac; done
    {L} --tp "$TP" "$@" """
    tp, rest = bash.read(script).unknowns
    assert (tp.default, rest.splits) == ("8", True)
    assert bash.read(script, args=["--tp", "4"]).argv == ["--tp", "4"]


def test_health_loop_ends() -> None:
    script = f"{L} &\nwhile true; do if curl -s x; then break; fi; sleep 5; done\n{L} b"
    assert [c.condition for c in bash.read_all(script)] == [None, None]


def test_unknown_source_may_change_everything(tmp_path: Path) -> None:
    launch = bash.read(f"export A=1\nsource /nowhere/env.sh\n{L}", root=tmp_path)
    assert isinstance(launch.effective_env["A"].value, Unknown)
    assert launch.notes


def test_source_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "common.sh").write_text("export A=$1\n")
    script = tmp_path / "run.sh"
    script.write_text(
        'DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n'
        f'source "$DIR/common.sh" x\nsource ../common.sh\n{L}\n'
    )
    launch = bash.read(script.read_bytes(), str(script))
    assert launch.env[0].location == Location(str(tmp_path / "common.sh"), 1, 8)


def test_pathname_pattern() -> None:
    (word,) = bash.read(f"{L} *.json").unknowns
    assert (word.default, word.splits) == ("*.json", True)


def test_associative_order_is_not_known() -> None:
    (word,) = bash.read(f"declare -A M=([a]=1 [b]=2); {L} ${{!M[@]}}", closed=True).unknowns
    assert word.splits


@pytest.mark.parametrize("export", ['"$k=${M[$k]}"', '"${k}"="${M["${k}"]}"'])
def test_what_is_exported_by_its_own_key_needs_no_order(export: str) -> None:
    loop = f'declare -A M=([A]=1 [B]="2 3"); for k in "${{!M[@]}}"; do export {export}; done'
    launch = bash.read(f'{loop}; {L} "$k"', closed=True)
    assert {n: e.value for n, e in launch.effective_env.items()} == {"A": "1", "B": "2 3"}
    assert [w.text for w in launch.unknowns] == ["${k}"]
    assert not launch.notes


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", 'export "$k=$A"'),
        ("", 'export "$k=${M[$k]}"; export A=$k'),
        ("", "export $k=${M[$k]}"),
        ("", 'export "$k=${M[A]}"'),
        ("M[k]=3;", 'export "$k=${M[$k]}"'),
        ("M[M]=3;", 'export "$k=${M[$k]}"'),
        ("M[PATH]=3;", 'export "$k=${M[$k]}"'),
        ("M[A B]=3;", 'export "$k=${M[$k]}"'),
        ("readonly B=1;", 'export "$k=${M[$k]}"'),
        ("declare -i k;", 'export "$k=${M[$k]}"'),
        ("export() { A=$1; };", 'export "$k=${M[$k]}"'),
    ],
)
def test_what_an_order_decides_is_not_known(before: str, body: str) -> None:
    script = f'declare -A M=([A]=1 [B]=2); {before} for k in "${{!M[@]}}"; do {body}; done'
    launch = bash.read(f'{script}; {L} --tp "$A"', closed=True)
    assert "${A}" in [w.text for w in launch.unknowns]


def test_unknown_wrapper_option() -> None:
    launch = bash.read(f"numactl --frobnicate 3 {L} --tp 8")
    assert launch.argv == ["--tp", "8"]
    assert "--frobnicate" in launch.notes[0].message


@pytest.mark.parametrize(
    "change",
    ["n[$X]++", "n[$X] = 5", "n[n[$X]] -= 1", "++n[$X]", "0, n[$X]--", "$X ? (n[1] += 1) : 0"],
)
def test_what_arithmetic_may_have_changed(change: str) -> None:
    """An element whose number isn't known may be any."""
    launch = bash.read(f'n=(0 1)\n(( {change} ))\n{L} --tp "${{n[1]}}"')
    assert [w.text for w in launch.unknowns] == ["${n[1]}"]


def test_text_with_an_unknown_part() -> None:
    launch = bash.read(f"docker exec c bash -c \"export A='$X'; {L} --tp $TP\"")
    assert isinstance(launch.effective_env["A"].value, Unknown)
    assert [w.text for w in launch.unknowns] == ["${X}", "${TP}"]
    assert any("plain text" in n.message for n in launch.notes)


def test_locations() -> None:
    launch = bash.read(f"# x\nexport A=1 \\\n  B=2\n{L} \\\n  --tp 8\n", "run.sh")
    assert [e.location for e in launch.env] == [
        Location("run.sh", 2, 8),
        Location("run.sh", 3, 3),
    ]
    assert (launch.location, launch.end_line) == (Location("run.sh", 4, 1), 5)
    assert (launch.args or ())[0].location == Location("run.sh", 5, 3)


def test_syntax_error() -> None:
    launch = bash.read(f"{L} --tp 8\nif true; then\n  echo\n", "run.sh")
    assert launch.partial
    assert launch.notes[0].message.startswith("run.sh:3:7 syntax error")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\n b\0c", r"x:2:3: a NUL byte"),
        (b"#" * 5_000_001, "5,000,001 bytes"),
        (b"X=$(echo {1..100000})\nexit\nsglang serve $X", "10,000 words"),
        (b"f() { X=1; f; }; f\nexit\nsglang serve $X", "50 deep"),
        (b"echo " + b"$(echo " * 60 + b")" * 60, "50 deep"),
    ],
)
def test_limits(data: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        bash.read_all(data, "x")


@pytest.mark.parametrize(
    ("loop", "conditions"),
    [
        ("while true; do sleep 60; done", [None]),
        ("for ((;;)); do sleep 60; done", [None]),
        ("while true; do X=$((X + 1)); done", [None, "the loop `while true` ends"]),
        ("while [ $((X += 1)) -gt 0 ]; do :; done", [None, "the loop `{}` ends"]),
        ("for i in {1..500}; do [ -f ready ] && break; sleep 1; done", [None, None]),
        ("for i in {1..500}; do [ -f $i ] && N=$i; done", [None, None]),
        ("until [ -f ready ]; do sleep 1; done", [None, None]),
    ],
)
def test_loops_that_wait(loop: str, conditions: list[str | None]) -> None:
    """They are no reason to give up on what stands before them."""
    launches = bash.read_all(f"X=0\n{L} --a &\n{loop}\n{L} --b\n", "x", closed=True)
    head = loop.partition("; do")[0]
    assert [told(c.condition) for c in launches] == [c and c.format(head) for c in conditions]


def test_arguments_after_shift() -> None:
    """``$1`` is another argument then, so a test of it says nothing about the first."""
    script = 'if [ "$1" = a ]; then A=1; fi\nshift\nif [ "$1" = a ]; then B=1; fi\n'
    env = bash.read(f"A= B=\n{script}export A B\n{L}").env
    assert [(e.name, e.value, told(e.condition)) for e in env if e.value] == [
        ("A", "1", '$1 = "a"'),
        ("B", "1", '$2 = "a"'),
    ]


def test_choice_of_a_launch() -> None:
    script = f"{L} a\n{L} \\\n b\n"
    assert bash.read(script, launch=2).argv == ["b"]
    assert bash.read(script, line=3).argv == ["b"]
    for wrong in ({}, {"launch": 3}, {"line": 9}):
        with pytest.raises(ReadError):
            bash.read(script, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ReadError, match="no launch"):
        bash.read("echo")
