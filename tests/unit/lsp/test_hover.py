"""What is said of the word under the cursor, and the way to where the profile says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.lsp.hover import code
from tests.unit.lsp.editing import MINE, SCRIPT, SMALL, Editor


def where(editor: Editor, name: str, word: str) -> list[str]:
    """The places that a word's definition has, within the project."""
    document, place = editor.held[editor.folder / name], editor.at(name, word)
    found = editor.answers.definition(document, place, editor.texts)
    return [
        f"{Path(at.path).relative_to(editor.folder)}:{at.line}"
        for at in found
        if editor.folder in Path(at.path).parents
    ]


@pytest.mark.parametrize(
    ("name", "text", "word", "said"),
    [
        ("small.sh", SCRIPT, "SGLANG_USE_AITER", "- `small` `1`, `launch/small.toml:7:1`: as ROCm"),
        ("small.sh", SCRIPT, "--attention-backend", "**`--attention-backend`**, a server argument"),
        ("test_small.py", None, "SGLANG_USE_AITER", 'type `bool`, default `"false"`'),
        ("test_small.py", None, "--tp", "short for `--tp-size`"),
        ("launch/small.toml", SMALL, "--attention", "**`--attention-backend`**"),
        ("launch/small.toml", SMALL, "path", "`model.path`: The model when nothing overrides it"),
        ("launch/mine.toml", MINE, "extends", "`extends`: The layers below this one"),
        ("launch/mine.toml", MINE, "pro-fp4", "**`pro-fp4`**, a profile: DeepSeek-V4-Pro"),
        ("pyproject.toml", None, "small", "**`small`**, a profile: One that is quickly read"),
        ("config.yaml", "tp-size: 8\nsglang: 1\n", "tp-size", "**`--tp-size`**, a server argument"),
        ("small.sh", f"export SGLANG_NO_SUCH=1\n{SCRIPT}", "SGLANG_NO", "no known SGLang reads it"),
    ],
)
def test_hover(editor: Editor, name: str, text: str | None, word: str, said: str) -> None:
    """It's what `explain` says, whatever the file is, with the file's own profile first."""
    if name == "config.yaml":
        (editor.folder / name).write_text("")
        text = "model-path: org/model\n" + (text or "")
    editor.say(name, text)
    assert said in editor.hover(name, word)


@pytest.mark.parametrize("word", ["sglang.launch", "export", "org/model"])
def test_other_words(editor: Editor, word: str) -> None:
    """Of any other word nothing is said."""
    editor.say("small.sh")
    assert editor.hover("small.sh", word) == ""


def test_a_broken_layer(editor: Editor) -> None:
    """While a layer is being written, what could be read before counts."""
    editor.say("small.sh")
    editor.open("launch/small.toml", "[env\n")
    assert "`small` `1`" in editor.hover("small.sh", "SGLANG_USE")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a`b", "`` a`b ``"), ("", "` `"), ("x" * 400, "`" + "x" * 300 + "…")],
)
def test_code(text: str, shown: str) -> None:
    """A text is code and nothing else, whatever it holds."""
    assert code(text).startswith(shown)
    assert "\n" not in code("a\nb")


@pytest.mark.parametrize(
    ("name", "text", "word", "places"),
    [
        ("small.sh", SCRIPT, "SGLANG_USE_AITER", ["launch/small.toml:7"]),
        ("small.sh", SCRIPT, "--tp", ["launch/small.toml:10"]),
        ("small.sh", SCRIPT.replace("--tp", "--tp-size"), "--tp-size", ["launch/small.toml:10"]),
        ("small.sh", SCRIPT, "--model-path", []),
        ("small.sh", SCRIPT, "export", []),
        ("pyproject.toml", None, "small", ["launch/small.toml:1"]),
        ("launch/mine.toml", MINE.replace("pro-fp4", "small"), "small", ["launch/small.toml:1"]),
        (
            "launch/mine.toml",
            MINE.replace("pro-fp4", "small"),
            "SGLANG_USE_AITER",
            ["launch/small.toml:7"],
        ),
    ],
)
def test_definition(
    editor: Editor, name: str, text: str | None, word: str, places: list[str]
) -> None:
    """A setting leads to the layer that says it, in a layer to what it overrides; a name to it."""
    editor.say(name, text)
    assert where(editor, name, word) == places
