"""Units of systemd: words, variables, continuations, and what isn't known."""

from __future__ import annotations

import shlex

import pytest

from dsv4_env.model import Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import systemd


def unit(*lines: str) -> str:
    return "\n".join(["[Unit]", "After=network.target", "[Service]", *lines, ""])


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("${A}", "a b"),
        ("x${A}y", "xa by"),
        ("x$A", "x$A"),
        ("$$A", "$A"),
        ("$${A}", "${A}"),
        ("'$$'", "$"),
        ("%%h", "%h"),
        ("%", "%"),
        ("a\\x41\\101\\tb", "aAA\tb"),
        ("\\q", "\\q"),
        ("\"a 'b'\"", "a 'b'"),
        ("'a \"b\"'", 'a "b"'),
        ("a'b c'd", "ab cd"),
    ],
)
def test_words(word: str, expected: str) -> None:
    text = unit('Environment="A=a b"', f"ExecStart=/usr/bin/sglang serve --x {word}")
    (config,) = systemd.read_all(text, "f.service")
    assert config.argv == ["--x", expected]


def test_a_variable_alone_is_as_many_words_as_it_has() -> None:
    text = unit('Environment="A=a b" B=', "ExecStart=sglang serve --x $A --y $B -z")
    (config,) = systemd.read_all(text, "f.service")
    assert config.argv == ["--x", "a", "b", "--y", "-z"]


def test_what_is_not_known() -> None:
    text = unit(
        "EnvironmentFile=-/etc/a.env", "Environment=A=1", "ExecStart=sglang serve ${A} %i $B"
    )
    (config,) = systemd.read_all(text, "f.service")
    assert [(v.text, v.default, v.splits) for v in config.argv if isinstance(v, Unknown)] == [
        ("1", "1", False),
        ("%i", None, False),
        ("${B}", None, True),
    ]
    assert [n.message for n in config.notes if n.opens] == [
        "the variables of /etc/a.env aren't known"
    ]
    value = config.effective_env["A"].value
    assert isinstance(value, Unknown)
    assert value.default == "1"


def test_places() -> None:
    text = unit("Environment=A=1 B=2", "ExecStart=sglang serve \\", "  # no", "  --tp ${B}")
    (config,) = systemd.read_all(text, "f.service")
    assert [str(e.location) for e in config.env] == ["f.service:4:13", "f.service:4:17"]
    assert config.args is not None
    assert str(config.args[0].location) == "f.service:7:3"


def test_plain_commands_are_cut_as_shlex_cuts_them() -> None:
    command = "sglang serve --a 'b c' \"d e\" f'g h' --i= --j '' --k \"l'm\""
    (config,) = systemd.read_all(unit(f"ExecStart={command}"), "f.service")
    assert [*config.command, *config.argv] == shlex.split(command)


def test_errors() -> None:
    with pytest.raises(ReadError, match="no section of a service"):
        systemd.read_all("[Unit]\nDescription=sglang serve\n", "f.service")
    with pytest.raises(ReadError, match=r"f\.service:4:24: a quote that isn't closed"):
        systemd.read_all(unit("ExecStart=sglang serve '--x"), "f.service")
