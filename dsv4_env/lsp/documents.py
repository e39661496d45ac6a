"""The files that an editor holds: their texts, what was last said of them, and what is asked."""

from __future__ import annotations

import contextlib
import io
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.guard.asked import places_of
from dsv4_env.guard.files import MAX_BYTES, real
from dsv4_env.lsp.actions import FIX_ALL, Action, actions, fix_all
from dsv4_env.lsp.completion import Offer, complete
from dsv4_env.lsp.definition import definition
from dsv4_env.lsp.diagnosis import Diagnosis, Shown, diagnose, shown
from dsv4_env.lsp.hover import hover
from dsv4_env.lsp.positions import Lines, Place, Span
from dsv4_env.lsp.project import Project, root_of
from dsv4_env.model import Location

# Halves of characters, which no file can hold; the others stand for bytes that are no text.
_ALONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
MAX_TEXT = 1_000_000  # characters: what is longer isn't written by hand, and isn't looked at


@dataclass(frozen=True, slots=True)
class Document:
    """A file as the editor holds it: its *text* by lines, and the *version* of that."""

    path: Path
    lines: Lines
    version: int

    @property
    def data(self) -> bytes:
        """The bytes that the file would have, if it were saved."""
        text = _ALONE.sub("\N{REPLACEMENT CHARACTER}", self.lines.text)
        data = text.encode("utf-8", "surrogateescape")
        if self.path.suffix != ".py":
            return data
        with contextlib.suppress(SyntaxError, LookupError, ValueError):
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
            return text.encode(encoding)
        return data

    @property
    def too_long(self) -> bool:
        """Whether it's longer than what is looked at."""
        return len(self.lines.text) > min(MAX_TEXT, MAX_BYTES)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one version of a document."""

    document: Document
    diagnosis: Diagnosis
    shown: tuple[Shown, ...] = ()


@dataclass(slots=True, eq=False)
class Answers:
    """Answers of all questions about open files; one is asked at a time.

    *notes* hears of what isn't known as it is asked for.
    """

    workspace: Path | None = None
    notes: Callable[[str], None] = lambda _: None
    _projects: dict[Path, Project] = field(default_factory=dict)
    _last: dict[Path, Answer] = field(default_factory=dict)

    def diagnosed(self, document: Document, texts: Mapping[Path, bytes]) -> Answer:
        """What is said of a document; *texts* are those of all that are open."""
        last = self._last.get(document.path)
        if document.too_long:
            answer = Answer(document, Diagnosis())
        else:
            project = self._project(document.path)
            with project.asked(texts) as trail:
                found = diagnose(project, document.path, document.data)
                if last and not found.held and found.reader:
                    found = _with_memory(found, last)
            places = [place for question in trail.answers for place in places_of(question)]
            found.asked = frozenset(p.path for p in places if not p.listed)
            found.listed = frozenset(p.path for p in places if p.listed)
            answer = Answer(document, found, tuple(shown(found, document.path, document.lines)))
        self._last[document.path] = answer
        return answer

    def last(self, path: Path) -> Answer | None:
        """What was last said of a document."""
        return self._last.get(path)

    def forget(self, path: Path) -> None:
        """Forget a document that is closed."""
        self._last.pop(path, None)

    def concerned(self, path: Path) -> list[Path]:
        """The other documents of which something else may be said now that a file changed."""
        names = {str(path), str(real(path))}
        folders = {str(Path(name).parent) for name in names}
        return [
            other
            for other, answer in list(self._last.items())
            if other != path
            and not (
                names.isdisjoint(answer.diagnosis.asked)
                and folders.isdisjoint(answer.diagnosis.listed)
            )
        ]

    def hover(
        self, document: Document, place: Place, texts: Mapping[Path, bytes]
    ) -> tuple[str, Span] | None:
        """What is said of the word at a place, and where it stands."""
        found = self._found(document, texts)
        project = self._project(document.path)
        with project.asked(texts, lenient=True):
            return hover(project, document.path, document.lines, place, found)

    def definition(
        self, document: Document, place: Place, texts: Mapping[Path, bytes]
    ) -> list[Location]:
        """Where the profiles say what stands at a place."""
        found = self._found(document, texts)
        project = self._project(document.path)
        with project.asked(texts, lenient=True):
            return definition(project, document.path, document.lines, place, found)

    def completion(
        self, document: Document, place: Place, texts: Mapping[Path, bytes]
    ) -> tuple[list[Offer], Diagnosis]:
        """What may stand at a place, by what was last said of the document.

        While somebody types, a text rarely is one that can be read.
        """
        if document.too_long:
            return [], Diagnosis()
        last = self._last.get(document.path)
        found = last.diagnosis if last is not None else Diagnosis()
        project = self._project(document.path)
        with project.asked(texts, lenient=True):
            if found.catalogue is None:
                found = _with_catalogue(found, project, document.path)
            return complete(project, document.path, document.lines, place, found), found

    def actions(
        self,
        document: Document,
        span: Span,
        only: tuple[str, ...],
        texts: Mapping[Path, bytes],
    ) -> list[Action]:
        """What may be done about the findings that a part of a document has.

        *only* are the kinds of actions that are asked for, none for those that stand for a
        finding.
        """
        if document.too_long:
            return []
        last = self.diagnosed(document, texts)  # a layer may have changed meanwhile
        found, project = last.diagnosis, self._project(document.path)
        made: list[Action] = []
        with project.asked(texts, lenient=True):
            path, data, lines = document.path, document.data, document.lines
            if not only or any(_covers(kind, "quickfix") for kind in only):
                wanted = [s.told for s in last.shown if s.span.touches(span)]
                made += actions(project, path, data, lines, found, wanted)
            if any(_covers(kind, FIX_ALL) for kind in only):
                whole = fix_all(path, data, lines, found)
                made += [whole] if whole is not None else []
        return made

    def _found(self, document: Document, texts: Mapping[Path, bytes]) -> Diagnosis:
        """What was last said of a document; it's asked where nothing was."""
        last = self._last.get(document.path)
        return (last or self.diagnosed(document, texts)).diagnosis

    def _project(self, path: Path) -> Project:
        root = root_of(path, self.workspace)
        if root not in self._projects:
            self._projects[root] = Project(root, self.notes)
        return self._projects[root]


def _with_catalogue(found: Diagnosis, project: Project, path: Path) -> Diagnosis:
    """A diagnosis with the release that counts for a file in which nothing was found."""
    made = Diagnosis(found.kind, found.reader)
    made.catalogue = project.usual_catalogue(path)
    return made


def _with_memory(found: Diagnosis, last: Answer) -> Diagnosis:
    """A diagnosis of a text that can't be read now, with the sides that were known before."""
    if any(t.finding.rule.id == "DSV010" for t in found.told):
        found.held = last.diagnosis.held
        found.catalogue = last.diagnosis.catalogue
    return found


def _covers(kind: str, other: str) -> bool:
    """Whether a kind of action is another one, or has it among its own."""
    return other == kind or other.startswith(f"{kind}.")
