"""Docker Compose: interpolation, command lines, and where variables come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import compose

if TYPE_CHECKING:
    from pathlib import Path


def one(service: str, **inputs: str) -> LaunchConfig:
    (config,) = compose.read_all(f"services:\n  s: {service}\n", "f.yml", inputs=inputs)
    return config


@pytest.mark.parametrize(
    ("text", "known", "default"),
    [
        ("$A", "a", ""),
        ("${A}", "a", ""),
        ("x$${A}", "x${A}", None),
        ("$$$A", "$a", "$"),
        ("${A:-d}", "a", "d"),
        ("${E:-d}", "d", "d"),
        ("${E-d}", "", "d"),
        ("${A:+alt}", "alt", ""),
        ("${E:+alt}", "", ""),
        ("${E+alt}", "alt", ""),
        ("${A?no}", "a", None),
        ("${B:-${A:-d}}", "a", "d"),
        ("${B:-a b}", "a b", "a b"),
    ],
)
def test_interpolation(text: str, known: str, default: str | None) -> None:
    service = f"{{command: [sglang, serve, --x, '{text}']}}"
    value = one(service, A="a", E="").argv[-1]
    if isinstance(value, Unknown):
        assert value.default == known
    else:
        assert value == known
    outside = one(service).argv[-1]
    if isinstance(outside, Unknown):
        assert outside.default == default
        assert outside.text == text.replace("$$", "$", 1) or outside.text == text
    else:
        assert (outside, default) == (known, None)


@pytest.mark.parametrize("text", ["$1", "${", "${A", "${A!b}", "a$"])
def test_what_compose_refuses_is_unknown(text: str) -> None:
    assert isinstance(one(f"{{command: [sglang, serve, '{text}']}}").argv[-1], Unknown)


def test_a_command_line_is_split_without_a_shell() -> None:
    config = one("{command: 'sglang serve --a \"b $$HOME\" --c d\\ e  --f  *.txt --g='}")
    assert config.argv == ["--a", "b $HOME", "--c", "d e", "--f", "*.txt", "--g="]


def test_a_value_from_outside_may_be_several_words() -> None:
    config = one("{command: 'sglang serve $EXTRA \"$ONE\"'}")
    found = [w for w in config.argv if isinstance(w, Unknown)]
    assert [w.splits for w in found] == [True, False]


def test_environment() -> None:
    config = one("{command: [sglang, serve], environment: {A: 1, B: ~, C: on}}", B="b")
    assert {n: e.value for n, e in config.effective_env.items()} == {"A": "1", "B": "b", "C": "on"}
    config = one("{command: [sglang, serve], environment: [A=1, B]}")
    assert isinstance(config.effective_env["B"].value, Unknown)


def test_env_files(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("SGLANG_A=1\nB='two'\nC=$X\nD=file\nPASSED\n")
    (tmp_path / "raw.env").write_text("Q='q'\n")
    file = tmp_path / "compose.yml"
    text = (
        "services:\n  s:\n    command: sglang serve\n    environment: {D: own}\n"
        "    env_file: [a.env, {path: raw.env, format: raw}, ../outside.env]\n"
    )
    file.write_text(text)
    (tmp_path.parent / "outside.env").write_text("E=1\n")
    (config,) = compose.read_all(text, str(file))
    found = {n: e.value for n, e in config.effective_env.items()}
    assert isinstance(found.pop("C"), Unknown)
    assert found == {"SGLANG_A": "1", "B": "two", "Q": "'q'", "D": "own"}
    assert str(config.effective_env["B"].location) == f"{tmp_path}/a.env:2:1"
    messages = [n.message for n in config.notes]
    assert "the variables of ../outside.env aren't known" in messages
    assert "what Compose makes of `PASSED` in a.env isn't known" in messages


def test_the_nearest_service_wins() -> None:
    text = (
        "services:\n  a: {command: sglang serve --a, environment: {X: 1, Y: 1}}\n"
        "  b: {extends: a, environment: [X=2]}\n"
    )
    _, config = compose.read_all(text, "f.yml")
    assert config.argv == ["--a"]
    assert {n: e.value for n, e in config.effective_env.items()} == {"X": "2", "Y": "1"}


def test_errors() -> None:
    with pytest.raises(ReadError, match="no services"):
        compose.read_all("a: 1", "f.yml")
    with pytest.raises(ReadError, match="a extends a"):
        compose.read_all("services: {a: {extends: a}}", "f.yml")


def test_the_env_file_beside_it_is_read(tmp_path: Path) -> None:
    """Its values count, as in ``docker compose config``; that the shell's would win is a note."""
    (tmp_path / ".env").write_text("TP=2\nNAME=a\n")
    file = tmp_path / "compose.yaml"
    file.write_text(
        "services:\n  s:\n    environment: [NAME, OTHER]\n"
        "    command: python3 -m sglang.launch_server --tp-size ${TP:-8} --dp-size ${DP:-4}\n"
    )
    (found,) = compose.read_all(file.read_bytes(), str(file))
    (dp,) = (w for w in found.argv if isinstance(w, Unknown))
    assert (found.argv[1], dp.default) == ("2", "4")
    values = {e.name: e.value for e in found.env}
    assert values["NAME"] == "a"
    assert getattr(values["OTHER"], "default", "") is None
    assert ".env gives NAME, TP, unless the shell sets it" in [n.message for n in found.notes]
    (known,) = compose.read_all(file.read_bytes(), str(file), inputs={"TP": "16"})
    assert "16" in known.argv
    assert ".env gives NAME, unless the shell sets it" in [n.message for n in known.notes]


def test_an_item_of_environment_that_is_a_mapping_is_refused() -> None:
    """Compose does: it must be a string."""
    command = "command: python3 -m sglang.launch_server"
    text = f'services:\n  s:\n    {command}\n    environment:\n      - A: "1"\n'
    with pytest.raises(ReadError, match=r"c\.yaml:5:9: .*; expected - A=value"):
        compose.read_all(text, "c.yaml")
