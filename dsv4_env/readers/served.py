"""Running servers, by what they say of themselves over HTTP: values that arguments have in the end.

Source: ``server_info`` of sglang/srt/entrypoints/http_server.py. Up to 0.5.18 it answers with the
record of arguments, which resolution has written into; from then on with what
``ServerArgs.resolved_dict`` gives, and from 0.5.20 on with ``launch_command``: the words of the
command line, joined by blanks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsv4_env.catalogue import load, nearest
from dsv4_env.catalogue.records import arguments, is_default
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.guard import web
from dsv4_env.model import LaunchConfig, Location, Note, Served
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import meet
from dsv4_env.readers.kind import passable

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

READER = "server"
_PATHS = ("/server_info", "/get_server_info")  # the second one of releases before 0.5.10
_GONE = (404, 405)
# Fields of the record that the parser of releases before 0.5.14 calls otherwise: from_cli_args in
# sglang/srt/server_args.py.
_FIELDS = {
    "tp_size": "tensor_parallel_size",
    "pp_size": "pipeline_parallel_size",
    "dp_size": "data_parallel_size",
    "ep_size": "expert_parallel_size",
    "attn_cp_size": "attention_context_parallel_size",
    "moe_dp_size": "moe_data_parallel_size",
}
_SIGNS = ("model_path", "tp_size")  # fields that each release has
_EXPECTED = "what SGLang's /server_info answers"
_OPEN = Note(
    "a server's answer says nothing of its environment",
    opens=True,
    settled="read it as pid:N or port:N on its machine",
)


def read(url: str, headers: Mapping[str, str]) -> LaunchConfig:
    """What the server at an address says of itself, as a launch.

    Its arguments are those with another value than the parser's default: who gave them, the
    launcher or SGLang, isn't said. Raises ReadError where it doesn't answer, or with anything else;
    UsageError for what is no address.
    """
    place = web.address(url)
    for path in _PATHS:
        if place.path.endswith(path):
            place = web.address(str(place).removesuffix(path))
    data, path = _answer(place, headers)
    return launch(data, str(place), f"{place}{path}")


def _answer(place: web.Address, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """The answer, and the path that has it."""
    try:
        return web.get(place, _PATHS[0], headers), _PATHS[0]
    except web.NoAnswerError as exc:
        if exc.status not in _GONE:
            raise
        first = exc
    try:
        return web.get(place, _PATHS[1], headers), _PATHS[1]
    except web.NoAnswerError as exc:
        if exc.status not in _GONE:
            raise
    first.expected = f"a server of SGLang, which has {_PATHS[0]}"
    raise first


def launch(data: bytes, name: str, where: str) -> LaunchConfig:
    """The launch that an answer describes; *where* is the address that gave it."""
    fields = _fields(data, where)
    version = fields.get("version")
    version = version if isinstance(version, str) else ""
    release, note = _release(version)
    catalogue = load(release or RELEASES[-1])
    names = {a.dest for a in catalogue.arguments.values()}
    for field, parsed in _FIELDS.items():
        if parsed in names and field in fields:
            fields[parsed] = fields.pop(field)
    at = Location(where)
    told = (
        said
        for said in arguments(fields, catalogue, READER, at)
        if not is_default(catalogue, *said)
    )
    config = LaunchConfig(
        name,
        READER,
        (),
        tuple(arg for _, arg in told),
        location=at,
        notes=(_OPEN, *([Note(note)] if note else [])),
        served=Served(version, release, fields, _asked(fields.get("launch_command"), catalogue)),
    )
    config = passable(config)
    meet(config)
    return config


def _fields(data: bytes, where: str) -> dict[str, object]:
    try:
        found = json.loads(data)
        if b"\\ud" in data.lower():  # halves of characters, which no text has
            text = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
            found = json.loads(text)
    except RecursionError:
        raise ReadError("JSON that is nested too deeply", where=where, expected=_EXPECTED) from None
    except ValueError:
        begins = data.lstrip()[:1]
        what = "no JSON" if begins != b"<" else "a page of HTML"
        if begins in (b"{", b"["):
            what = "JSON that breaks off, or is none"
        raise ReadError(f"it answers with {what}", where=where, expected=_EXPECTED) from None
    if not isinstance(found, dict) or any(sign not in found for sign in _SIGNS):
        raise ReadError("JSON that isn't of SGLang", where=where, expected=_EXPECTED)
    return found


def _release(version: str) -> tuple[str | None, str | None]:
    """The known release that a version is read as, and what is to be said of it."""
    try:
        release, note = nearest(version)
    except ReadError:
        said = f"it says it is SGLang {version}" if version else "it doesn't say its release"
        return None, f"{said}, which isn't known: its arguments are read as {RELEASES[-1]}"
    return release, note


def _asked(command: object, catalogue: Catalogue) -> frozenset[str] | None:
    """The names of what a command line gives; of a call of the engine, nothing is known."""
    if not isinstance(command, str) or command.startswith("Engine("):
        return None
    found = (catalogue.argument(word) for word in command.split() if word.startswith("--"))
    return frozenset(match.argument.dest for match in found if match and match.argument)
