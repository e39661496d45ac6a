"""GitHub workflows: expressions, matrices, what one step leaves to the next, and places."""

from __future__ import annotations

import contextlib
import textwrap

import pytest
from hypothesis import given, settings, strategies as st

from dsv4_env.lang import yaml as yaml_source
from dsv4_env.lang.yaml import Mapping
from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import github, workflow
from tests.told import told

LAUNCH = "python3 -m sglang.launch_server"


def job(text: str, *, top: str = "") -> list[LaunchConfig]:
    return workflow.read_all(f"{top}jobs:\n  j:\n{textwrap.indent(text, '    ')}", "f.yml")


def step(run: str, **kwargs: str) -> list[LaunchConfig]:
    return job("steps:\n  - run: |\n" + textwrap.indent(run, "      "), **kwargs)


def texts(config: LaunchConfig) -> list[str]:
    return [w.text if isinstance(w, Unknown) else w for w in config.argv]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("matrix.tp", "8"),
        ("matrix.ratio", "0.9"),
        ("matrix.quoted", "0.90"),
        ("matrix.config.name", "pro"),
        ("matrix.Config.NAME", "pro"),
        ("matrix.missing", ""),
        ("matrix.config", None),
        ("matrix.dynamic", None),
        ("env.A", "b"),
        ("env.B", None),
        ("secrets.A", None),
        ("'it''s'", "it's"),
        ("matrix.missing || 'd'", "d"),
        ("matrix.tp == 8 && 'x' || 'y'", "x"),
        ("matrix.config.name != 'PRO'", "false"),
        ("!(matrix.tp == 4)", "true"),
        ("matrix.tp == '8'", None),
        ("inputs.a || 'd'", None),
        ("inputs.a && false", None),
        ("format('{0}', matrix.tp)", None),
        ("matrix.tp ==", None),
        ("matrix['tp']", None),
        ("", None),
    ],
)
def test_expressions(expression: str, expected: str | None) -> None:
    text = "tp: 8\nratio: 0.90\nquoted: '0.90'\nconfig: {name: pro}\ndynamic: ${{ x }}"
    (node,) = yaml_source.parse(text, "f")
    assert isinstance(node, Mapping)
    found = github.evaluate_expression(
        expression, github.Contexts({"A": "b"}, github.Properties(node.items))
    )
    assert (found.text if found else None) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("matrix.a env.A 'x' 1 == != && || ! ( ) true".split()), max_size=8))
def test_any_expression_has_a_value_or_none(tokens: list[str]) -> None:
    github.evaluate_expression(" ".join(tokens), github.Contexts({"A": "b"}, github.Properties({})))


def combinations(text: str) -> list[str] | None:
    (node,) = yaml_source.parse(text, "f")
    found = github.combinations(node)
    return None if found is None else [", ".join(github.described(c)) for c in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: [1, 2], b: [x, y]}", ["a=1, b=x", "a=1, b=y", "a=2, b=x", "a=2, b=y"]),
        ("{a: [1, 2], exclude: [{a: 1}]}", ["a=2"]),
        ("{a: [1, 2], b: [x], exclude: [{a: 1, b: y}]}", ["a=1, b=x", "a=2, b=x"]),
        ("{a: [1, 2], include: [{a: 2, c: z}]}", ["a=1", "a=2, c=z"]),
        ("{a: [1, 2], include: [{c: z}]}", ["a=1, c=z", "a=2, c=z"]),
        ("{a: [1], include: [{a: 3}]}", ["a=1", "a=3"]),
        ("{a: [1], include: [{c: y}, {c: z}]}", ["a=1, c=z"]),
        ("{include: [{a: 1}, {a: 2}]}", ["a=1", "a=2"]),
        ("{a: '${{ fromJSON(x) }}'}", None),
        ("x", None),
        (f"{{a: {list(range(17))}, b: {list(range(17))}}}", None),
    ],
)
def test_matrices(text: str, expected: list[str] | None) -> None:
    assert combinations(text) == expected


def test_an_unknown_matrix_leaves_its_values_unknown() -> None:
    (config,) = job(
        "strategy: {matrix: {tp: '${{ fromJSON(inputs.tp) }}'}}\n"
        f"steps: [{{run: '{LAUNCH} --tp ${{{{ matrix.tp }}}}'}}]"
    )
    assert texts(config) == ["--tp", "${{ matrix.tp }}"]


def test_equal_launches_of_a_matrix_are_told_once() -> None:
    (config,) = job(f"strategy: {{matrix: {{a: [1, 2]}}}}\nsteps: [{{run: {LAUNCH} --x}}]")
    assert config.name == "f.yml job j"


def test_an_unknown_value_is_never_compared_as_its_text() -> None:
    (config,) = step(f"if [ '${{{{ inputs.a }}}}' = 'b' ]; then export A=1; fi\n{LAUNCH}\n")
    (setting,) = config.env
    assert told(setting.condition) == '${{ inputs.a }} = "b"'


def test_environments_override_each_other() -> None:
    (config,) = job(
        f"env: {{A: job, B: job}}\nsteps:\n  - env: {{A: step}}\n    run: {LAUNCH} --a $A $B $C",
        top="env: {A: top, C: top}\n",
    )
    assert config.argv == ["--a", "step", "job", "top"]
    found = [(e.value, e.superseded) for e in config.env if e.name == "A"]
    assert found == [("top", True), ("job", True), ("step", False)]


def test_a_variable_that_the_script_unsets_is_gone() -> None:
    (config,) = step(f"unset A\nenv -u B {LAUNCH}\n", top="env: {A: 1, B: 2, C: 3}\n")
    assert [e.name for e in config.env] == ["C"]


def test_places_in_every_kind_of_scalar() -> None:
    text = (
        "jobs:\n  j:\n    steps:\n"
        f"      - run: {LAUNCH} --plain\n"
        f'      - run: "{LAUNCH}\\\n          \\ --double"\n'
        f"      - run: >-\n          {LAUNCH}\n          --folded\n"
        f"      - run: |2\n          {LAUNCH} \\\n            --literal\n"
    )
    lines = text.split("\n")
    for config in workflow.read_all(text, "f.yml"):
        (arg,) = config.args or ()
        assert arg.location is not None
        assert arg.location.line is not None
        assert arg.location.column is not None
        line = lines[arg.location.line - 1][arg.location.column - 1 :]
        assert line.startswith(str(arg.flag))
        assert config.end_line == arg.location.line


@pytest.mark.parametrize(
    "write",
    ["cat x >> $GITHUB_ENV", "python3 x.py $GITHUB_ENV", 'echo "A<<E" >> $GITHUB_ENV'],
)
def test_what_a_step_may_have_written_is_unknown(write: str) -> None:
    (config,) = job(f"env: {{A: 1}}\nsteps:\n  - run: {write}\n  - run: {LAUNCH} --a $A")
    assert isinstance(config.effective_env["A"].value, Unknown)
    assert isinstance(config.argv[1], Unknown)


def test_a_step_that_may_not_run_makes_what_it_writes_unknown() -> None:
    (config,) = job(
        f"steps:\n  - if: inputs.x\n    run: echo A=1 >> $GITHUB_ENV\n  - run: {LAUNCH}"
    )
    value = config.effective_env["A"].value
    assert isinstance(value, Unknown)
    assert value.text == "1"


def test_text_for_a_container_with_values_from_outside() -> None:
    (config,) = step(f'docker exec c bash -c "cd $DIR && {LAUNCH} --m ${{M:-d}} --n \\$N"\n')
    assert texts(config)[::2] == ["--m", "--n"]
    found = [w for w in config.argv if isinstance(w, Unknown)]
    assert [w.names for w in found] == [("M",), ("N",)]
    assert found[0].default == "d"


def test_errors() -> None:
    with pytest.raises(ReadError, match=r"f.yml:5:14: syntax error"):
        step("if then sglang\n")
    with pytest.raises(ReadError, match="no jobs"):
        workflow.read_all(b"[]", "f.yml")


@settings(max_examples=60, deadline=None)
@given(st.text("jobs:\n -|'\"${}runstepev[]sglang", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"jobs:\n j:\n  steps:\n  - run: |\n     sglang serve {text!r}"):
        with contextlib.suppress(ReadError):
            workflow.read_all(whole, "f")
