"""Edits of bash scripts: every byte that isn't the value stays, and what isn't safe is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dsv4_env.catalogue import Catalogue, load
from dsv4_env.compare.differences import Difference
from dsv4_env.compare.findings import compared
from dsv4_env.compare.normalise import with_model
from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg
from dsv4_env.profile import load_profile
from dsv4_env.readers import bash
from dsv4_env.writeback import EditJob, Outcome, edit_text
from dsv4_env.writeback.bash import propose
from tests.conftest import run_dsv4
from tests.unit.readers.test_bash import script

L = "python3 -m sglang.launch_server"


def profile(env: dict[str, str] | None = None, **args: Any) -> LaunchConfig:
    """A profile of these variables and flags; several lists are occurrences."""
    flags = [
        ServerArg(f"--{name}", tuple(values), Origin("p"))
        for name, given in args.items()
        for values in (given if given and isinstance(given[0], list) else [given])
    ]
    settings = tuple(EnvVar(n, v, Origin("p")) for n, v in (env or {}).items())
    return LaunchConfig("p", "profile", settings, tuple(flags))


def brought(
    text: str,
    to: LaunchConfig,
    *,
    index: int = 0,
    catalogue: Catalogue | None = None,
    prune: bool = False,
    shared: bool = False,
) -> Outcome:
    def differ(launch: LaunchConfig) -> list[Difference]:
        return compared(to, launch, catalogue=catalogue)

    job = EditJob(to, index, lambda t: bash.read_all(t, "s.sh"), differ, propose, prune, shared)
    return edit_text(job, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"export A=1 # x\n{L}", f"export A=2 # x\n{L}"),
        (f'export A="1"\n{L}', f'export A="2"\n{L}'),
        (f"export A='1'\n{L}", f"export A='2'\n{L}"),
        (f"export A=\n{L}", f"export A=2\n{L}"),
        (f"export A='a'\"b\"c\n{L}", f"export A=2\n{L}"),
        (f"export A=$'a\\n'\n{L}", f"export A=2\n{L}"),
        (f"export A=0 A=1\n{L}", f"export A=0 A=2\n{L}"),
        (f"export A=0\nexport A=1\n{L}", f"export A=0\nexport A=2\n{L}"),
        (f"A=1\nexport A\n{L}", f"A=2\nexport A\n{L}"),
        (f"declare -x A=1\n{L}", f"declare -x A=2\n{L}"),
        (f"A=1 {L}", f"A=2 {L}"),
        (f"env -u B A=1 {L}", f"env -u B A=2 {L}"),
        (f"env 'A=1' {L}", f"env 'A=2' {L}"),
        (f"V=1\nexport A=$V\n{L}", f"V=2\nexport A=$V\n{L}"),
        (f'V=1\nW="$V"\nexport A="${{W}}"\n{L}', f'V=2\nW="$V"\nexport A="${{W}}"\n{L}'),
        (f"export A=${{A:-1}}\n{L}", f"export A=${{A:-2}}\n{L}"),
        (f'export A="${{X-1}}"\n{L}', f'export A="${{X-2}}"\n{L}'),
        (f'export A="1" B="é"\n{L}', f'export A="2" B="é"\n{L}'),
        (f"\ufeffexport B=1\nexport A=1\n{L}", f"\ufeffexport B=1\nexport A=2\n{L}"),
        (f"set -a\n. /dev/null\nA=1\n{L}", f"set -a\n. /dev/null\nA=2\n{L}"),
        (f"f() {{ export A=1; }}\nf\n{L}", f"f() {{ export A=2; }}\nf\n{L}"),
        (f"bash -c 'export A=1; {L}'", f"bash -c 'export A=2; {L}'"),
        (f"docker run -e A=1 img {L}", f"docker run -e A=2 img {L}"),
    ],
)
def test_a_variable_gets_another_value(text: str, expected: str) -> None:
    outcome = brought(text, profile({"A": "2"}))
    assert (outcome.text, outcome.refused) == (expected, [])


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("a b", ["'a b'", '"a b"', "'a b'"]),
        ("it's", ["'it'\\''s'", '"it\'s"', "'it'\\''s'"]),
        ('$x`"\\', ["'$x`\"\\'", '"\\$x\\`\\"\\\\"', "'$x`\"\\'"]),
        ("", ["''", '""', "''"]),
        ("a\nb", ["'a\nb'", '"a\nb"', "'a\nb'"]),
    ],
)
def test_a_value_is_quoted_as_the_one_before(value: str, spelled: list[str]) -> None:
    for quoted, expected in zip(["1", '"1"', "'1'"], spelled, strict=True):
        outcome = brought(f"export A={quoted}\n{L}", profile({"A": value}))
        assert outcome.text == f"export A={expected}\n{L}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{L} --tp 8 # x", f"{L} --tp 4 # x"),
        (f"{L} --tp=8", f"{L} --tp=4"),
        (f"{L} '--tp=8'", f"{L} '--tp=4'"),
        (f'{L} --tp="8"', f'{L} --tp="4"'),
        (f'{L} "--tp" "8"', f'{L} "--tp" "4"'),
        (f"{L} --tp ${{TP:-8}}", f"{L} --tp ${{TP:-4}}"),
        (f"{L} --tp=${{TP:-8}}", f"{L} --tp=${{TP:-4}}"),
        (f"TP=8\n{L} --tp $TP", f"TP=4\n{L} --tp $TP"),
        (f"{L} --tp", f"{L} --tp 4"),
        (f"{L} --tp 1 2 --x", f"{L} --tp 4 --x"),
        (f"{L} --tp 1 --tp 8", None),
        (f"A=(--tp 8)\n{L} ${{A[@]}}", f"A=(--tp 4)\n{L} ${{A[@]}}"),
        (f"A='--tp 8'\n{L} $A", f"A='--tp 4'\n{L} $A"),
        (f'f() {{ {L} "$@"; }}\nf --tp 8', f'f() {{ {L} "$@"; }}\nf --tp 4'),
        (f"{L} \\\n  --tp \\\n  8 \\\n  --x", f"{L} \\\n  --tp \\\n  4 \\\n  --x"),
        (f"eval '{L} --tp 8'", f"eval '{L} --tp 4'"),
    ],
)
def test_a_flag_gets_another_value(text: str, expected: str | None) -> None:
    to = profile(tp=["4"], x=[]) if "--x" in text else profile(tp=["4"])
    outcome = brought(text, to, catalogue=load("0.5.16"))
    if expected is not None:
        assert (outcome.text, outcome.refused) == (expected, [])
    values = [str(getattr(v, "default", v)) for a in outcome.launch.args or () for v in a.values]
    assert values[-1] == "4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"export A=1\n\nexport C=1\n{L}", f"export A=1\nexport B=2\n\nexport C=1\n{L}"),
        (f"C=1\n  export A='1' C # x\n{L}", f"C=1\n  export A='1' C # x\n  export B='2'\n{L}"),
        (f"export A=1 \\\n  C=1\n{L}", f"export A=1 \\\n  C=1 \\\n  B=2\n{L}"),
        (f"A=1 C=1 {L}", f"A=1 C=1 B=2 {L}"),
        (f"env A=1 C=1 {L}", f"env A=1 B=2 C=1 {L}"),
        (
            f"docker run \\\n  -e A=1 -e C=1 i {L}",
            f"docker run \\\n  -e A=1 \\\n  -e B=2 -e C=1 i {L}",
        ),
    ],
)
def test_a_missing_variable_is_added_in_the_style_of_the_file(text: str, expected: str) -> None:
    outcome = brought(text, profile({"A": "1", "B": "2", "C": "1"}))
    assert (outcome.text, outcome.refused) == (expected, [])


def test_a_variable_is_added_where_there_is_none() -> None:
    assert brought(f"  {L}", profile({"A": "x y"})).text == f"  export A='x y'\n  {L}"
    assert brought(f"true && {L}", profile({"A": "1"})).text == f"true && A=1 {L}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{L} --a 1 --c", f"{L} --a 1 --b 2 --c"),
        (f"{L} \\\n  --a 1 \\\n  --c\n", f"{L} \\\n  --a 1 \\\n  --b 2 \\\n  --c\n"),
        (f"{L} --c \\\n  --a 1 > log", f"{L} --c \\\n  --a 1 \\\n  --b 2 > log"),
        (f"X=(\n  --a 1 # one\n  --c\n)\n{L} ${{X[*]}}",
         f"X=(\n  --a 1 # one\n  --b 2\n  --c\n)\n{L} ${{X[*]}}"),
        (f"X=(--c)\nX+=(--a=1)\n{L} ${{X[*]}}", f"X=(--c)\nX+=(--a 1 --b 2)\n{L} ${{X[*]}}"),
        (f"X='--a 1 --c'\n{L} $X", f"X='--a 1 --b 2 --c'\n{L} $X"),
    ],
)  # fmt: skip
def test_a_missing_flag_is_added_behind_the_one_before(text: str, expected: str) -> None:
    outcome = brought(text, profile(a=["1"], b=["2"], c=[]))
    assert (outcome.text, outcome.refused) == (expected, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"export A=1\nexport B=1 # gone\n{L}", f"export A=1\n{L}"),
        (f"export A=1 B=1\n{L}", f"export A=1\n{L}"),
        (f"export B=1 A=1\n{L}", f"export A=1\n{L}"),
        (f"B=1 A=1 {L}", f"A=1 {L}"),
        (f"env A=1 B=1 {L}", f"env A=1 {L}"),
        (f"export B=0\nexport A=1\nexport B=1\n{L}", f"export A=1\n{L}"),
        (f"export A=1\n{L} --b 2", f"export A=1\n{L}"),
        (f"export A=1\n{L} \\\n  --b 2 \\\n  -v", f"export A=1\n{L}"),
        (f"export A=1; export B=1; {L}", f"export A=1; {L}"),
        (
            f"export A=1\nX=(\n  --b 2 # b\n  --d\n)\n{L} ${{X[*]}}",
            f"export A=1\nX=(\n)\n{L} ${{X[*]}}",
        ),
    ],
)
def test_what_is_too_much_goes_only_when_asked(text: str, expected: str) -> None:
    to = profile({"A": "1"})
    kept = brought(text, to)
    assert (kept.text, kept.done) == (text, [])
    assert kept.extra
    outcome = brought(text, to, prune=True)
    assert (outcome.text, outcome.refused) == (expected, [])
    assert compared(to, outcome.launch) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"export A=$(hostname)\n{L}", "`$(hostname)` can't be known: the output of a command"),
        (f"export A=$X\n{L}", "`${X}` can't be known: not set in the script"),
        (f"if t; then export A=1; else export A=2; fi\n{L}", "it depends on a condition"),
        (f"for v in 0 1; do export A=$v; done\n{L}", "its value comes from $v"),
        (f"V=1\necho $V\nexport A=$V\n{L}", "its value is held in $V, which is used elsewhere"),
        (f"V=1\nexport A=a$V\n{L}", "its value is put together (`a$V`)"),
        (f"for n in A; do export $n=1; done\n{L}", "it is spelled out nowhere"),
        (f"V=1\nexport A=${{V/x/y}}\n{L}", "its value is made by `${V/x/y}`"),
    ],
)
def test_what_is_not_safe_is_refused_with_its_place(text: str, reason: str) -> None:
    outcome = brought(text, profile({"A": "2"}))
    (refused,) = outcome.refused
    assert refused.reason.startswith(reason)
    assert refused.location is not None
    assert refused.location.line in (1, 2)
    assert outcome.text == text


def test_another_launch_stays_as_it_is_unless_it_shares() -> None:
    text = f"export A=1\n{L} --x 1\n{L} --x 1\n"
    to = profile({"A": "2"}, x=["2"])
    alone = brought(text, to, index=1)
    assert alone.text == f"export A=1\n{L} --x 1\n{L} --x 2\n"
    assert [r.reason for r in alone.refused] == [
        "the edit would change launch #1 (line 2) as well: --shared"
    ]
    both = brought(text, to, index=1, shared=True)
    assert both.text == f"export A=2\n{L} --x 1\n{L} --x 2\n"


def test_repeated_flags_are_brought_one_by_one() -> None:
    text = f"{L} --r a --r b --z\n"
    cases = {
        "--r a --r c --z": [["a"], ["c"]],
        "--r a --z": [["a"]],
        "--r a --r b --r c --z": [["a"], ["b"], ["c"]],
    }
    for expected, values in cases.items():
        assert brought(text, profile(r=values, z=[])).text == f"{L} {expected}\n"


def test_bytes_that_are_no_text_stay() -> None:
    text = b"# \xff\xfe\nexport A=1 # \xe9\n".decode("utf-8", "surrogateescape") + L
    outcome = brought(text, profile({"A": "2"}))
    assert outcome.text == text.replace("A=1", "A=2")


@pytest.mark.parametrize("fact", run_dsv4(), ids=lambda f: f["commit"][:12])
def test_every_version_of_the_launch_script(fact: dict[str, Any]) -> None:
    to = with_model(load_profile("pro-fp4"))
    text = script(fact)
    outcome = brought(text, to, prune=True)
    assert outcome.refused == []
    found = {d.name: d.kind for d in compared(to, outcome.launch)}
    assert set(found.values()) <= {"reordered"}
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in outcome.text.splitlines() if line.startswith("#")] == comments
    again = brought(outcome.text, to, prune=True)
    assert (again.text, again.done) == (outcome.text, [])
