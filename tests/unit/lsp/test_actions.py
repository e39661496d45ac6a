"""What may be done about a finding, and that nothing is left of it then."""

from __future__ import annotations

import pytest

from dsv4_env.lsp.actions import FIX_ALL
from tests.unit.lsp.editing import SCRIPT, SMALL, Editor


@pytest.mark.parametrize(
    ("name", "word"), [("small.sh", "SGLANG_USE"), ("test_small.py", "SGLANG_USE")]
)
def test_drift_either_way(editor: Editor, name: str, word: str) -> None:
    """The file is brought to the profile, or the profile to the file; then it's clean."""
    before = editor.rules(name)
    assert before[0].startswith("changed")
    found = editor.actions(name, word)
    to, from_ = found.values()
    assert list(found) == [
        "Make SGLANG_USE_AITER what small has",
        "Change small instead, as SGLANG_USE_AITER is here",
    ]
    text = editor.held[editor.folder / name].lines.text
    assert to == {name: text.replace('"0"', '"1"').replace("=0", "=1")}
    assert from_ == {"launch/small.toml": SMALL.replace('"1"', '"0"')}
    editor.open("launch/small.toml", from_["launch/small.toml"])
    assert not [r for r in editor.rules(name) if r.startswith("changed")]
    editor.open("launch/small.toml", SMALL)
    assert not [r for r in editor.rules(name, to[name]) if r.startswith("changed")]


def test_what_is_missing_and_what_is_too_much(editor: Editor) -> None:
    """Lines come and go."""
    text = SCRIPT.replace(" --attention-backend aiter", "") + ""
    editor.say("small.sh", f"export SGLANG_ENABLE_SPEC_V2=1\n{text}")
    added = editor.actions("small.sh", "python3")["Add --attention-backend as small has it"]
    assert "--attention-backend aiter" in added["small.sh"]
    gone = editor.actions("small.sh", "SGLANG_ENABLE_SPEC")
    (title,) = [t for t in gone if t.startswith("Remove")]
    assert title == "Remove SGLANG_ENABLE_SPEC_V2, which small hasn't"
    assert gone[title]["small.sh"] == text


@pytest.mark.parametrize(
    ("text", "word", "title", "line"),
    [
        ("export SGLANG_USE_AITR=1\n", "SGLANG", "Rename SGLANG_USE_AITR to SGLANG_USE_AITER",
         "export SGLANG_USE_AITER=1\n"),
        ("python3 -m sglang.launch_server --model-path m --tp 8\n", "--tp",
         "Rename --tp to --tp-size",
         "python3 -m sglang.launch_server --model-path m --tp-size 8\n"),
        ("sglang serve --model-path m --atention-backend aiter\n", "--aten",
         "Rename --atention-backend to --attention-backend",
         "sglang serve --model-path m --attention-backend aiter\n"),
    ],
)  # fmt: skip
def test_names(editor: Editor, text: str, word: str, title: str, line: str) -> None:
    """A name that was meant, and one that was cut short, are written out."""
    if "sglang" not in text:
        text += "python3 -m sglang.launch_server --model-path m\n"
        line += "python3 -m sglang.launch_server --model-path m\n"
    (editor.folder / "other.sh").touch()
    editor.say("other.sh", text)
    assert editor.actions("other.sh", word)[title] == {"other.sh": line}


def test_an_old_name(editor: Editor) -> None:
    """What `upgrade` renames has its own action, for the release that counts."""
    settings = (editor.folder / "pyproject.toml").read_text().replace("0.5.13", "0.5.23")
    editor.open("pyproject.toml", settings)
    text = "python3 -m sglang.launch_server --model-path m --cuda-graph-max-bs 8\n"
    (editor.folder / "other.sh").touch()
    editor.say("other.sh", text)
    (found,) = editor.actions("other.sh", "--cuda").values()
    assert found == {"other.sh": text.replace("max-bs", "max-bs-decode")}


def test_a_layer(editor: Editor) -> None:
    """A key of a layer gets its new name in its place."""
    text = SMALL.replace("AITER =", "AITR =")
    editor.say("launch/small.toml", text)
    found = editor.actions("launch/small.toml", "SGLANG")
    assert found == {"Rename SGLANG_USE_AITR to SGLANG_USE_AITER": {"launch/small.toml": SMALL}}
    found = editor.actions("launch/small.toml", "--tp")
    assert found == {
        "Rename --tp to --tp-size": {"launch/small.toml": text.replace("--tp", "--tp-size")}
    }


def test_no_edit_is_known(editor: Editor) -> None:
    """What can't be written has no action."""
    editor.say("small.sh", SCRIPT.replace("=0", "=$(date)"))
    assert list(editor.actions("small.sh", "SGLANG_USE")) == []
    editor.say("small.sh", SCRIPT)
    assert editor.actions("small.sh", "export") == {}


def test_fix_all(editor: Editor) -> None:
    """All at once, where that is asked for; then nothing of it is left."""
    text = SCRIPT.replace("--tp 8", "--tp 4")
    editor.say("small.sh", text)
    assert FIX_ALL not in str(editor.actions("small.sh", "export", "quickfix"))
    (found,) = editor.actions("small.sh", "export", "source.fixAll").values()
    assert found["small.sh"] == SCRIPT.replace("=0", "=1")
    assert not [r for r in editor.rules("small.sh", found["small.sh"]) if r.startswith("changed")]
    assert editor.actions("small.sh", "export", FIX_ALL) == {}
    assert editor.actions("small.sh", "export", "refactor") == {}


def test_line_ends_and_other_letters(editor: Editor) -> None:
    """A test with CRLF and letters beyond ASCII keeps both."""
    text = (editor.folder / "test_small.py").read_text().replace("import os", "# 😀 ä\nimport os")
    text = text.replace("\n", "\r\n")
    editor.say("test_small.py", text)
    found = editor.actions("test_small.py", "SGLANG_USE")["Make SGLANG_USE_AITER what small has"]
    assert found == {"test_small.py": text.replace('"0"', '"1"')}
