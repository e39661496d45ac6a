"""Scripts put onto profiles: what is left of each style, and which are left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.adopt.proof import proved
from dsv4_env.readers import HowRead, bash, read
from dsv4_env.readers.taken import KnownProfiles
from tests.conftest import Result
from tests.unit.adopt.styles import ALONE, HEAD, LINE, STYLES, whole

Run = Callable[..., Result]


@pytest.fixture
def adopt(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Adopt a script in a folder of its own, and put it onto its profile."""
    monkeypatch.chdir(tmp_path)

    def call(text: str, *words: str) -> Result:
        (tmp_path / "run.sh").write_bytes(text.encode())
        words = ("--profiles", "launch", "--from-nothing", *words)
        return run("adopt", "run.sh", *words, "--rewrite", "--write")

    return call


@pytest.mark.parametrize("style", STYLES)
def test_what_is_left_of_a_style(
    style: str, adopt: Callable[..., Result], run: Run, tmp_path: Path
) -> None:
    before, after = STYLES[style]
    path = tmp_path / "run.sh"
    said = adopt(HEAD + before)
    assert said.code == 0, said.err
    assert path.read_text() == whole(after), said.out
    launches = read(path.read_bytes(), "run.sh", HowRead(root=tmp_path, profiles=tmp_path))
    assert all("run" in {n.profile for n in launch.notes} for launch in launches)
    again = run("adopt", "run.sh", "--rewrite", "--write")
    assert again.out == "nothing to adopt\n"
    assert path.read_text() == whole(after)
    assert run("check").code == 0


def test_layers_beside_the_folder_of_a_script_are_found(
    adopt: Callable[..., Result], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "serve.sh"
    script.write_text(HEAD + STYLES["a block and a command"][0])
    words = ("--profiles", "launch", "--from-nothing", "--rewrite", "--write")
    assert run("adopt", "scripts/serve.sh", *words).code == 0
    assert '/../launch" -f bash' in script.read_text()
    for shown in (run("show", "scripts/serve.sh"), run("show", str(script))):
        assert "SGLANG_DSV4_FP4_EXPERTS  true" in shown.out
        assert "isn't known" not in shown.out
    (tmp_path / "pyproject.toml").unlink()  # it says whose layers may be read
    assert "isn't below the folder that is read from: --root" in run("show", "scripts/serve.sh").out
    assert "true" in run("show", "scripts/serve.sh", "--root", ".").out


@pytest.mark.parametrize("style", STYLES)
def test_the_way_back(style: str, adopt: Callable[..., Result], run: Run, tmp_path: Path) -> None:
    path, known = tmp_path / "run.sh", KnownProfiles(tmp_path)
    before = HEAD + STYLES[style][0]
    assert adopt(before).code == 0
    said = run("unadopt", "run.sh", "--write")
    assert (said.code, said.err) == (0, "dsv4-env: wrote run.sh\n")
    assert "dsv4-env" not in path.read_text()
    assert proved(before, path.read_text(), str(path), known, bash.read_all).wrong == []
    again = run("unadopt", "run.sh", "--write")
    assert again.err == "dsv4-env: note: nothing is taken from a profile\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("source <(dsv4-env export mine)", "it isn't `eval"),
        ('if true; then eval "$(dsv4-env export mine)"; fi', "it isn't `eval"),
        ('A=1 eval "$(dsv4-env export mine)"', "it isn't `eval"),
        ('eval "$(dsv4-env export nope)"', "what it prints isn't known: unknown profile 'nope'"),
        (
            'for p in mine other; do\n  eval "$(dsv4-env export $p)"\ndone',
            "what it prints isn't known: it isn't the same each time",
        ),
    ],
)
def test_no_way_back(
    line: str, said: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text('[env]\nA = "1"\n')
    (tmp_path / "launch" / "other.toml").write_text('[env]\nA = "2"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "launch"\n')
    text = f"{line}\nsglang serve --model-path M\n"
    (tmp_path / "run.sh").write_text(text)
    found = run("unadopt", "run.sh", "--write")
    assert found.code == 2
    assert said in found.err
    assert "`dsv4-env export NAME -f run-sh` writes a script" in found.err
    assert (tmp_path / "run.sh").read_text() == text


def test_the_way_back_keeps_indents_remarks_and_lines_of_values(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text('[env]\nA = "1"\n[args]\n--tp = "8"\n')
    (tmp_path / "launch" / "other.toml").write_text('[env]\nB = "a\\nb"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "launch"\n')
    text = (
        'if true; then\n  eval "$(dsv4-env export mine -f bash)"  # ours\n'
        '  eval "$(dsv4-env export other)"\nfi\nsglang serve --model-path M "${ARGS[@]}"\n'
    )
    (tmp_path / "run.sh").write_text(text)
    assert run("unadopt", "run.sh", "--write").code == 0
    assert (tmp_path / "run.sh").read_text() == (
        "if true; then\n  # ours\n  export A='1'\n  ARGS=(\n    '--tp' '8'\n  )\n"
        "export B='a\nb'\nfi\nsglang serve --model-path M \"${ARGS[@]}\"\n"
    )


@pytest.mark.parametrize("name", ALONE)
def test_what_is_left_alone(name: str, adopt: Callable[..., Result], tmp_path: Path) -> None:
    text, why = ALONE[name]
    said = adopt(HEAD + text)
    assert f"not rewritten\n  {why}\n" in said.out
    assert (tmp_path / "run.sh").read_bytes() == (HEAD + text).encode()


def test_a_shell_without_arrays(adopt: Callable[..., Result], tmp_path: Path) -> None:
    adopt("#!/bin/sh\nexport SGLANG_USE_AITER=1\nsglang serve --model-path M --tp 8\n")
    line = (LINE % "").replace("${BASH_SOURCE[0]}", "$0")
    assert (tmp_path / "run.sh").read_text() == (
        f"#!/bin/sh\n{line}\nsglang serve --model-path M --tp 8\n"
    )


def test_several_profiles_in_one_script(adopt: Callable[..., Result]) -> None:
    said = adopt(
        f"{HEAD}sglang serve --model-path M --tp 8\n"
        "SGLANG_USE_AITER=1 sglang serve --model-path M --tp 4 --dp 2\n"
    )
    assert "run.sh:1:1: its launches are of several profiles, of which" in said.out


def test_layers_that_ship(adopt: Callable[..., Result], run: Run, tmp_path: Path) -> None:
    written = run("export", "pro-fp4+mtp", "-f", "run-sh", "--model", "M", "--sglang", "0.5.22").out
    (tmp_path / "run.sh").write_text(written)
    said = run("adopt", "run.sh", "--rewrite", "--write", "--on", "mi355x")
    assert said.code == 0, said.err
    left = (tmp_path / "run.sh").read_text()
    assert 'eval "$(dsv4-env export pro-fp4+mtp -f bash || echo exit 1)"\n' in left
    assert left.endswith('    --model-path M \\\n    "${ARGS[@]}" \\\n    "$@"\n')
    assert "export SGLANG" not in left


def test_why_its_arguments_stay_is_told(adopt: Callable[..., Result]) -> None:
    before, _ = STYLES["a variable that is used elsewhere"]
    said = adopt(HEAD + before)
    told = "note: its arguments stay: --tp is $TP, which is used elsewhere, too; its value"
    assert told in said.out + said.err
