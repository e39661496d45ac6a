"""Files of variables, held against python-dotenv itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings, strategies as st

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import dotenv

if TYPE_CHECKING:
    from pathlib import Path

PIECES = st.lists(
    st.sampled_from(
        ["A", "B", "=", "=", "'", '"', "\\", "\n", "\n", " ", "#", "${A}", "${B:-x}", "$", "{",
         "export ", "\t", "é", "n", "\r\n", "\r", "\u2028", "\x0c", "\x1f", "}", ":-", "\ufeff"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


def values(config: LaunchConfig) -> dict[str, Any]:
    """What is set where nothing is set outside."""
    found = {n: e.value for n, e in config.effective_env.items()}
    return {n: v.default if isinstance(v, Unknown) else v for n, v in found.items()}


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PIECES)
def test_as_python_dotenv_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("A", raising=False)
    monkeypatch.delenv("B", raising=False)
    file = tmp_path / ".env"
    file.write_bytes(text.encode())
    expected = {n: v for n, v in dotenv_values(file).items() if v is not None}
    (config,) = dotenv.read_all(file.read_bytes(), "f")
    assert config.args is None
    assert values(config) == expected


def test_places() -> None:
    (config,) = dotenv.read_all("# é\nA=1\n  export B='x'\n", "f")
    assert [str(e.location) for e in config.env] == ["f:2:1", "f:3:10"]
    assert [e.origin.value for e in config.env] == ["1", "'x'"]


def test_a_name_from_outside() -> None:
    (config,) = dotenv.read_all("A=${X}/${Y:-d}", "f")
    value = config.env[0].value
    assert isinstance(value, Unknown)
    assert (value.text, value.names, value.default) == ("${X}/${Y:-d}", ("X", "Y"), "/d")
    assert str(value.location) == "f:1:1"


def test_a_name_that_comes_again_without_a_value_is_not_set() -> None:
    assert values(dotenv.read_all("A=1\nA\n", "f")[0]) == {}
    assert values(dotenv.read_all("A=1\nA\nA=2", "f")[0]) == {"A": "2"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", {"A": "b"}),
        ("A = b ", {"A": "b"}),
        ('A="b c" d', {"A": "b cd"}),
        ("A='b\\c'", {"A": "b\\c"}),
        ('A="\\$\\`\\"\\\\\\n"', {"A": '$`"\\\\n'}),
        ("A=b\\\nc", {"A": "bc"}),
        ('A="b\\\nc"', {"A": "bc"}),
        ('A="b\nc"', {"A": "b\nc"}),
        ("A=$B", {"A": "$B"}),
        ('A=b"c"', {"A": 'b"c"'}),
        ("A=b # c", {"A": "b # c"}),
        ("#A=1\n;B=2\nC", {}),
        ("export A=1", {}),
        ("A=\nB=1", {"A": "", "B": "1"}),
        ("A=b\\ ", {"A": "b "}),
    ],
)
def test_systemd(text: str, expected: dict[str, str]) -> None:
    assert values(dotenv.read_all(text, "f", dialect="systemd")[0]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", {"A": "b"}),
        (' A= "b" # c ', {"A": ' "b" # c '}),
        ("#A=1\n  # B\n\nC==", {"C": "="}),
        ("A=1\r\nB=2", {"A": "1", "B": "2"}),
        ("A=$B\\", {"A": "$B\\"}),
    ],
)
def test_docker(text: str, expected: dict[str, str]) -> None:
    assert values(dotenv.read_all(text, "f", dialect="docker")[0]) == expected


def test_docker_passes_on_what_has_no_value() -> None:
    value = dotenv.read_all("A\n", "f", dialect="docker")[0].env[0].value
    assert isinstance(value, Unknown)
    assert value.names == ("A",)
    assert value.default is None


@pytest.mark.parametrize(
    ("data", "dialect", "message"),
    [
        (b"A=\xff", "dotenv", "f:1:3: byte 0xff is not UTF-8"),
        (b"A=1\nB\0", "systemd", "f:2:2: a NUL byte"),
        (b"A=1\n=2", "docker", "f:2:1: no variable's name"),
        (b"A=1\n B C=2", "docker", "f:2:2: a variable's name with a blank, 'B C'"),
        (
            b"",
            "doker",
            "f: dialect doker; expected dotenv, docker, systemd or github. Did you mean docker",
        ),
    ],
)
def test_errors(data: bytes, dialect: Any, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        dotenv.read_all(data, "f", dialect=dialect)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A<<E\n1\nE\nB=2\n", {"A": "1", "B": "2"}),
        ("A<<E\n\n x \nB=1\nE\n", {"A": "\n x \nB=1"}),
        ("A<<E\r\n1\r\nE\r\n", {"A": "1\r"}),
        ("A<<E\nE\n\nB=x<<y\nC==\n", {"A": "", "B": "x<<y", "C": "="}),
        ("A<<E\n1\nE\nA<<F\n2\nF", {"A": "2"}),
    ],
)
def test_what_github_takes_for_later_steps(text: str, expected: dict[str, str]) -> None:
    (config,) = dotenv.read_all(text, "f")
    assert {n: e.value for n, e in config.effective_env.items()} == expected


def test_a_value_of_githubs_that_never_ends_is_refused() -> None:
    with pytest.raises(ReadError, match="f:2:1: no end of the value; expected a line F"):
        dotenv.read_all("A=1\nB<<F\n2\n", "f", dialect="github")
    assert dotenv.read_all("A<<E\n1\n", "f")[0].env == dotenv.read_all("A<<E\n1", "f")[0].env
