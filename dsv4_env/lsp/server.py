"""The server: what an editor asks over standard input and output, handed on and answered.

All questions are answered one after the other in a thread of their own, so that the editor is
always listened to. A newer version of a text makes all work on an older one void.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from dsv4_env import __version__
from dsv4_env.catalogue import TREE, Catalogue
from dsv4_env.catalogue.describe import titled
from dsv4_env.guard.files import read_bytes
from dsv4_env.lsp.actions import FIX_ALL, Action
from dsv4_env.lsp.completion import Offer, documentation
from dsv4_env.lsp.diagnosis import Shown, elsewhere, related
from dsv4_env.lsp.documents import Answer, Answers, Document
from dsv4_env.lsp.positions import Lines, Place, Span
from dsv4_env.model import Location
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Severity
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import plain

_T = TypeVar("_T")
_DEBOUNCE = 0.05  # seconds in which nothing more is typed
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}
_TAGS = {
    "deprecated": types.DiagnosticTag.Deprecated,
    "unnecessary": types.DiagnosticTag.Unnecessary,
}
_KINDS = {
    "variable": types.CompletionItemKind.Variable,
    "flag": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "profile": types.CompletionItemKind.Module,
    "key": types.CompletionItemKind.Field,
}
_WATCHED = "**/*.{toml,sh,py,yaml,yml,env}"
_TRIGGERS = ["-", "=", '"', "'", "+"]


@dataclass(slots=True, eq=False)
class _Open:
    """A file that is open: how often it was asked about, and who answers."""

    uri: str
    asked: int = 0
    task: asyncio.Task[None] | None = None


class Server(LanguageServer):
    """The language server of one editor."""

    def __init__(self) -> None:
        super().__init__("dsv4-env", __version__)
        self.answers = Answers(notes=self.log)
        self._pool = ThreadPoolExecutor(1, "dsv4-env")
        self._open: dict[Path, _Open] = {}
        self._catalogue: Catalogue | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # What is open

    @property
    def encoding(self) -> str:
        """What the editor counts places in."""
        found = self.workspace.position_encoding or types.PositionEncodingKind.Utf16
        return types.PositionEncodingKind(found).value

    def document(self, path: Path) -> Document:
        """An open file as it is now."""
        held = self.workspace.get_text_document(self._open[path].uri)
        return Document(path, Lines(held.source, self.encoding), held.version or 0)

    def opened(self, uri: str) -> Document | None:
        """The document of a URI; None of what is no file, or isn't open."""
        path = path_of(uri)
        return self.document(path) if path is not None and path in self._open else None

    def texts(self) -> dict[Path, bytes]:
        """What the editor holds of all open files."""
        documents = map(self.document, self._open)
        return {d.path: d.data for d in documents if not d.too_long}

    # What is said of it

    def look_at(self, path: Path) -> None:
        """Say anew what there is to say of an open file, and soon."""
        one = self._open[path]
        one.asked += 1
        if one.task is None or one.task.done():
            one.task = asyncio.get_running_loop().create_task(self._diagnose(path, one))

    async def _diagnose(self, path: Path, one: _Open) -> None:
        asked = -1
        while asked != one.asked and self._open.get(path) is one:
            asked = one.asked
            await asyncio.sleep(_DEBOUNCE)
            if asked != one.asked or self._open.get(path) is not one:
                continue
            document, texts = self.document(path), self.texts()

            def answer(
                document: Document = document,
                texts: dict[Path, bytes] = texts,
                asked: int = asked,
            ) -> Answer | None:
                # What is typed meanwhile makes the question void before its turn comes.
                return self.answers.diagnosed(document, texts) if asked == one.asked else None

            found = await self.ask(answer, None)
            if found is not None and asked == one.asked and self._open.get(path) is one:
                self._publish(one.uri, found)

    def _publish(self, uri: str, answer: Answer) -> None:
        path = answer.document.path
        shown = [self._diagnostic(s, path, answer) for s in answer.shown]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, shown, answer.document.version)
        )

    def _diagnostic(self, shown: Shown, path: Path, answer: Answer) -> types.Diagnostic:
        rule = shown.told.finding.rule
        places: list[types.DiagnosticRelatedInformation] = []
        found = related(shown.told, answer.diagnosis.report)
        more = elsewhere(shown.told, path)
        for at, text in [found] if found else []:
            places.append(types.DiagnosticRelatedInformation(self.place(at), text))
        if more is not None:
            places.append(types.DiagnosticRelatedInformation(self.place(more), "it stands here"))
        href = rule_address(rule.id)
        return types.Diagnostic(
            range_of(shown.span),
            shown.message,
            _SEVERITIES[shown.told.finding.severity],
            rule.name,
            types.CodeDescription(href) if href else None,
            "dsv4-env",
            [_TAGS[t] for t in shown.tags],
            places or None,
        )

    def uri(self, path: Path) -> str:
        """The URI of a file; of one that is open as the editor spells it."""
        return self._open[path].uri if path in self._open else uri_of(path)

    def place(self, at: Location) -> types.Location:
        """A place of a file, whether it's open or not, as the editor counts."""
        path = Path(at.path)
        number, column = max((at.line or 1) - 1, 0), max((at.column or 1) - 1, 0)
        if path in self._open:
            lines = self.document(path).lines
        else:
            try:
                text = read_bytes(path).decode("utf-8-sig", "replace")
            except Dsv4Error:
                text = ""
            lines = Lines(text, self.encoding)
        start = lines.place(number, column)
        return types.Location(self.uri(path), range_of(Span(start, start)))

    # Asking

    async def ask(self, question: Callable[[], _T], otherwise: _T) -> _T:
        """What comes of a question; *otherwise*, and a message, where something goes wrong."""

        def answered() -> _T:
            try:
                return question()
            except Dsv4Error as exc:
                self.log(str(exc))
            except Exception as exc:  # it costs this answer, and nothing else
                frame = traceback.extract_tb(exc.__traceback__)[-1]
                place = f"{frame.filename}:{frame.lineno}"
                self.log(f"internal error: {type(exc).__name__}: {exc} (at {place})", error=True)
            return otherwise

        self._loop = asyncio.get_running_loop()
        return await self._loop.run_in_executor(self._pool, answered)

    def log(self, text: str, *, error: bool = False) -> None:
        """Tell the editor's log something, without secrets; from any thread."""
        kind = types.MessageType.Error if error else types.MessageType.Info
        message = types.LogMessageParams(kind, plain(scrubbed(text)))
        if self._loop is not None:  # what is written from two threads at once is mixed up
            self._loop.call_soon_threadsafe(self.window_log_message, message)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what goes wrong with a message of the editor's; nobody is asked to look at it."""
        self.log(f"{type(error).__name__}: {error}", error=True)

    def offered(self, offers: list[Offer], catalogue: Catalogue | None) -> types.CompletionList:
        """What may stand at a place; what is said of each is asked for later."""
        self._catalogue = catalogue
        return types.CompletionList(False, [_item(o) for o in offers])

    def described(self, item: types.CompletionItem) -> types.CompletionItem:
        """An offered item with what is said of it."""
        if self._catalogue is not None and item.data in ("variable", "flag"):
            release = self._catalogue.release
            said = documentation(item.label, self._catalogue)
            head = "The tree's own SGLang" if release == TREE else titled([release])
            text = f"{head}\n\n{said}" if said else ""
            item.documentation = types.MarkupContent(types.MarkupKind.Markdown, scrubbed(text))
        return item

    def acted(self, action: Action, document: Document, answer: Answer | None) -> types.CodeAction:
        """Something that may be done, as the editor does it."""
        changes = {self.uri(path): list(map(_edit, edits)) for path, edits in action.edits.items()}
        settled: list[types.Diagnostic] = []
        if answer is not None and action.told is not None:
            found = (s for s in answer.shown if s.told is action.told)
            settled = [self._diagnostic(s, document.path, answer) for s in found]
        whole = types.WorkspaceEdit(changes)
        support = self.client_capabilities.workspace
        if support and support.workspace_edit and support.workspace_edit.document_changes:
            versions = {self.uri(p): self.document(p).version for p in self._open}
            whole = types.WorkspaceEdit(
                document_changes=[
                    types.TextDocumentEdit(
                        types.OptionalVersionedTextDocumentIdentifier(uri, versions.get(uri)),
                        list(edits),
                    )
                    for uri, edits in changes.items()
                ]
            )
        title = plain(scrubbed(action.title))
        sure = action.sure or None
        return types.CodeAction(title, action.kind, settled or None, sure, edit=whole)

    def stop(self) -> None:
        """Let go of the thread that answers."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def path_of(uri: str) -> Path | None:
    """The file of a URI; None where it's no file's."""
    if not uri.startswith("file:"):
        return None
    path = to_fs_path(uri)
    return Path(path) if path else None


def uri_of(path: Path) -> str:
    """The URI of a file."""
    return f"file://{quote(str(path.absolute()), safe='/', errors='surrogateescape')}"


def rule_address(id_: str) -> str | None:
    """Where the documentation says more of a rule: the page that comes with the package."""
    page = Path(__file__).parent / "rules.md"
    if not page.is_file():
        page = Path(__file__).parent.parent.parent / "docs" / "reference" / "rules.md"
    number = _headings(page).get(id_)
    return None if number is None else f"{uri_of(page)}#L{number}"


_PAGES: dict[Path, dict[str, int]] = {}


def _headings(page: Path) -> dict[str, int]:
    """The line of each rule's heading."""
    if page not in _PAGES:
        try:
            lines = read_bytes(page).decode().splitlines()
        except Dsv4Error:
            lines = []
        heads = ((line.split(" ")[1], n) for n, line in enumerate(lines, 1) if line[:3] == "## ")
        _PAGES[page] = dict(heads)
    return _PAGES[page]


def range_of(span: Span) -> types.Range:
    """A span as the protocol has it."""
    return types.Range(_position(span.start), _position(span.end))


def _position(place: Place) -> types.Position:
    return types.Position(place.line, place.character)


def _place(position: types.Position) -> Place:
    return Place(position.line, position.character)


def _edit(edit: Any) -> types.TextEdit:
    return types.TextEdit(range_of(edit.span), edit.text)


def _item(offer: Offer) -> types.CompletionItem:
    return types.CompletionItem(
        offer.label,
        kind=_KINDS[offer.kind],
        detail=scrubbed(offer.detail) or None,
        tags=[types.CompletionItemTag.Deprecated] if offer.old else None,
        sort_text=f"{int(offer.old)}{offer.label}",
        filter_text=offer.label,
        text_edit=types.TextEdit(range_of(offer.span), offer.label),
        data=offer.kind,
    )


def make() -> Server:
    """A server that listens to nobody yet."""
    server = Server()

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        folders = params.workspace_folders or []
        uri = folders[0].uri if folders else params.root_uri
        server.answers.workspace = path_of(uri) if uri else None

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        support = server.client_capabilities.workspace
        watching = support.did_change_watched_files if support else None
        if watching is None or not watching.dynamic_registration:
            return
        options = types.DidChangeWatchedFilesRegistrationOptions(
            [types.FileSystemWatcher(_WATCHED)]
        )
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        await server.client_register_capability_async(
            types.RegistrationParams([types.Registration("watched", method, options)])
        )

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        path = path_of(params.text_document.uri)
        if path is not None:
            server._open[path] = _Open(params.text_document.uri)
            _changed(path)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        path = path_of(params.text_document.uri)
        if path is not None and path in server._open:
            _changed(path)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        path = path_of(params.text_document.uri)
        if path is None or server._open.pop(path, None) is None:
            return
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(params.text_document.uri, [])
        )
        for other in server.answers.concerned(path):
            if other in server._open:
                server.look_at(other)
        server.answers.forget(path)

    def _changed(path: Path) -> None:
        server.look_at(path)
        for other in server.answers.concerned(path):
            if other in server._open:
                server.look_at(other)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        changed = [p for c in params.changes if (p := path_of(c.uri)) is not None]
        wanted = {other for path in changed for other in server.answers.concerned(path)}
        for path in server._open:
            if path in wanted:
                server.look_at(path)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        document = server.opened(params.text_document.uri)
        if document is None or document.too_long:
            return None
        place, texts = _place(params.position), server.texts()
        found = await server.ask(lambda: server.answers.hover(document, place, texts), None)
        if found is None:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, found[0])
        return types.Hover(content, range_of(found[1]))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: types.DefinitionParams) -> list[types.Location]:
        document = server.opened(params.text_document.uri)
        if document is None or document.too_long:
            return []
        place, texts = _place(params.position), server.texts()
        found = await server.ask(lambda: server.answers.definition(document, place, texts), None)
        return list(map(server.place, found or ()))

    options = types.CompletionOptions(_TRIGGERS, resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    async def completion(params: types.CompletionParams) -> types.CompletionList | None:
        document = server.opened(params.text_document.uri)
        if document is None:
            return None
        place, texts = _place(params.position), server.texts()
        found = await server.ask(lambda: server.answers.completion(document, place, texts), None)
        return server.offered(found[0], found[1].catalogue) if found is not None else None

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    async def resolve(item: types.CompletionItem) -> types.CompletionItem:
        return await server.ask(lambda: server.described(item), item)

    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix, FIX_ALL])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = server.opened(params.text_document.uri)
        if document is None:
            return []
        span = Span(_place(params.range.start), _place(params.range.end))
        only, texts = tuple(map(str, params.context.only or ())), server.texts()
        ask = server.answers.actions
        found = await server.ask(lambda: ask(document, span, only, texts), None)
        answer = server.answers.last(document.path)
        return [server.acted(action, document, answer) for action in found or ()]

    return server


def serve(stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Answer an editor until it goes."""
    logger = logging.getLogger("pygls")  # what counts of it is told by report_server_error
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    server = make()
    try:
        server.start_io(stdin, stdout)
    finally:
        server.stop()
