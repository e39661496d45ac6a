"""Asking a server: addresses, headers, and what answers are made of that nobody wants."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dsv4_env.guard import web
from dsv4_env.model.errors import Dsv4Error, ReadError, UsageError
from tests.unit.server_info import Handler, bytes_route, serving

PATH = "/server_info"


def get(url: str, headers: dict[str, str] | None = None) -> bytes:
    return web.get(web.address(url), PATH, headers or {})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h:30000", "http://h:30000"),
        ("http://h:80/", "http://h"),
        ("https://h/a/b/", "https://h/a/b"),
        ("HTTP://H:1", "http://h:1"),
        ("http://[::1]:30000/x", "http://[::1]:30000/x"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    assert str(web.address(text)) == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("h:30000", r"h:30000 says no scheme.*Did you mean url:http://h:30000\?"),
        ("ftp://h", "ftp:// isn't asked"),
        ("file:///etc/passwd", "file:// isn't asked"),
        ("http://", "names no host"),
        ("http://h:99999", "is no address"),
        ("http://h:x", "is no address"),
        ("http://[::1", "is no address"),
        ("http://h/a b", "is no address"),
        ("http://h\r\nX: y", "is no address"),
        ("http://höst", "is no address"),
        ("http://h?token=canary", "with more behind"),
        ("http://h#x", "with more behind"),
        ("http://bob:canary@h:1", "credentials in the address of h.*expected http://h:1,"),
        ("bob:canary@h:1", "h:1 says no scheme"),
        ("http://bob:canary@h:x", "is no address"),
    ],
)
def test_what_is_no_address(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){said}") as told:
        web.address(text)
    assert "canary" not in str(told.value)


def test_headers() -> None:
    environment = {"KEY": "k 1", "EMPTY": "", "LINES": "a\r\nX-Other: canary", "BLANK": " canary"}
    assert web.header("KEY", environment) == ("Authorization", "Bearer k 1")
    assert web.header("X-Api-Key=KEY", environment) == ("X-Api-Key", "k 1")
    wrong = [
        "NONE",
        "EMPTY",
        "LINES",
        "BLANK",
        "X:=KEY",
        "X=canary-x",
        "=KEY",
        "canary-x",
        "",
        "X=",
    ]
    for text in wrong:
        with pytest.raises(UsageError, match="--header-from-environment") as told:
            web.header(text, environment)
        assert "canary" not in str(told.value), text


def test_an_answer() -> None:
    with serving({PATH: bytes_route(b"{}"), "/a/server_info": bytes_route(b"[]")}) as server:
        assert get(server.url, {"Authorization": "Bearer x"}) == b"{}"
        assert get(f"{server.url}/a/") == b"[]"
    (path, headers), _ = server.asked
    assert path == PATH
    assert headers["Authorization"] == "Bearer x"
    assert headers["Host"] == server.url.removeprefix("http://")
    assert headers["Accept-Encoding"] == "identity"


def test_a_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving({PATH: bytes_route(b"{}")}) as server:
        assert get(server.url) == b"{}"


def test_redirects() -> None:
    """They are followed on the server itself; a header never goes elsewhere."""
    with serving({PATH: bytes_route(b"{}")}) as other:
        routes = {
            PATH: bytes_route(b"", 307, Location="/there?x=1"),
            "/there?x=1": bytes_route(b"[]"),
            "/away/server_info": bytes_route(b"", 302, Location=f"{other.url}{PATH}"),
            "/tls/server_info": bytes_route(b"", 301, Location="https://127.0.0.1/server_info"),
            "/odd/server_info": bytes_route(b"", 301, Location="http://[::1/"),
            "/circle/server_info": bytes_route(b"", 301, Location="/circle/server_info"),
        }
        with serving(routes) as server:
            assert get(server.url, {"Authorization": "Bearer canary"}) == b"[]"
            for path in ("away", "tls", "odd"):
                with pytest.raises(ReadError, match=r"a redirect to .*isn't followed") as told:
                    get(f"{server.url}/{path}", {"Authorization": "Bearer canary"})
                assert str(told.value).startswith(f"{server.url}/{path}/server_info: ")
                assert "canary" not in str(told.value)
            with pytest.raises(ReadError, match="more than 3 redirects"):
                get(f"{server.url}/circle")
        assert [path for path, _ in server.asked].count("/circle/server_info") == 4
    assert other.asked == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "it answers 401 unauthorized; expected an API key: --header-from-environment NAME"),
        (403, "it answers 403 forbidden; expected an API key"),
        (404, "it answers 404 not found"),
        (500, "it answers 500 internal server error"),
        (599, "it answers 599; expected 200"),
        (304, "it answers 304 not modified"),
    ],
)
def test_other_answers(status: int, said: str) -> None:
    with (
        serving({PATH: bytes_route(b"canary", status)}) as server,
        pytest.raises(web.NoAnswerError) as told,
    ):
        get(server.url)
    assert told.value.status == status
    assert said in str(told.value)
    assert "canary" not in str(told.value)


def stream(piece: bytes, *, chunked: bool = False, pause: float = 0.0) -> Callable[[Handler], None]:
    """A route that never ends, of pieces of one kind."""

    def route(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("X-A", "b")))
        handler.end_headers()
        said = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(said)
                time.sleep(pause)

    return route


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_without_end(chunked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 100_000)
    with (
        serving({PATH: stream(b"x" * 5000, chunked=chunked)}) as server,
        pytest.raises(ReadError, match="an answer of more than 100,000 bytes"),
    ):
        get(server.url)


def test_what_is_large_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 1000)
    with serving({PATH: bytes_route(b"x" * 1000), "/a/server_info": bytes_route(b"x" * 1001)}) as s:
        assert len(get(s.url)) == 1000
        with pytest.raises(ReadError, match="more than 1,000 bytes"):
            get(f"{s.url}/a")


def headers_without_end(handler: Handler) -> None:
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.01)


def interim_without_end(handler: Handler) -> None:
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def silent(handler: Handler) -> None:
    time.sleep(3)


@pytest.mark.parametrize(
    "route",
    [stream(b"x", pause=0.01), headers_without_end, interim_without_end, silent],
    ids=["body", "headers", "interim", "silence"],
)
def test_an_answer_that_takes_its_time(
    route: Callable[[Handler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and the whole doesn't."""
    monkeypatch.setattr(web, "SECONDS", 0.3)
    with (
        serving({PATH: route}) as server,
        pytest.raises(ReadError, match=r"no whole answer within 0\.3 s"),
    ):
        get(server.url)


@contextlib.contextmanager
def saying(data: bytes) -> Iterator[str]:
    """A server that says this to whoever comes, whatever it's asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with contextlib.suppress(OSError):
                wire, _ = listening.accept()
                with wire:
                    wire.recv(1000)
                    wire.sendall(data)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["ssh", "nothing", "status", "many headers", "long header", "chunks"],
)
def test_what_is_no_http(data: bytes) -> None:
    with saying(data) as url, pytest.raises(ReadError, match=r"isn't HTTP|no answer") as told:
        get(url)
    assert str(told.value).startswith(f"{url}/server_info: ")


def test_a_compressed_answer() -> None:
    with (
        serving({PATH: bytes_route(b"x", Content_Encoding="gzip")}) as server,
        pytest.raises(ReadError, match="a compressed answer"),
    ):
        get(server.url)


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ReadError, match="no answer: connection refused; expected a running server"):
        get(f"http://127.0.0.1:{port}")
    with serving({PATH: bytes_route(b"{}")}) as server:
        url = server.url.replace("http", "https")
        with pytest.raises(Dsv4Error, match=r"no TLS|no answer") as told:
            get(url)
        assert str(told.value).startswith(url)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    made = tmp_path / "own.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"]
    more = ["/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(
            [*asked, *more, "-keyout", str(made), "-out", str(tmp_path / "cert.pem")],
            check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no openssl that makes a certificate")
    made.write_text(made.read_text() + (tmp_path / "cert.pem").read_text())
    return made


def test_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving({PATH: bytes_route(b"{}")}) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.url.replace("http", "https")
        with pytest.raises(ReadError, match=r"its certificate isn't trusted.*SSL_CERT_FILE"):
            get(url)
        monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(certificate))
        assert get(url) == b"{}"
