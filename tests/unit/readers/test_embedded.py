"""Commands given as words, and what is around them."""

from __future__ import annotations

import pytest

from dsv4_env.lang.yaml import Lines
from dsv4_env.model import LaunchConfig, Location, Unknown
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText

SECRET = Unknown("<secret>", "a secret", ("S",))
DEFAULT = Unknown("<tp>", "from outside", ("TP",), default='8 "}$')


def words(*given: str | Unknown) -> list[LaunchConfig]:
    lines = Lines("f", "x" * 100)
    texts = [PlacedText(((w, [i]),), lines) for i, w in enumerate(given)]
    settings = [FileSetting("A", "a", Location("f", 9, 1), "a")]
    return embedded.read_words(texts, settings, name="n", reader="r")


@pytest.mark.parametrize(
    "before",
    [
        (),
        ("tini", "-g", "--"),
        ("/usr/bin/dumb-init",),
        ("numactl", "-N", "0"),
        ("env", "B=b"),
        ("/entrypoint.sh",),
        ("bash", "entrypoint.sh"),
    ],
)
def test_wrappers(before: tuple[str, ...]) -> None:
    (config,) = words(*before, "python3", "-m", "sglang.launch_server", "--x", "a b", "'\n$(z)")
    assert config.argv == ["--x", "a b", "'\n$(z)"]
    assert config.command == ("python3", "-m", "sglang.launch_server")
    (arg,) = config.args or ()
    assert arg.location == Location("f", 1, len(before) + 4)
    assert config.effective_env["A"].location == Location("f", 9, 1)
    assert (config.name, config.reader) == ("n", "r")


@pytest.mark.parametrize(
    "given",
    [
        ("echo", "python3", "-m", "sglang.launch_server"),
        ("grep", "sglang", "serve"),
        ("sleep", "1"),
        ("bash", "-c"),
        ("bash", "run.py", "sglang"),
        (SECRET, "serve"),
    ],
)
def test_no_launch(given: tuple[str | Unknown, ...]) -> None:
    assert words(*given) == []


@pytest.mark.parametrize(
    "shell", [("bash", "-c"), ("/bin/sh", "-ec"), ("bash", "-o", "pipefail", "-c")]
)
def test_what_is_not_known_keeps_its_text_and_default(shell: tuple[str, ...]) -> None:
    (config,) = words(
        *shell, 'export B="$1$A"; sglang serve --x "$1" "$2"', "zero", SECRET, DEFAULT
    )
    first, second = (w for w in config.argv if isinstance(w, Unknown))
    assert (first.text, first.names, first.default) == ("<secret>", ("S",), None)
    assert (second.text, second.names, second.default) == ("<tp>", ("TP",), '8 "}$')
    value = config.effective_env["B"].value
    assert isinstance(value, Unknown)
    assert (value.text, value.reason) == ("<secret>a", "a secret")


@pytest.mark.parametrize("quotes", ["%s", '"%s"', "'%s'", "a%sb", "\"'%s'\""])
def test_a_test_of_what_is_not_known_is_not_decided(quotes: str) -> None:
    left, right = quotes.split("%s")
    lines = Lines("f", "x" * 100)
    script = PlacedText(
        (
            (f"if [ {left}", [0]),
            (SECRET, [5]),
            (
                f"{right} = {left}v{right} ]; then A=1; fi; sglang serve ${{A:+--yes}}",
                [6],
            ),
        ),
        lines,
    )
    (config,) = embedded.read_script(script, [], name="n", reader="r")
    known = [a for a in config.args or () if a.flag == "--yes" and a.condition is None]
    assert known == []


def test_the_text_of_an_inner_shell_is_read_with_what_is_not_known() -> None:
    lines = Lines("f", "x" * 100)
    for opening, closing in (("'", "'"), ('"', '"')):
        parts = (
            (f"docker exec c bash -c {opening}sglang serve --x ", [0]),
            (SECRET, [3]),
            (" --y=", [4]),
            (DEFAULT, [5]),
            (closing, [6]),
        )
        (config,) = embedded.read_script(PlacedText(parts, lines), [], name="n", reader="r")
        found = [w for w in config.argv if isinstance(w, Unknown)]
        assert [w.text for w in found] == ["<secret>", "--y=<tp>"]
        assert [w.default for w in found] == [None, None]
