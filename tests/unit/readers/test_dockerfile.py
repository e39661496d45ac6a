"""Dockerfiles: variables, quotes, continued lines, stages and commands."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from dsv4_env.model import Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import dockerfile

RUN = 'ENTRYPOINT ["sglang", "serve"]\n'


def env(text: str, base: str = "scratch") -> dict[str, object]:
    (config,) = dockerfile.read_all(f"FROM {base}\n{text}\n{RUN}", "f")
    return {n: e.value for n, e in config.effective_env.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ENV A=1 B=2", {"A": "1", "B": "2"}),
        ("env A=1", {"A": "1"}),
        ("ENV A b c  d", {"A": "b c  d"}),
        ('ENV A="b c" B=d\\ e', {"A": "b c", "B": "d e"}),
        ("ENV A='$X' B=\"\\$X\\\"\\n\"", {"A": "$X", "B": '$X"\\n'}),
        ("ENV A=a\nENV A=b B=$A", {"A": "b", "B": "a"}),
        ("ENV A=a\nENV B=${A}b C=${A:-x} D=${N:-x} E=${A:+y} F=${N:+y}",
         {"A": "a", "B": "ab", "C": "a", "D": "x", "E": "y", "F": ""}),
        ("ENV A=1 \\\n  # note\n\n  B=2", {"A": "1", "B": "2"}),
        ("ENV A=1 \\   \n  B=2", {"A": "1", "B": "2"}),
        ("# ENV A=0\nENV A=1", {"A": "1"}),
        ("ENV A=x#y", {"A": "x#y"}),
        ("ENV A=", {"A": ""}),
        ("ENV A=b=c", {"A": "b=c"}),
        ("RUN <<EOF\nENV A=1\nEOF\nENV B=2", {"B": "2"}),
        ("ENV A=1\r\nENV B=2\r", {"A": "1", "B": "2"}),
    ],
)  # fmt: skip
def test_variables(text: str, expected: dict[str, str]) -> None:
    assert env(text) == expected


def test_what_the_base_image_may_set_is_unknown() -> None:
    value = env("ENV A=x$B C=$PATH", "rocm")["A"]
    assert isinstance(value, Unknown)
    assert (value.text, value.names, value.default) == ("x$B", ("B",), "x")
    path = env("ENV A=$PATH", "rocm")["A"]
    assert isinstance(path, Unknown)
    assert path.default is None


def test_build_arguments() -> None:
    (config,) = dockerfile.read_all(
        f"ARG V=1\nFROM x:$V\nARG V\nARG W=2\nENV A=$V B=$W\nENV W=env\nENV C=$W\n{RUN}", "f"
    )
    a, b, c = (config.effective_env[n].value for n in "ABC")
    assert isinstance(a, Unknown)
    assert isinstance(b, Unknown)
    assert (a.default, a.names, b.default, c) == ("1", ("V",), "2", "env")
    assert "V" not in config.effective_env


def test_places() -> None:
    text = 'FROM x\nENV É=1 A=2 \\\n  B=3\nCMD ["sglang", \\\n  "serve", "--x"]\n'
    (config,) = dockerfile.read_all(text, "f")
    assert [str(e.location) for e in config.env] == ["f:2:5", "f:2:9", "f:3:3"]
    (arg,) = config.args or ()
    assert (str(arg.location), str(config.location), config.end_line) == ("f:5:13", "f:4:7", 5)


def test_the_form_for_a_shell() -> None:
    text = 'FROM x\nENV A=1\nCMD export B="$A" && \\\n  exec sglang serve --b "$B"\n'
    (config,) = dockerfile.read_all(text, "f")
    assert config.argv == ["--b", "1"]
    assert str((config.args or ())[0].location) == "f:4:21"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f: no FROM"),
        (b"ENV A=1", "f:1:5: ENV before the first FROM"),
        (b"FROM a b c", "f:1:6: FROM a b c; expected FROM image"),
        (b"FROM x\nENV A", "f:2:5: ENV A; expected NAME=value"),
        (b"FROM x\nENV A=1 B", "f:2:9: `B`; expected NAME=value"),
        (b"FROM x\nENV", "f:2:1: ENV sets nothing"),
        (b"FROM x\n!!", "f:2:1: `!!`; expected an instruction"),
        (b"FROM x\n\0", "f:2:1: a NUL byte"),
    ],
)
def test_errors(data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        dockerfile.read_all(data, "f")
    assert str(caught.value).startswith(message)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "ENV ARG CMD FROM A=b $A ${A:-c} ' \" \\ \n [ ] sglang serve <<E".split(" ")
        ),
        max_size=25,
    ).map(" ".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ReadError):
        dockerfile.read_all(f"FROM x\n{text}", "f")
