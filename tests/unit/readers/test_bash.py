"""The bash reader: all versions of the launch script, and each construct on its own."""

from __future__ import annotations

from typing import Any

import pytest

from dsv4_env.model import Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import bash
from tests.conftest import run_dsv4


def script(fact: dict[str, Any]) -> str:
    """A script of our own around the facts of one version."""
    lines = [f"{name}={value}" for name, value in fact.get("shell_vars", [])]
    lines += [f"export {name}={value}" for name, value in fact["env"]]
    lines += [f"# export {name}={value}" for name, value in fact.get("env_commented", [])]
    lines.append("# python3 -m sglang.launch_server \\")
    lines += [f"#   {line} \\" for line in fact.get("args_commented", [])]
    words = [f'{name}="{value}"' for name, value in fact.get("inline_env", [])]
    words += fact["launcher"]
    args = [flag if value is None else f"{flag} {value}" for flag, value in fact["args"]]
    return "\n".join([*lines, " \\\n    ".join([" ".join(words), *args])]) + "\n"


@pytest.mark.parametrize("fact", run_dsv4(), ids=lambda f: f["commit"][:12])
def test_every_version_of_the_launch_script(fact: dict[str, Any]) -> None:
    config = bash.read(script(fact), "run_dsv4.sh")
    inline = fact.get("inline_env", [])
    model = fact["shell_vars"][-1][1] if "shell_vars" in fact else None
    assert [(e.name, e.value) for e in config.env[: len(fact["env"])]] == [
        tuple(pair) for pair in fact["env"]
    ]
    assert [e.name for e in config.env[len(fact["env"]) :]] == [name for name, _ in inline]
    assert list(config.command) == fact["launcher"]
    words = [
        model if w == "${MODEL}" else w for pair in fact["args"] for w in pair if w is not None
    ]
    assert config.argv == words
    repeated = [e.name for e in config.env if e.superseded]
    names = [name for name, _ in fact["env"]]
    assert repeated == [n for i, n in enumerate(names) if n in names[i + 1 :]]


LAUNCH = "python3 -m sglang.launch_server"


@pytest.mark.parametrize(
    ("text", "env", "argv"),
    [
        (f"export A=b\n{LAUNCH} --tp 8", {"A": "b"}, ["--tp", "8"]),
        (f"export A=b B='c d' C=\"e f\" # note\n{LAUNCH}", {"A": "b", "B": "c d", "C": "e f"}, []),
        (f"M=/m\nexport A=${{M}}/x\n{LAUNCH} --m $M", {"A": "/m/x"}, ["--m", "/m"]),
        (f'M=/m\n{LAUNCH} --m "${{M:-d}}"', {}, ["--m", "/m"]),
        (f"# export A=b\n{LAUNCH} --tp 8 # --x", {}, ["--tp", "8"]),
        (f"A=b {LAUNCH}", {"A": "b"}, []),
        (f"env A=b B='c d' {LAUNCH} --x", {"A": "b", "B": "c d"}, ["--x"]),
        (f"{LAUNCH} \\\n  --a 1 \\\n  --b", {}, ["--a", "1", "--b"]),
        (f"export A=1\nexport A=2\n{LAUNCH}", {"A": "2"}, []),
        (f"{LAUNCH} --x 1 &", {}, ["--x", "1"]),
        (f"{LAUNCH} --x 1 > log 2>&1", {}, ["--x", "1"]),
        (f"exec {LAUNCH} --x", {}, ["--x"]),
        (f"nohup {LAUNCH} --x &", {}, ["--x"]),
        ("python -m sglang.launch_server --x", {}, ["--x"]),
        ("sglang serve --x=1 --y", {}, ["--x=1", "--y"]),
        (f"export A=\n{LAUNCH}", {"A": ""}, []),
        (f"A=1\nexport A\nA=2\n{LAUNCH}", {"A": "2"}, []),
        (f"export A=1\nunset A\n{LAUNCH}", {}, []),
        (f"{LAUNCH} --j '{{\"a\": 1}}'", {}, ["--j", '{"a": 1}']),
        (f'{LAUNCH} --j "a \\"b\\" \\$x"', {}, ["--j", 'a "b" $x']),
    ],
)
def test_constructs(text: str, env: dict[str, str], argv: list[str]) -> None:
    config = bash.read(text)
    assert {n: e.value for n, e in config.effective_env.items()} == env
    assert config.argv == argv


def test_a_default_is_kept_with_the_name_that_overrides_it() -> None:
    config = bash.read(f'export A="${{X:-d}}/e"\n{LAUNCH} --tp "${{TP:-8}}"')
    value = config.effective_env["A"].value
    assert isinstance(value, Unknown)
    assert (value.names, value.default, value.location) == (("X",), "d/e", value.location)
    tp = config.argv[1]
    assert isinstance(tp, Unknown)
    assert (tp.names, tp.default) == (("TP",), "8")


def test_unknown_has_a_reason_and_a_place() -> None:
    config = bash.read(f"export A=$(hostname)\n{LAUNCH} --x $Y", "s.sh")
    value = config.effective_env["A"].value
    assert isinstance(value, Unknown)
    assert value.text == "$(hostname)"
    assert str(value.location) == "s.sh:1:8"
    assert value.reason
    unquoted = next(w for w in config.argv if isinstance(w, Unknown))
    assert unquoted.splits


def test_an_assignment_in_a_branch_is_not_taken_for_granted() -> None:
    text = f'export A=1\nif [ -n "$X" ]; then\n  export A=2\nfi\n{LAUNCH}'
    values = [e.value for e in bash.read(text).env if e.name == "A"]
    assert values != ["1"]
    assert values != ["2"]


def test_locations_count_characters() -> None:
    config = bash.read(f"export É=1 A='é' B=2\n{LAUNCH}", "s.sh")
    assert str(config.effective_env["B"].location) == "s.sh:1:18"


def test_several_launches() -> None:
    text = f"export A=1\n{LAUNCH} --a\nexport A=2\n{LAUNCH} \\\n  --b\n"
    assert [c.effective_env["A"].value for c in bash.read_all(text)] == ["1", "2"]
    assert bash.read(text, launch=2).argv == ["--b"]
    assert bash.read(text, line=5).argv == ["--b"]
    assert bash.read(text, line=2).argv == ["--a"]


@pytest.mark.parametrize(
    ("text", "launch", "line", "message"),
    [
        ("echo hi", None, None, "s.sh: no launch of SGLang found; expected"),
        (
            f"{LAUNCH}\n{LAUNCH}",
            None,
            None,
            "s.sh: 2 launches; expected one of s.sh#1 (line 1), s.sh#2",
        ),
        (f"{LAUNCH}", 2, None, "s.sh: there is no launch #2; expected s.sh#1 (line 1)"),
        (f"{LAUNCH}", None, 7, "s.sh: no launch at line 7"),
        ("export A=1\0", None, None, "s.sh:1:11: a NUL byte; expected a launch script"),
    ],
)
def test_errors(text: str, launch: int | None, line: int | None, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        bash.read(text, "s.sh", launch=launch, line=line)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "line",
    [
        "my-helper --cmd 'sglang serve --tp 4'",
        "parallel-ssh -H 'a b' 'python3 -m sglang.launch_server'",
        "python3 - <<P\nrun('sglang serve')\nP",
        "printf '#!/bin/bash\\nsglang serve\\n' > job",
        "cat > start.sh <<P\nsglang serve\nP",
        "trap 'sglang serve' DEBUG",
        'CMD=(sglang serve); eval "$X"; "${CMD[@]}" --tp 4',
        'f() { R="python -m sglang_router.launch_router"; }; f; eval "$X"; $R',
    ],
)
def test_a_launch_that_is_not_followed_is_told(line: str) -> None:
    (config,) = bash.read_all(f"{line}\nsglang serve --tp 8\n", "run.sh")
    assert config.partial
    (note,) = [n for n in config.notes if "a launch here can't be followed" in n.message]
    assert note.location is not None
    assert note.location.line == 1
    with pytest.raises(ReadError, match="can't be followed"):
        bash.read_all(line, "run.sh")


@pytest.mark.parametrize(
    "line", ["pkill -f 'sglang serve'", "grep -r sglang.launch_server .", "cat > a.sh <<P\nls\nP"]
)
def test_words_that_nothing_runs_are_no_launch(line: str) -> None:
    (config,) = bash.read_all(f"{line}\nsglang serve --tp 8\n", "run.sh")
    assert not config.partial
    assert config.notes == ()


def test_an_unknown_image_leaves_what_docker_sets() -> None:
    (config,) = bash.read_all("docker run $O -e SGLANG_A=1 $IMAGE sglang serve --tp 8", "run.sh")
    assert config.effective_env["SGLANG_A"].value == "1"
    assert config.argv == ["--tp", "8"]
    assert any("`${IMAGE}` is taken for the image" in n.message for n in config.notes)
    assert [n.message for n in config.notes if n.opens] == ["what `${O}` sets isn't known"]


def test_an_unknown_command_runs_what_follows_it() -> None:
    (config,) = bash.read_all("my-tracer.sh env A=1 sglang serve --tp 8", "run.sh")
    assert config.effective_env["A"].value == "1"
    assert any("`my-tracer.sh` runs it" in n.message for n in config.notes)


def test_a_variable_of_sglang_that_may_be_exported_outside() -> None:
    (config,) = bash.read_all("SGLANG_A=0 B=1\nunset SGLANG_C\nsglang serve", "run.sh")
    (setting,) = config.env
    assert (setting.name, setting.value) == ("SGLANG_A", "0")
    assert str(setting.condition) == "SGLANG_A is set outside"
    assert any("SGLANG_C is unset here" in n.message for n in config.notes)


_CONDITIONAL = """\
[ -n "$METRICS" ] && E="--enable-metrics"
python3 -m sglang.launch_server --trust-remote-code $E --tp 8 --host $E
"""


def test_words_that_may_be_flags_are_no_value_of_a_switch() -> None:
    """A switch takes no value; a flag that takes one may get it from them."""
    config = bash.read(_CONDITIONAL)
    found = [(a.flag, [str(v) for v in a.values], str(a.condition)) for a in config.args or ()]
    assert found[:3] == [
        ("--trust-remote-code", [], "None"),
        (None, ["<unknown: ${E}>"], '-z "$METRICS"'),
        ("--enable-metrics", [], '-n "$METRICS"'),
    ]
    assert ("--host", ["<unknown: ${E}>"], '-z "$METRICS"') in found
    (one, *_) = bash.read('sglang serve --trust-remote-code "$@"').args or ()
    assert (one.flag, one.values) == ("--trust-remote-code", ())


def many(*behind: str) -> str:
    """A script on more paths than are told apart, with a value that each of them makes."""
    tests = (f'if [ "$A{i}" = 1 ]; then W="${{W}}{i}."; fi' for i in range(1, 9))
    return "\n".join(("W=w", *tests, *behind))


def test_of_an_array_only_what_differs_is_lost_on_many_paths() -> None:
    further = [f'if [ "$B{i}" = 1 ]; then W="${{W}}{i}."; fi' for i in range(3)]
    array = 'ARGS=(--host 0.0.0.0 --w "$W" --port 1)'
    (config,) = bash.read_all(many(array, *further, 'sglang serve "${ARGS[@]}"'), "run.sh")
    assert [a.flag for a in config.args or ()] == ["--host", "--w", "--port"]
    assert [u.text for u in config.unknowns] == ["${ARGS[3]}"]


def test_a_launch_that_some_of_many_paths_hold_is_not_lost() -> None:
    held = 'if [ "$R" = 1 ]; then CMD=(python3 -m sglang_router.launch_router); fi'
    further = [f'if [ "$B{i}" = 1 ]; then W="${{W}}{i}."; fi' for i in range(3)]
    text = many(held, *further, 'sglang serve --w "$W"', '[ "$R" = 1 ] && "${CMD[@]}" --port 1')
    server, router = bash.read_all(text, "run.sh")
    assert (server.router, router.router, router.partial) == (False, True, False)
    assert str(router.condition) == 'R = "1"'


def test_what_is_unset_on_some_of_many_paths_has_its_value_from_outside() -> None:
    many_more = [f'if [ "$A{i}" = 1 ]; then B+=(--x{i}); fi' for i in range(9)]
    first, last = '[ -n "$M" ] || export M=m', 'sglang serve --model-path "$M" "${B[@]}"'
    (config,) = bash.read_all("\n".join((first, *many_more, last)), "run.sh")
    told = {str(a.condition): a.values for a in config.args or () if a.flag == "--model-path"}
    assert told['-z "$M"'] == ("m",)
    (outside,) = told['-n "$M"']
    assert getattr(outside, "names", ()) == ("M",)


def test_many_launches_that_cannot_be_followed_are_told_in_few_notes() -> None:
    lines = "".join(f"do-it -m sglang.launch_server --port {i}\n" for i in range(100))
    (found,) = bash.read_all(f"sglang serve --tp 8\n{lines}", path="run.sh")
    told = [n.message for n in found.notes if n.lost]
    assert len(told) == 21
    assert told[-1] == "80 more launches can't be followed"
