"""The one way in which a server is asked: one address, one answer, bounded in size and time.

An address comes from the user, an answer from a stranger. What that could do, and what keeps it
from it here:

- An answer without end, or one byte at a time: at most :data:`MAX_BYTES`, and :data:`SECONDS` for
  all of it, headers, redirects and the handshake of TLS included.
- A redirect: followed on the same scheme, host and port alone, so that no header goes elsewhere.
- ``http_proxy`` and its like: not read. What is asked is the address that is named, and headers
  go to nobody else.
- Credentials in the address: refused, as addresses are shown in reports.
- Compressed answers: not asked for, and refused.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from dsv4_env.model.errors import ReadError, UsageError

MAX_BYTES = 8 * 2**20  # of an answer: SGLang's own is some 30 kB, and grows with each rank
SECONDS = 30.0  # for one answer: a scheduler answers between two batches
CONNECT = 5.0  # seconds until somebody takes the call
_REDIRECTS = 3
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's: RFC 9110, 5.6.2
_EXPECTED = "http://HOST:PORT"


class NoAnswerError(ReadError):
    """A server that answers, and not with what is asked for; *status* is its HTTP status."""

    status = 0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: ``http`` or ``https``, host, port, and what its paths begin with."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme] == self.port
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.path}"


def address(text: str) -> Address:
    """The address that a text names. Raises UsageError, without what may be a secret in it."""
    shown = text.partition("?")[0].rpartition("@")[2]
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise UsageError(f"{shown!r} is no address", expected=_EXPECTED)
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{shown} is no address", expected=_EXPECTED) from None
    if "://" not in text:
        raise UsageError(f"{shown} says no scheme", expected=_EXPECTED, hint=f"url:http://{shown}")
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"{parts.scheme}:// isn't asked", expected=f"{_EXPECTED}, or https://")
    if not host:
        raise UsageError(f"{shown} names no host", expected=_EXPECTED)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"credentials in the address of {host}: addresses are shown in reports",
            expected=f"{parts.scheme}://{shown}, and --header-from-environment",
        )
    if "?" in text or "#" in text:
        raise UsageError(f"{shown} with more behind ? or #", expected=_EXPECTED)
    usual = 443 if parts.scheme == "https" else 80
    return Address(parts.scheme, host, usual if port is None else port, parts.path.rstrip("/"))


def header(text: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The header that ``NAME`` or ``HEADER=NAME`` means: the value is that of a variable.

    ``NAME`` alone is sent as ``Authorization: Bearer …``. Raises UsageError, never with a value.
    """
    field, equals, name = text.rpartition("=")
    option = "--header-from-environment"  # whose value isn't told: it may be the key itself
    if not name.isidentifier() or (equals and not _NAME.fullmatch(field)):
        raise UsageError(
            f"what {option} has is no name", expected="NAME of a variable, or HEADER=NAME"
        )
    value = environment.get(name)
    if not value:
        what = "isn't set" if value is None else "is empty"
        raise UsageError(
            f"the variable that {option} names {what}", expected="one that holds a header's value"
        )
    if not re.fullmatch(r"[\x20-\x7e]+", value) or value != value.strip():
        raise UsageError(
            f"what the variable of {option} holds is no value of a header",
            expected="one line of ASCII, without blanks around it",
        )
    return (field, value) if equals else ("Authorization", f"Bearer {value}")


def get(place: Address, path: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of an answer. Raises ReadError, of another answer than 200 NoAnswerError."""
    deadline = time.monotonic() + SECONDS
    target = f"{place.path}{path}" or "/"
    for _ in range(_REDIRECTS + 1):
        where = f"{Address(place.scheme, place.host, place.port, '')}{target}"
        try:
            status, moved, data = _asked(place, target, headers, deadline)
        except TimeoutError:
            raise _late(where, deadline) from None
        except ssl.SSLError as exc:
            raise _no_tls(where, exc) from None
        except OSError as exc:
            why = (exc.strerror or str(exc) or type(exc).__name__).lower()
            raise ReadError(f"no answer: {why}", where=where, expected="a running server") from None
        except (http.client.HTTPException, ValueError) as exc:
            raise ReadError(
                f"an answer that isn't HTTP ({type(exc).__name__})",
                where=where,
                expected=f"a server that speaks {place.scheme.upper()}",
            ) from None
        if moved is None:
            break
        target = _elsewhere(place, where, moved)
    else:
        raise ReadError(f"more than {_REDIRECTS} redirects", where=where, expected="an answer")
    if status != 200:
        raise _refused(where, status)
    return data


def _asked(
    place: Address, target: str, headers: Mapping[str, str], deadline: float
) -> tuple[int, str | None, bytes]:
    """The status, where a redirect leads, and the bytes of an answer."""
    with contextlib.ExitStack() as opened:
        left = max(min(CONNECT, deadline - time.monotonic()), 0.001)
        wire = opened.enter_context(socket.create_connection((place.host, place.port), left))
        if place.scheme == "https":
            secure = ssl.create_default_context().wrap_socket(wire, server_hostname=place.host)
            wire = opened.enter_context(secure)
        asking = http.client.HTTPConnection(place.host, place.port)
        asking.default_port = 443 if place.scheme == "https" else 80
        asking.sock = wire
        own = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
        asking.request("GET", target, headers={**own, **headers})
        answer = http.client.HTTPResponse(_Timed(wire, deadline), method="GET")  # type: ignore[arg-type]
        answer.begin()
        moved = answer.getheader("Location") if 300 <= answer.status < 400 else None
        if moved is not None or answer.status != 200:
            return answer.status, moved, b""
        where = f"{Address(place.scheme, place.host, place.port, '')}{target}"
        if answer.getheader("Content-Encoding", "identity").lower() != "identity":
            raise ReadError("a compressed answer", where=where, expected="one that isn't")
        data = answer.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ReadError(
                f"an answer of more than {MAX_BYTES:,} bytes", where=where, expected="a shorter one"
            )
        return answer.status, None, data


class _Timed(io.RawIOBase):
    """A socket that is read until a moment and no longer."""

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self.wire, self.deadline = wire, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The bytes that came. Raises TimeoutError."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.wire.settimeout(left)
        return self.wire.recv_into(buffer)


def _elsewhere(place: Address, where: str, moved: str) -> str:
    """The path of a redirect within the same server. Raises ReadError for any other."""
    try:
        parts = urlsplit(urljoin(where, moved))
        usual = 443 if parts.scheme == "https" else 80
        there = (parts.scheme, parts.hostname, usual if parts.port is None else parts.port)
    except ValueError:
        there, parts = ("", None, 0), urlsplit("")
    if there != (place.scheme, place.host, place.port) or not re.fullmatch(
        r"[\x21-\x7e]*", parts.path + parts.query
    ):
        host = f"{there[0]}://{there[1]}:{there[2]}" if there[1] else "what is no address"
        raise ReadError(
            f"a redirect to {host}, which isn't followed",
            where=where,
            expected="the address of the server itself",
        )
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _late(where: str, deadline: float) -> ReadError:
    over = time.monotonic() >= deadline
    what = (
        f"no whole answer within {SECONDS:g} s" if over else f"nobody answers within {CONNECT:g} s"
    )
    return ReadError(what, where=where, expected="a running server")


def _no_tls(where: str, exc: ssl.SSLError) -> ReadError:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ReadError(
            f"its certificate isn't trusted: {exc.verify_message}",
            where=where,
            expected="one that this machine trusts (SSL_CERT_FILE=FILE names another authority)",
        )
    return ReadError(
        f"no TLS: {(exc.reason or 'the handshake fails').lower().replace('_', ' ')}",
        where=where,
        expected="a server that speaks HTTPS",
        hint=f"url:{where.replace('https', 'http', 1).rpartition('/')[0]}",
    )


def _refused(where: str, status: int) -> NoAnswerError:
    said = http.client.responses.get(status, "").lower()
    expected = "200"
    if status in (401, 403):
        expected = "an API key: --header-from-environment NAME sends that in the variable NAME"
    found = NoAnswerError(f"it answers {status} {said}".rstrip(), where=where, expected=expected)
    found.status = status
    return found
