"""A project with a script, a test and a profile of its own, and who asks about its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.lsp.documents import Answer, Answers, Document
from dsv4_env.lsp.positions import Lines, Place, Span, TextEdit

PYPROJECT = """\
[tool.dsv4_env]
profiles = "launch"
sglang = "0.5.13"

[[tool.dsv4_env.pairs]]
profile = "mine"
files = ["run.sh"]

[[tool.dsv4_env.pairs]]
profile = "small"
files = ["test_*.py", "small.sh"]
closed = true
"""
MINE = """\
description = "Mine"
extends = ["pro-fp4"]

[env]
SGLANG_USE_AITER = "1"
"""
SMALL = """\
description = "One that is quickly read"

[model]
path = "org/model"

[env]
SGLANG_USE_AITER = "1"  # as ROCm wants it

[args]
--tp = "8"
--attention-backend = "aiter"
"""
TEST = """\
import os

from sglang.srt.utils import kill_process_tree
from sglang.test.test_utils import CustomTestCase, popen_launch_server


class TestSmall(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["SGLANG_USE_AITER"] = "0"
        cls.process = popen_launch_server(
            "org/model",
            "http://127.0.0.1:30000",
            timeout=600,
            other_args=["--tp", "8", "--attention-backend", "aiter"],
        )
"""
SCRIPT = """\
export SGLANG_USE_AITER=0
python3 -m sglang.launch_server --model-path org/model --tp 8 --attention-backend aiter
"""


def project(folder: Path) -> Path:
    """Write the project into a folder."""
    (folder / ".git").mkdir()
    (folder / "launch").mkdir()
    for name, text in {
        "pyproject.toml": PYPROJECT,
        "launch/mine.toml": MINE,
        "launch/small.toml": SMALL,
        "small.sh": SCRIPT,
        "test_small.py": TEST,
    }.items():
        (folder / name).write_text(text)
    return folder


@dataclass(slots=True, eq=False)
class Editor:
    """What an editor holds, and what it's told of that."""

    folder: Path
    encoding: str = "utf-16"
    held: dict[Path, Document] = field(default_factory=dict)
    answers: Answers = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = Answers(self.folder, self.notes.append)

    @property
    def texts(self) -> dict[Path, bytes]:
        """The bytes of all that it holds."""
        return {path: document.data for path, document in self.held.items()}

    def open(self, name: str, text: str | None = None) -> Document:
        """Open a file, or give it another text."""
        path = self.folder / name
        text = path.read_text() if text is None else text
        version = self.held[path].version + 1 if path in self.held else 1
        self.held[path] = Document(path, Lines(text, self.encoding), version)
        return self.held[path]

    def say(self, name: str, text: str | None = None) -> Answer:
        """What is said of a file."""
        return self.answers.diagnosed(self.open(name, text), self.texts)

    def rules(self, name: str, text: str | None = None) -> list[str]:
        """The rules of what is said of a file, each with its place."""
        shown = self.say(name, text).shown
        return [f"{s.told.finding.rule.name} {_at(s.span)}" for s in shown]

    def hover(self, name: str, word: str) -> str:
        """What is said of the first place of a word, an empty string for nothing."""
        found = self.answers.hover(self.held[self.folder / name], self.at(name, word), self.texts)
        return found[0] if found else ""

    def at(self, name: str, word: str, *, behind: bool = False) -> Place:
        """The first place of a word in a file, or the one behind it."""
        lines = self.held[self.folder / name].lines
        number, line = next((n, x) for n, x in enumerate(lines.lines) if word in x)
        return lines.place(number, line.index(word) + len(word) * behind)

    def offers(self, name: str, text: str) -> list[str]:
        """What may stand where a text has ``|``."""
        at = text.index("|")
        document = self.open(name, text.replace("|", ""))
        place = document.lines.place(text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1)
        found, _ = self.answers.completion(document, place, self.texts)
        return [offer.label for offer in found]

    def actions(self, name: str, word: str, *only: str) -> dict[str, dict[str, str]]:
        """What may be done about a word, by title: the texts of files after that."""
        document, place = self.held[self.folder / name], self.at(name, word)
        found = self.answers.actions(document, Span(place, place), only, self.texts)
        return {
            action.title: {
                path.relative_to(self.folder).as_posix(): self.edited(path, edits)
                for path, edits in action.edits.items()
            }
            for action in found
        }

    def edited(self, path: Path, edits: list[TextEdit]) -> str:
        """The text of a file with edits made, as an editor makes them."""
        held = self.held.get(path)
        lines = held.lines if held else Lines(path.read_text(), self.encoding)
        starts = [0]
        for line in lines.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)

        def offset(place: Place) -> int:
            return min(starts[place.line] + lines.column(place), len(lines.text))

        text = lines.text
        for edit in reversed(edits):
            text = text[: offset(edit.span.start)] + edit.text + text[offset(edit.span.end) :]
        return text


def _at(span: Span) -> str:
    return f"{span.start.line}:{span.start.character}-{span.end.character}"
