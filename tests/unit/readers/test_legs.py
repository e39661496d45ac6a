"""The runs of tests that a workflow makes, and what each gets."""

from __future__ import annotations

import textwrap

import pytest

from dsv4_env.model import Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers.legs import Leg, legs, suites


def of(steps: str, *, job: str = "", top: str = "") -> list[Leg]:
    """The legs of a workflow with one job of these steps."""
    text = f"{textwrap.dedent(top)}jobs:\n  j:\n{textwrap.indent(textwrap.dedent(job), '    ')}"
    text += f"    steps:\n{textwrap.indent(textwrap.dedent(steps), '      ')}"
    return legs(text, "f")


def told(leg: Leg) -> dict[str, str]:
    return {v.name: v.value if isinstance(v.value, str) else v.value.text for v in leg.variables}


def test_suites() -> None:
    text = textwrap.dedent("""\
        jobs:
          j:
            strategy: {matrix: {part: [a, b]}}
            steps:
              - run: |
                  # run_suite.py --suite comment
                  docker exec c bash -c "run_suite.py --hw amd --suite stage-${{ matrix.part }}"
                  python3 run_suite.py \\
                    --suite=per-commit; echo --suite other
                  python3 run_suite.py --suite ${{ inputs.suite }} --suite $SUITE
    """)
    found = [(name, str(place)) for name, place in suites(text, "f")]
    assert found == [("stage-a", "f:7:64"), ("per-commit", "f:9:13"), ("stage-b", "f:7:64")]


def test_the_legs_of_a_container() -> None:
    found = of("""\
        - name: Accuracy (triton)
          if: ${{ !cancelled() }}
          env: {A: "1", B: "2"}
          run: |
            echo "## SGLANG_HACK_FLASHMLA_BACKEND=triton" >> summary.md  # -e X=1 run_suite.py
            bash scripts/ci/amd/amd_ci_exec.sh -w /test \\
              -e SGLANG_HACK_FLASHMLA_BACKEND=triton \\
              -e A -e C -eD="4 5" --env=E=${{ inputs.e }} \\
              python3 run_suite.py --hw amd --suite nightly-v4 ${{ inputs.more && '-x' || '' }}
        """)
    (leg,) = found
    assert (leg.job, leg.step, leg.suite, leg.files) == ("j", "Accuracy (triton)", "nightly-v4", ())
    assert str(leg.location) == "f:12:51"
    assert str(leg.condition) == "!cancelled()"
    assert told(leg) == {
        "SGLANG_HACK_FLASHMLA_BACKEND": "triton",
        "A": "1",
        "C": "${C}",
        "D": "4 5",
        "E": "${{ … }}",
    }
    unknown = leg.variable("C")
    assert unknown is not None
    assert isinstance(unknown.value, Unknown)
    assert unknown.value.names == ("C",)
    assert leg.variable("B") is None  # a container has its own environment


def test_the_legs_of_a_matrix_without_a_container() -> None:
    found = of(
        """\
        - run: |
            export B=2
            C=3 python3 -m pytest test/test_v4.py::TestV4 test/test_other.py
        """,
        job="strategy: {matrix: {backend: [one, two]}}\nenv: {A: '${{ matrix.backend }}'}\n",
        top="env: {TOP: t}\n",
    )
    assert [(leg.matrix, leg.files) for leg in found] == [
        ("backend=one", ("test/test_v4.py", "test/test_other.py")),
        ("backend=two", ("test/test_v4.py", "test/test_other.py")),
    ]
    assert [told(leg) for leg in found] == [
        {"TOP": "t", "A": "one", "B": "2", "C": "3"},
        {"TOP": "t", "A": "two", "B": "2", "C": "3"},
    ]


def test_equal_legs_of_a_matrix_are_told_once() -> None:
    job = "strategy: {matrix: {part: [0, 1]}}\n"
    assert len(of("- run: python3 run_suite.py --suite s\n", job=job)) == 1


def test_a_text_for_a_shell_in_a_container() -> None:
    (leg,) = of("- run: docker exec -e A=1 c bash -c 'cd t && B=2 python3 test_v4.py'\n")
    assert (leg.files, told(leg)) == (("test_v4.py",), {"A": "1", "B": "2"})


@pytest.mark.parametrize(
    "run",
    [
        "pip install run_suite",
        "echo test_v4.py",
        "cat test_v4.py | grep python3",
        "ls tests",
        "# python3 test_v4.py",
    ],
)
def test_what_runs_no_test(run: str) -> None:
    assert of(f"- run: |\n    {run}\n") == []


def test_a_suite_that_is_not_known_is_still_a_leg() -> None:
    (leg,) = of("- run: python3 run_suite.py --suite $SUITE\n")
    assert (leg.suite, leg.files) == (None, ())


def test_what_is_no_workflow() -> None:
    with pytest.raises(ReadError, match="no jobs"):
        legs("[]", "f")
