"""Commands given as words, and what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsv4_env.lang.yaml import Lines
from dsv4_env.model import LaunchConfig, Location, Unknown
from dsv4_env.readers import HowRead, embedded, read
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.taken import of_file

if TYPE_CHECKING:
    from pathlib import Path

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


# Profiles of the project

MINE = 'eval "$(dsv4-env export mine)"; sglang serve --tp 8'
HOLDING_MINE = {
    ".github/workflows/w.yml": (
        f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          {MINE}\n"
    ),
    "docker-compose.yml": (
        f"services:\n  a:\n    image: x\n    command: bash -c '{MINE.replace('$', '$$')}'\n"
    ),
    "README.md": f"```bash\n{MINE}\n```\n",
    "Dockerfile": f"FROM x\nCMD {MINE}\n",
    "here.sh": f"bash <<'END'\n{MINE}\nEND\n",
    "c.sh": f"bash -c '{MINE}'\n",
}


@pytest.mark.parametrize("name", HOLDING_MINE)
@pytest.mark.parametrize("given", [False, True], ids=["of-the-project", "given"])
def test_a_script_within_a_file_takes_profiles_of_the_project(
    tmp_path: Path, name: str, *, given: bool
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.toml").write_text('extends = ["flash-fp4"]\n[env]\nMINE = "1"\n')
    settings = "" if given else '[tool.dsv4_env]\nprofiles = "own"\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HOLDING_MINE[name])
    how = HowRead(root=tmp_path, profiles=tmp_path / "own" if given else None, sglang="0.5.16")
    (config,) = read(path.read_bytes(), path, how)
    assert config.effective_env["MINE"].value == "1"
    assert [n.profile for n in config.notes if n.profile] == ["mine"]
    assert of_file().own is None  # of no other file
