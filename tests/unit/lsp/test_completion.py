"""What may stand at a place."""

from __future__ import annotations

import pytest

from dsv4_env.catalogue import load
from dsv4_env.lsp.completion import documentation
from dsv4_env.lsp.positions import Place
from tests.unit.lsp.editing import Editor


@pytest.mark.parametrize(
    ("name", "text", "offered"),
    [
        ("small.sh", "export SGLANG_USE_AITE|", "SGLANG_USE_AITER"),
        ("small.sh", "echo ${SGLANG_USE_AITE|", "SGLANG_USE_AITER"),
        ("small.sh", "python3 -m sglang.launch_server --attention-b|", "--attention-backend"),
        ("small.sh", "python3 -m sglang.launch_server --|", "--tp-size"),
        ("small.sh", "  --attention-backend |", "aiter"),
        ("small.sh", "  --attention-backend=ai|", "aiter"),
        ("small.sh", "export SGLANG_USE_AITER=|", "false"),
        ("small.sh", "dsv4-env export |", "small"),
        ("test_small.py", 'os.environ["SGLANG_USE_AITE|', "SGLANG_USE_AITER"),
        ("test_small.py", 'os.environ["SGLANG_USE_AITER"] = "|', "true"),
        ("test_small.py", 'env = {"SGLANG_USE_AITER": "|', "true"),
        ("test_small.py", 'x = ["--attention-backend", "|', "aiter"),
        ("test_small.py", 'x = ["--tp-s|', "--tp-size"),
        ("test_small.py", 'load_profile("|', "small"),
        ("test_small.py", 'load_profile("pro-fp4+|', "pro-fp4+mtp"),
        ("compose.yaml", "      SGLANG_USE_AITER: |", "false"),
        ("launch/mine.toml", 'extends = ["|', "small"),
        ("launch/mine.toml", 'extends = ["pro", "|', "small"),
        ("launch/mine.toml", "[env]\nSGLANG_USE_AITE|", "SGLANG_USE_AITER"),
        ("launch/mine.toml", "[[when]]\n[when.env]\nSGLANG_USE_AITE|", "SGLANG_USE_AITER"),
        ("launch/mine.toml", '[env]\nSGLANG_USE_AITER = "|', "1"),
        ("launch/mine.toml", "[args]\n|", "--tp-size"),
        ("launch/mine.toml", "[args]\n--attention|", "--attention-backend"),
        ("launch/mine.toml", '[args]\n--attention-backend = "|', "aiter"),
        ("launch/mine.toml", "[model]\n|", "path"),
        ("launch/mine.toml", "[[when]]\n|", "strategy"),
        ("launch/mine.toml", "ex|", "extends"),
        ("launch/mine.toml", "[m|", "model"),
        ("pyproject.toml", '[[tool.dsv4_env.pairs]]\nprofile = "|', "small"),
    ],
)
def test_offers(editor: Editor, name: str, text: str, offered: str) -> None:
    """Names and values of the release, profiles with their overlays, and a layer's keys."""
    assert offered in editor.offers(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("small.sh", "echo hello|"),
        ("small.sh", "--tp-size |"),
        ("small.sh", "--no-such-flag |"),
        ("test_small.py", "import os|"),
        ("launch/mine.toml", "[model]\n--t|"),
        ("launch/mine.toml", '[model]\npath = "|'),
        ("small.sh", "x" * 30_000 + " --t|"),
    ],
)
def test_nothing_is_offered(editor: Editor, name: str, text: str) -> None:
    """Where nothing of ours stands, nothing gets into the way of others."""
    assert editor.offers(name, text) == []


def test_the_release_counts(editor: Editor) -> None:
    """What is offered is what the release of the pair understands."""
    settings = (editor.folder / "pyproject.toml").read_text()
    assert "--cuda-graph-max-bs-decode" not in editor.offers("small.sh", "--cuda-graph-max|")
    editor.open("pyproject.toml", settings.replace("0.5.13", "0.5.23"))
    editor.say("small.sh")
    assert "--cuda-graph-max-bs-decode" in editor.offers("small.sh", "--cuda-graph-max|")


def test_what_is_replaced(editor: Editor) -> None:
    """The word that is typed, with its dashes, beyond ASCII as well."""
    document = editor.open("small.sh", 'echo "😀" --attention-b')
    found, _ = editor.answers.completion(document, Place(0, 24), editor.texts)
    (offer,) = found
    assert (offer.span.start, offer.span.end) == (Place(0, 10), Place(0, 23))
    assert offer.kind == "flag"
    assert not offer.old


def test_old_names_are_told(editor: Editor) -> None:
    """What SGLang would rather not see is struck through."""
    document = editor.open("small.sh", "SGLANG_")
    found, _ = editor.answers.completion(document, Place(0, 7), editor.texts)
    assert {o.old for o in found} == {True, False}


def test_documentation() -> None:
    """What is said of an offer comes when it's looked at."""
    assert "- type `bool`" in documentation("SGLANG_USE_AITER", load("0.5.13"))
    assert documentation("nothing", load("0.5.13")) == ""


def test_no_secret_is_offered(editor: Editor) -> None:
    """A value that is one isn't, whatever a layer says."""
    text = '[env]\nHF_TOKEN = "hf_aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3b"\n'
    (editor.folder / "launch/small.toml").write_text(text)
    assert editor.offers("small.sh", "export HF_TOKEN=|") == []
