"""The server, as an editor drives it: a client of its own process, over its standard input."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from dsv4_env.lsp.server import rule_address, uri_of
from tests.unit.lsp.editing import SCRIPT, SMALL, TEST, project

_PATIENCE = 120  # seconds, for a machine that does much else


@dataclass(slots=True, eq=False)
class Client:
    """An editor with a project open."""

    folder: Path
    wire: LanguageClient
    said: dict[str, list[types.PublishDiagnosticsParams]] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    versions: dict[str, int] = field(default_factory=dict)

    def uri(self, name: str) -> str:
        """The URI of a file."""
        return uri_of(self.folder / name)

    def document(self, name: str) -> types.TextDocumentIdentifier:
        """A file, as requests name it."""
        return types.TextDocumentIdentifier(self.uri(name))

    async def open(self, name: str, text: str) -> list[types.Diagnostic]:
        """Open a file; what is said of it."""
        self.versions[name] = 1
        item = types.TextDocumentItem(self.uri(name), "any", 1, text)
        self.wire.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return await self.heard(name, 1)

    def type(self, name: str, *changes: types.TextDocumentContentChangeEvent) -> int:
        """Change a file; the version that it has then."""
        self.versions[name] += 1
        version = self.versions[name]
        self.wire.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, self.uri(name)), list(changes)
            )
        )
        return version

    async def change(self, name: str, text: str) -> list[types.Diagnostic]:
        """Give a file another text; what is said of it."""
        version = self.type(name, types.TextDocumentContentChangeWholeDocument(text))
        return await self.heard(name, version)

    async def heard(self, name: str, version: int | None, after: int = 0) -> list[types.Diagnostic]:
        """What is said of a version of a file, when there were more than *after* answers."""
        while True:
            said = self.said.get(self.uri(name), [])[after:]
            found = [s for s in said if s.version == version]
            if found:
                return list(found[-1].diagnostics)
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), _PATIENCE)


def driven(folder: Path, drive: Callable[[Client], Awaitable[None]], **support: Any) -> None:
    """Start the server for a folder, drive it, and see it go."""

    async def main() -> None:
        wire = LanguageClient("test", "1")
        client = Client(folder, wire)

        def heard(params: types.PublishDiagnosticsParams) -> None:
            client.said.setdefault(params.uri, []).append(params)
            client.news.set()

        def logged(params: types.LogMessageParams) -> None:
            client.logged.append(params.message)

        wire.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(heard)
        wire.feature(types.WINDOW_LOG_MESSAGE)(logged)
        stop: Callable[[], Awaitable[None]] = wire.stop
        await wire.start_io(sys.executable, "-m", "dsv4_env", "lsp", "--stdio")
        try:
            await wire.initialize_async(
                types.InitializeParams(
                    types.ClientCapabilities(**support),
                    workspace_folders=[types.WorkspaceFolder(uri_of(folder), "project")],
                )
            )
            wire.initialized(types.InitializedParams())
            await drive(client)
            await wire.shutdown_async(None)
        finally:
            wire.exit(None)
            await stop()

    asyncio.run(main())


def at(text: str, word: str) -> types.Position:
    """The first place of a word in a text, in ASCII."""
    number, line = next((n, x) for n, x in enumerate(text.split("\n")) if word in x)
    return types.Position(number, line.index(word))


@pytest.fixture
def drive(tmp_path: Path) -> Callable[..., None]:
    """Drive a server of the project."""
    folder = project(tmp_path)

    def run(steps: Callable[[Client], Coroutine[Any, Any, None]], **support: Any) -> None:
        driven(folder, steps, **support)

    return run


def test_a_day_at_work(drive: Callable[..., None]) -> None:
    """Open, look, complete, mend, and nothing is left."""

    async def steps(client: Client) -> None:
        found = await client.open("small.sh", SCRIPT)
        drift = found[0]
        assert drift.message == 'SGLANG_USE_AITER is "0"; small has "1": write that'
        assert drift.severity is types.DiagnosticSeverity.Error
        assert (drift.code, drift.source) == ("changed", "dsv4-env")
        assert drift.code_description is not None
        assert drift.code_description.href == rule_address("DSV003")
        (other,) = drift.related_information or ()
        assert other.location.uri == client.uri("launch/small.toml")
        assert other.location.range.start == types.Position(6, 0)

        here = at(SCRIPT, "SGLANG_USE")
        said = await client.wire.text_document_hover_async(
            types.HoverParams(client.document("small.sh"), here)
        )
        assert said is not None
        assert isinstance(said.contents, types.MarkupContent)
        assert "a variable of SGLang" in said.contents.value

        places = await client.wire.text_document_definition_async(
            types.DefinitionParams(client.document("small.sh"), here)
        )
        assert isinstance(places, list)
        (layer,) = places
        assert isinstance(layer, types.Location)
        assert layer.uri == client.uri("launch/small.toml")

        text = SCRIPT + "export SGLANG_USE_AITE"
        client.type("small.sh", types.TextDocumentContentChangeWholeDocument(text))
        offered = await client.wire.text_document_completion_async(
            types.CompletionParams(client.document("small.sh"), types.Position(2, 22))
        )
        assert isinstance(offered, types.CompletionList)
        item = next(i for i in offered.items if i.label == "SGLANG_USE_AITER")
        assert item.documentation is None
        item = await client.wire.completion_item_resolve_async(item)
        assert isinstance(item.documentation, types.MarkupContent)
        assert "SGLang 0.5.13" in item.documentation.value

        await client.change("small.sh", SCRIPT)
        actions = await client.wire.text_document_code_action_async(
            types.CodeActionParams(
                client.document("small.sh"), drift.range, types.CodeActionContext([drift])
            )
        )
        assert actions is not None
        first = actions[0]
        assert isinstance(first, types.CodeAction)
        assert first.is_preferred
        assert [d.message for d in first.diagnostics or ()] == [drift.message]
        assert first.edit is not None
        assert first.edit.changes is not None
        edits = first.edit.changes[client.uri("small.sh")]
        version = client.type(
            "small.sh",
            *(types.TextDocumentContentChangePartial(e.range, e.new_text) for e in edits),
        )
        left = await client.heard("small.sh", version)
        assert [d.code for d in left] == ["abbreviated-flag"]
        assert not client.logged

    drive(steps)


def test_a_layer_and_its_scripts(drive: Callable[..., None]) -> None:
    """A change of a layer is a change of all that is held to its profile, saved or not."""

    async def steps(client: Client) -> None:
        found = await client.open("small.sh", SCRIPT)
        assert found[0].code == "changed"
        await client.open("launch/small.toml", SMALL)
        before = len(client.said[client.uri("small.sh")])
        await client.change("launch/small.toml", SMALL.replace('"1"', '"0"'))
        found = await client.heard("small.sh", 1, before)
        while any(d.code == "changed" for d in found):  # of the opening, as it may be
            before += 1
            found = await client.heard("small.sh", 1, before)
        before = len(client.said[client.uri("small.sh")])
        closed = types.DidCloseTextDocumentParams(client.document("launch/small.toml"))
        client.wire.text_document_did_close(closed)
        found = await client.heard("small.sh", 1, before)  # as it is on the disk
        assert found[0].code == "changed"
        assert await client.heard("launch/small.toml", None) == []
        (client.folder / "launch/small.toml").write_text(SMALL.replace('"1"', '"0"'))
        before = len(client.said[client.uri("small.sh")])
        change = types.FileEvent(client.uri("launch/small.toml"), types.FileChangeType.Changed)
        client.wire.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([change]))
        found = await client.heard("small.sh", 1, before)
        assert not any(d.code == "changed" for d in found)

    drive(steps)


def test_only_the_last_version_counts(drive: Callable[..., None]) -> None:
    """What was typed meanwhile is what is answered; nothing is said of a text that is gone."""

    async def steps(client: Client) -> None:
        await client.open("test_small.py", TEST)
        for number in range(20):
            text = TEST + "#" * number + "\n"
            client.type("test_small.py", types.TextDocumentContentChangeWholeDocument(text))
        last = client.type(
            "test_small.py",
            types.TextDocumentContentChangeWholeDocument(TEST.replace('= "0"', '= "1"')),
        )
        found = await client.heard("test_small.py", last)
        assert not any(d.code == "changed" for d in found)
        versions = [s.version for s in client.said[client.uri("test_small.py")]]
        assert versions == sorted(versions)  # type: ignore[type-var]
        assert len(versions) < last

    drive(steps)


def test_edits_of_versions(drive: Callable[..., None]) -> None:
    """An editor that knows versions of documents is told which one an edit is for."""
    workspace = types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
    )

    async def steps(client: Client) -> None:
        (found, *_) = await client.open("small.sh", SCRIPT)
        context = types.CodeActionContext([found], [types.CodeActionKind.SourceFixAll])
        actions = await client.wire.text_document_code_action_async(
            types.CodeActionParams(client.document("small.sh"), found.range, context)
        )
        assert actions is not None
        (whole,) = actions
        assert isinstance(whole, types.CodeAction)
        assert whole.kind == "source.fixAll.dsv4-env"
        assert whole.edit is not None
        (change,) = whole.edit.document_changes or ()
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document == types.OptionalVersionedTextDocumentIdentifier(
            client.uri("small.sh"), 1
        )

    drive(steps, workspace=workspace)


def test_what_it_has_nothing_to_say_of(drive: Callable[..., None]) -> None:
    """A document that is no file, one that isn't open, and a hostile one cost nothing more."""

    async def steps(client: Client) -> None:
        unsaved = types.TextDocumentItem("untitled:1", "shellscript", 1, SCRIPT)
        client.wire.text_document_did_open(types.DidOpenTextDocumentParams(unsaved))
        closed = types.TextDocumentIdentifier("untitled:1")
        none = types.HoverParams(closed, types.Position(0, 9))
        assert await client.wire.text_document_hover_async(none) is None
        assert await client.open("hostile.sh", "\0sglang" + "$((" * 5_000) is not None
        assert await client.open("long.sh", "sglang " * 300_000) == []
        far = types.HoverParams(client.document("hostile.sh"), types.Position(9_999, 9_999))
        assert await client.wire.text_document_hover_async(far) is None
        found = await client.open("small.sh", SCRIPT)
        assert found[0].code == "changed"
        assert not [text for text in client.logged if "internal" in text]

    drive(steps)


def test_an_answer_that_fails(
    drive: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A defect of ours costs one answer and is logged; the server goes on."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import dsv4_env.lsp.documents as d\n"
        "def diagnose(*args): raise KeyError('HF_TOKEN=hf_aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3b')\n"
        "d.diagnose, real = diagnose, d.diagnose\n"
        "def shown(*args): return []\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(broken))

    async def steps(client: Client) -> None:
        client.versions["small.sh"] = 1
        item = types.TextDocumentItem(client.uri("small.sh"), "any", 1, SCRIPT)
        client.wire.text_document_did_open(types.DidOpenTextDocumentParams(item))
        params = types.CompletionParams(client.document("small.sh"), types.Position(0, 13))
        while not client.logged:
            assert await client.wire.text_document_completion_async(params) is not None
        assert client.logged[0].startswith("internal error: KeyError: ")
        assert "hf_aB3" not in client.logged[0]

    drive(steps)


def message(method: str, id_: int | None = None, **params: Any) -> bytes:
    """A message as it goes over the wire."""
    told: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    body = json.dumps(told | ({} if id_ is None else {"id": id_})).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


HELLO = message("initialize", 1, capabilities={}, processId=None, rootUri=None)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HELLO,
        HELLO + message("exit"),
        HELLO + message("shutdown", 2) + message("exit"),
        b"Content-Length: 7\r\n\r\n{never}" + HELLO,
        HELLO + message("textDocument/hover", 2, nothing=True),
        b"no message at all\r\n\r\n",
    ],
)
def test_the_end(sent: bytes) -> None:
    """However the editor goes, and whatever it said, the server ends with it and says nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "dsv4_env", "lsp"],
        input=sent,
        capture_output=True,
        timeout=_PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not done.stdout or done.stdout.startswith(b"Content-Length: ")


def test_without_pygls(tmp_path: Path) -> None:
    """It's an extra: where it isn't there, the message says what to install."""
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('no', name='pygls')\n")
    done = subprocess.run(
        [sys.executable, "-c", "from dsv4_env.cli import run; raise SystemExit(run(['lsp']))"],
        env={"PYTHONPATH": str(tmp_path)},
        input=b"",
        capture_output=True,
    )
    assert done.returncode == 2
    said = done.stderr.decode()
    assert said.startswith("dsv4-env: error: the package pygls isn't installed for ")
    assert "expected pip install 'dsv4-env[lsp]'" in said


def test_every_rule_has_an_address() -> None:
    """What the documentation says of it."""
    from dsv4_env.lint.known import all_rules

    addresses = {rule_address(id_) for id_ in all_rules()}
    assert None not in addresses
    assert len(addresses) == len(all_rules())
