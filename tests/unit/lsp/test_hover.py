"""What is said of the word under the cursor, and the way to where the profile says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.lsp.hover import code, markdown, words
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
        (
            "small.sh",
            f"export SGLANG_NO_SUCH=1\n{SCRIPT}",
            "SGLANG_NO",
            "No known SGLang reads it.",
        ),
    ],
)
def test_hover(editor: Editor, name: str, text: str | None, word: str, said: str) -> None:
    """It's what `explain` says, whatever the file is, with the file's own profile first."""
    if name == "config.yaml":
        (editor.folder / name).write_text("")
        text = "model-path: org/model\n" + (text or "")
    editor.say(name, text)
    assert said in editor.hover(name, word)


@pytest.mark.parametrize("word", ["sglang.launch", "export", "org/model", "-m", "MY_OWN"])
def test_other_words(editor: Editor, word: str) -> None:
    """Of any other word nothing is said."""
    editor.say("small.sh", f"MY_OWN=1 {SCRIPT}")
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


def test_words_of_a_stranger(editor: Editor) -> None:
    """What a layer says in a comment is no Markdown: an editor fetches no picture for it."""
    text = SMALL.replace("as ROCm wants it", "![x](https://h/p.png) <img src=x> [a](b) `c`")
    (editor.folder / "launch/small.toml").write_text(text)
    editor.say("small.sh")
    said = editor.hover("small.sh", "SGLANG_USE")
    assert r"\!\[x\]\(https://h/p.png\) \<img src=x\> \[a\]\(b\) \`c\`" in said
    assert "\n" not in words("a\nb")


def test_what_other_releases_make_of_it() -> None:
    """The release that counts first, others where they differ; long lists are cut."""

    def group(releases: list[str], **facts: str | list[str]) -> dict[str, object]:
        return {"releases": releases, "facts": facts}

    said = markdown(
        {
            "kind": "flag", "name": "--a", "title": "a server argument", "new_name": None,
            "set_by": [
                {"profile": f"p{n}", "as": "--a", "value": str(n), "origin": []} for n in range(9)
            ],
            "images": [], "rules": [],
            "releases": [
                group(["0.5.11"], type="int", set_by_SGLang=["1", "2"]),
                group(["0.5.12"], type="int"),
                group(["0.5.13"], type="str"),
                group(["0.5.14"]),
            ],
        },
        "0.5.11",
    )  # fmt: skip
    assert said.split("\n\n") == [
        "**`--a`**, a server argument",
        "SGLang 0.5.11: type `int`",
        "- SGLang itself: `1`\n- SGLang itself: `2`",
        "Set by",
        "\n".join([*(f"- `p{n}` `{n}`" for n in range(6)), "- and 3 more"]),
        "Otherwise in",
        "- SGLang 0.5.13: type `str`\n- SGLang 0.5.14: unknown",
    ]


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
