"""What is said of a file while it's being written."""

from __future__ import annotations

import pytest

from dsv4_env.lsp.diagnosis import LAUNCHES, SETTINGS, STARTS, elsewhere, related
from dsv4_env.lsp.documents import MAX_TEXT
from tests.unit.lsp.editing import SCRIPT, SMALL, TEST, Editor

CHANGED = "changed 0:7-25"


def test_a_script_of_a_pair(editor: Editor) -> None:
    """It has its drift and what lint says, and the place where the profile says it."""
    answer = editor.say("small.sh")
    first = answer.shown[0]
    assert first.message == 'SGLANG_USE_AITER is "0"; small has "1": write that'
    found = related(first.told, answer.diagnosis.report)
    assert found is not None
    at, text = found
    assert (at.path, at.line) == (str(editor.folder / "launch/small.toml"), 7)
    assert text == "small: launch/small.toml:7:1"
    assert editor.rules("small.sh")[0] == CHANGED


def test_a_test_of_a_pair(editor: Editor) -> None:
    """Python is read as well, at the value's place."""
    assert editor.rules("test_small.py")[0] == "changed 9:19-37"
    assert editor.rules("test_small.py", TEST.replace('= "0"', '= "1"')) == [
        "abbreviated-flag 14:24-30"
    ]


def test_what_is_typed_counts(editor: Editor) -> None:
    """The text of the editor is read, not that of the disk."""
    assert CHANGED in editor.rules("small.sh")
    assert CHANGED not in editor.rules("small.sh", SCRIPT.replace("=0", "=1"))


def test_an_unsaved_layer_counts(editor: Editor) -> None:
    """So is what it holds of a layer, a sourced file and the settings."""
    editor.open("launch/small.toml", SMALL.replace('"1"', '"0"'))
    assert CHANGED not in editor.rules("small.sh")
    editor.open("launch/small.toml", SMALL)
    assert CHANGED in editor.rules("small.sh")
    (editor.folder / "lib.sh").write_text("export SGLANG_USE_AITER=0\n")
    text = "source lib.sh\n" + SCRIPT.split("\n", 1)[1]
    answer = editor.say("small.sh", text)
    (drift,) = [s for s in answer.shown if s.told.finding.rule.name == "changed"]
    assert drift.span.start.line == 1  # at the launch, as it stands in another file
    where = elsewhere(drift.told, editor.folder / "small.sh")
    assert where is not None
    assert where.path.endswith("lib.sh")
    editor.open("lib.sh", "export SGLANG_USE_AITER=1\n")
    assert "changed" not in " ".join(editor.rules("small.sh", text))


def test_a_layer_that_comes_back_concerns_who_missed_it(editor: Editor) -> None:
    script, layer = editor.folder / "small.sh", editor.folder / "launch" / "small.toml"
    text = layer.read_text()
    layer.unlink()
    (missing,) = editor.say("small.sh").shown
    assert "small" in missing.message
    assert script in editor.answers.concerned(layer)
    layer.write_text(text)
    assert all("unknown profile" not in s.message for s in editor.say("small.sh").shown)


def test_half_a_character_is_one_that_is_no_text(editor: Editor) -> None:
    document = editor.open("run.sh", "echo '\ud83d' '\udcff'\n")
    assert document.data == b"echo '\xef\xbf\xbd' '\xff'\n"
    assert editor.texts


def test_who_is_concerned(editor: Editor) -> None:
    """A change of a layer concerns the scripts that are held to its profile, and of no other."""
    editor.say("small.sh")
    editor.say("test_small.py", "x = 1\n")
    (editor.folder / "other.sh").write_text("echo sglang\n")
    editor.say("other.sh")
    script, layer = editor.folder / "small.sh", editor.folder / "launch/small.toml"
    assert script in editor.answers.concerned(layer)
    assert editor.answers.concerned(editor.folder / "other.sh") == []
    editor.answers.forget(script)
    assert script not in editor.answers.concerned(layer)


def test_places_beyond_ascii(editor: Editor) -> None:
    """Columns are those of the editor."""
    text = 'echo "äöü 😀"; ' + SCRIPT
    (found,) = [r for r in editor.rules("small.sh", text) if r.startswith("changed")]
    assert found == "changed 0:22-40"  # 21 characters before it, one of two units
    assert Editor(editor.folder, "utf-8").rules("small.sh", text)[0] == "changed 0:27-45"


@pytest.mark.parametrize(
    ("text", "rule", "tags"),
    [
        ("export SGLANG_GC_LOG=1\n" + SCRIPT, "deprecated-variable 0:7-20", ("deprecated",)),
        (SCRIPT.replace("--tp 8", "--tp 4 --tp 8"), "set-twice 1:55-61", ("unnecessary",)),
        (SCRIPT, "changed 0:7-25", ()),
    ],
)
def test_tags(editor: Editor, text: str, rule: str, tags: tuple[str, ...]) -> None:
    """An old name is struck through, and its name alone; what has no effect is faded."""
    at = editor.rules("small.sh", text).index(rule)
    assert editor.say("small.sh").shown[0].tags == ()
    assert editor.say("small.sh", text).shown[at].tags == tags


def test_a_waived_finding(editor: Editor) -> None:
    """What is excused isn't told."""
    text = SCRIPT.replace("=0", '=0  # dsv4-env: allow SGLANG_USE_AITER reason="a try"')
    assert CHANGED not in editor.rules("small.sh", text)


def test_a_baseline(editor: Editor) -> None:
    """Nor is what was there before."""
    from dsv4_env.cli import run

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(editor.folder)
        (editor.folder / "run.sh").write_text(SCRIPT)
        run(["check", "--baseline", "known.json", "--write-baseline"])
    settings = (editor.folder / "pyproject.toml").read_text()
    assert CHANGED in editor.rules("small.sh")
    editor.open("pyproject.toml", settings.replace("sglang =", 'baseline = "known.json"\nsglang ='))
    assert CHANGED not in editor.rules("small.sh")


def test_a_layer(editor: Editor) -> None:
    """Lint of the profile, at the layer's own places."""
    assert editor.rules("launch/small.toml") == ["abbreviated-flag 9:0-10"]
    text = SMALL.replace("SGLANG_USE_AITER", "SGLANG_USE_AITR")
    assert "unknown-variable 6:0-21" in editor.rules("launch/small.toml", text)


def test_an_overlay(editor: Editor) -> None:
    """It's looked at in a profile that takes it."""
    text = 'overlay = true\n\n[env]\nSGLANG_USE_AITR = "1"\n'
    (editor.folder / "launch/mine-overlay.toml").write_text(text)
    assert editor.rules("launch/mine-overlay.toml") == ["unknown-variable 3:0-21"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[env\n", "unreadable 0:4-5"),
        ("[envv]\n", "unreadable 0:1-5"),
        ("[env]\nA = 1\n", "unreadable 1:4-5"),
        ('extends = ["nobody"]\n', "unreadable 0:11-19"),
    ],
)
def test_a_wrong_layer(editor: Editor, text: str, rule: str) -> None:
    """The mistake is told at its place; a script that is held to it says where it is."""
    assert [r.split("-")[0] for r in editor.rules("launch/small.toml", text)] == [
        rule.split("-")[0]
    ]
    (told,) = editor.say("small.sh").shown
    assert told.message.startswith(f"{editor.folder}/launch/small.toml:")


def test_the_settings(editor: Editor) -> None:
    """Wrong settings, a pair without a file and one without a profile are told there."""
    assert editor.rules("pyproject.toml") == ["nothing-to-check 4:2-21"]
    text = (editor.folder / "pyproject.toml").read_text()
    wrong = editor.say("pyproject.toml", text.replace("sglang =", "sglong ="))
    assert "Did you mean sglang?" in wrong.shown[0].message
    wrong = editor.say("pyproject.toml", text.replace('"mine"', '"mien"'))
    assert "unknown profile 'mien'" in wrong.shown[0].message
    assert wrong.shown[0].span.start.line == 4


def test_a_file_that_cannot_be_read(editor: Editor) -> None:
    """While something is typed it often can't: that is told, and what was known before stays."""
    editor.say("test_small.py")
    answer = editor.say("test_small.py", TEST + "def f(:\n")
    assert [s.told.finding.rule.name for s in answer.shown] == ["unreadable"]
    assert answer.diagnosis.held


@pytest.mark.parametrize("name", ["notes.txt", "README.rst", "pyproject2.toml", "setup.py"])
def test_a_file_of_no_kind(editor: Editor, name: str) -> None:
    """Nothing is said of what launches nothing."""
    assert editor.rules(name, "sglang\n") == []


def test_a_folder_that_is_not_there(editor: Editor) -> None:
    """A file that was never saved may lie anywhere; its settings are those above."""
    assert "abbreviated-flag 1:55-61" in editor.rules("new/deep/other.sh", SCRIPT)
    far = Editor(editor.folder / "gone")
    assert "abbreviated-flag 1:55-61" in far.rules("run.sh", SCRIPT)


def test_a_secret(editor: Editor) -> None:
    """It's masked in all that is said."""
    secret = "hf_" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3b"
    answer = editor.say("small.sh", f"export HF_TOKEN={secret}\n{SCRIPT}")
    assert any(s.told.finding.rule.name == "secret" for s in answer.shown)
    assert secret not in "".join(s.message for s in answer.shown)
    assert secret not in editor.hover("small.sh", "HF_TOKEN")


def test_a_file_that_is_too_long(editor: Editor) -> None:
    """Nothing is said of it, whatever is asked."""
    answer = editor.say("small.sh", "#" * (MAX_TEXT + 1) + f"\n{SCRIPT}")
    assert answer.shown == ()
    assert editor.actions("small.sh", "SGLANG_USE_AITER") == {}


LAUNCH = "python3 -m sglang.launch_server --model-path org/model --attention-backnd triton &\n"


def _told_of(editor: Editor, text: str) -> tuple[list[str], set[int]]:
    """The notes on how much is looked at, and the lines of all other findings."""
    shown = editor.say("small.sh", text).shown
    first = [s for s in shown if s.told.finding.rule.name == "partial"]
    assert first == list(shown[: len(first)])
    assert {s.span.start.line for s in first} <= {0}
    return [s.message for s in first], {s.span.start.line for s in shown if s not in first}


def test_very_many_launches(editor: Editor) -> None:
    """Only the first are looked at, and one note says so."""
    notes, lines = _told_of(editor, LAUNCH * LAUNCHES)
    assert (notes, lines) == ([], set(range(LAUNCHES)))
    assert editor.say("small.sh").diagnosis.held
    notes, lines = _told_of(editor, LAUNCH * (LAUNCHES + 1))
    assert lines == set(range(LAUNCHES))
    assert notes == [
        "61 launches: the first 60 are looked at while you edit; `dsv4-env lint small.sh` looks at "
        "all; what differs from a profile isn't told"
    ]


def test_very_many_settings(editor: Editor) -> None:
    """Launches of many settings count by these; the first one is always looked at."""
    large = LAUNCH.replace(" &", " --watchdog-timeout 3" * (SETTINGS // 2 - 2) + " &")
    assert _told_of(editor, large * 2) == ([], {0, 1})
    (note,), lines = _told_of(editor, large * 3)
    assert (note[: note.index(" are")], lines) == ("3 launches: the first 2", {0, 1})
    (note,), lines = _told_of(editor, large.replace(" &", " --tp 8" * SETTINGS + " &") * 2)
    assert (note[: note.index(" is")], lines) == ("2 launches: only the first one", {0})


def test_what_a_generator_wrote(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that names hundreds of servers isn't read at all."""
    monkeypatch.setattr("dsv4_env.lsp.diagnosis.read", lambda *_: pytest.fail("it's read"))
    notes, lines = _told_of(editor, LAUNCH * (STARTS + 1))
    assert (notes, lines) == (
        ["501 servers are named: none is looked at while you edit; `dsv4-env lint small.sh` looks "
         "at them"],
        set(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "\0" * 50,
        "export A=$((" * 200 + "sglang",
        "while true; do python3 -m sglang.launch_server --model-path m; done\n" * 50,
        "source /etc/passwd; source ../../../etc/passwd; source small.sh\n" + SCRIPT,
        "\u2028\x85\x0c sglang.launch_server --tp \ud83d\ude00\n" + SCRIPT,
        "sglang serve " + "--tp " * 5_000,
    ],
)
def test_a_hostile_file(editor: Editor, text: str) -> None:
    """It costs no more than its own answer, and each answer can be shown."""
    document = editor.open("small.sh", text.encode("utf-8", "replace").decode())
    answer = editor.answers.diagnosed(document, editor.texts)
    for one in answer.shown:
        assert one.span.start <= one.span.end
        assert one.span.end.line < len(document.lines.lines)
        assert one.message.replace("\n", "").isprintable()
    place = document.lines.place(0, 3)
    editor.answers.hover(document, place, editor.texts)
    editor.answers.completion(document, place, editor.texts)
    editor.answers.definition(document, place, editor.texts)
