"""What a running server says of itself, read as a launch."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from dsv4_env.catalogue import load
from dsv4_env.catalogue.records import arguments, is_default
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.model.errors import ReadError, UsageError
from dsv4_env.readers import served
from tests.unit.server_info import answer, bytes_route, json_route, serving


def launch(said: object) -> Any:
    return served.launch(json.dumps(said).encode(), "http://h:1", "http://h:1/server_info")


def words(config: Any, flag: str) -> list[str] | None:
    return next(([str(w) for w in a.words] for a in config.args if a.flag == flag), None)


def test_a_server() -> None:
    with serving(answer()) as server:
        config = served.read(server.url, {"X-Key": "k"})
    assert [(path, head["X-Key"]) for path, head in server.asked] == [("/server_info", "k")]
    assert config.name == server.url
    assert str(config.location) == f"{server.url}/server_info"
    assert (config.reader, config.env, config.command) == ("server", (), ())
    assert words(config, "--tp-size") == ["--tp-size", "8"]
    assert words(config, "--page-size") == ["--page-size", "256"]
    assert words(config, "--trust-remote-code") == ["--trust-remote-code"]
    assert words(config, "--log-level") is None  # the parser's default
    assert words(config, "--custom-weight-loader") is None  # an empty list
    assert [n.opens for n in config.notes] == [True]
    assert config.served is not None
    assert (config.served.version, config.served.release) == ("0.5.23", "0.5.23")
    assert config.served.asked is not None
    assert {"tp_size", "page_size", "model_path"} <= config.served.asked
    assert "kv_cache_dtype" not in config.served.asked


def test_a_path_that_names_the_endpoint() -> None:
    with serving({"/a/server_info": json_route(answer())}) as server:
        for url in (f"{server.url}/a/", f"{server.url}/a/server_info"):
            assert served.read(url, {}).name == f"{server.url}/a"


def test_a_release_before_0_5_10() -> None:
    with serving({"/get_server_info": json_route(answer())}) as server:
        config = served.read(server.url, {})
    assert [path for path, _ in server.asked] == ["/server_info", "/get_server_info"]
    assert str(config.location).endswith("/get_server_info")


def test_another_server() -> None:
    with serving({}) as server, pytest.raises(ReadError) as told:
        served.read(server.url, {})
    assert str(told.value) == (
        f"{server.url}/server_info: it answers 404 not found; "
        "expected a server of SGLang, which has /server_info"
    )
    closed = {"/get_server_info": bytes_route(b"", 401)}
    with serving(closed) as server, pytest.raises(ReadError, match="401 unauthorized"):
        served.read(server.url, {})
    with pytest.raises(UsageError, match="says no scheme"):
        served.read("h:30000", {})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html>canary</html>", "it answers with a page of HTML"),
        (b"", "it answers with no JSON"),
        (b"canary", "it answers with no JSON"),
        (b'{"tp_size": 8, "api_key": "canary', "JSON that breaks off, or is none"),
        (b"[" * 200_000, "JSON that is nested too deeply"),
        (b'{"a":' * 200_000, "JSON that is nested too deeply"),
        (b'{"tp_size": ' + b"9" * 10_000 + b"}", "JSON that breaks off, or is none"),
        (b"\xff\xfe", "no JSON"),
        (b"null", "JSON that isn't of SGLang"),
        (b'[{"tp_size": 8}]', "JSON that isn't of SGLang"),
        (b'{"detail": "Not Found"}', "JSON that isn't of SGLang"),
    ],
)
def test_what_is_no_answer(data: bytes, said: str) -> None:
    with pytest.raises(ReadError) as told:
        served.launch(data, "http://h:1", "http://h:1/server_info")
    assert str(told.value) == (
        f"http://h:1/server_info: {told.value.found}; expected what SGLang's /server_info answers"
    )
    assert said in told.value.found
    assert "canary" not in str(told.value)


@pytest.mark.parametrize(
    ("version", "release", "said"),
    [
        ("0.5.16", "0.5.16", None),
        ("0.5.23.dev12+gabcdef", "0.5.22", "0.5.23.dev12+gabcdef"),
        ("99.0", "0.5.23", "99.0"),
        ("0.0.0.dev1", None, "it says it is SGLang 0.0.0.dev1, which isn't known"),
        ("canary\x1b[31m", None, "which isn't known"),
        (None, None, "it doesn't say its release"),
        (5, None, "it doesn't say its release"),
    ],
)
def test_releases(version: object, release: str | None, said: str | None) -> None:
    config = launch(answer() | {"version": version})
    assert config.served.release == release
    notes = [n.message for n in config.notes if not n.opens]
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]
    if release is None:
        assert f"read as {RELEASES[-1]}" in notes[0]


def test_fields_that_the_parser_calls_otherwise() -> None:
    config = launch(answer(release="0.5.13", tp_size=4, ep_size=2))
    assert words(config, "--tensor-parallel-size") == ["--tensor-parallel-size", "4"]
    assert words(config, "--expert-parallel-size") == ["--expert-parallel-size", "2"]
    assert config.served.asked is None


def test_what_a_call_of_the_engine_asks_for_is_not_known() -> None:
    config = launch(answer() | {"launch_command": "Engine(tp_size=8)"})
    assert config.served.asked is None
    assert config.served.unasked("tp_size")
    assert not launch(answer(release="0.5.13")).served.unasked("tp_size")


@pytest.mark.parametrize(
    ("name", "value", "spelled"),
    [
        ("page_size", 128, ["--page-size", "128"]),
        ("mem_fraction_static", 0.5, ["--mem-fraction-static", "0.5"]),
        ("log_requests", True, ["--log-requests"]),
        ("log_requests", False, None),
        ("enable_tp_lm_head_all_to_all", False, ["--no-enable-tp-lm-head-all-to-all"]),
        ("cuda_graph_bs_decode", [1, 2], ["--cuda-graph-bs-decode", "1", "2"]),
        ("cuda_graph_config", {"a": 1}, ["--cuda-graph-config", '{"a": 1}']),
        ("page_size", None, None),
        ("chat_template", "é\x00", ["--chat-template", "é\x00"]),
    ],
)
def test_what_a_field_stands_for(name: str, value: object, spelled: list[str] | None) -> None:
    found = dict(arguments({name: value}, load("0.5.23"), "server"))
    assert [str(w) for a in found.values() for w in a.words] == (spelled or [])


def test_the_parsers_defaults() -> None:
    """Each default of the parser, as the record has it, is known as one."""
    for release in ("0.5.13", "0.5.23"):
        catalogue = load(release)
        for argument in catalogue.arguments.values():
            if argument.default is None or argument.deprecated or not argument.takes_value:
                continue
            value = argument.default
            with contextlib.suppress(ValueError):
                value = json.loads(argument.default)
            for name, arg in arguments({argument.dest: value}, catalogue, "server"):
                assert is_default(catalogue, name, arg), arg


def test_halves_of_characters() -> None:
    data = json.dumps(answer(chat_template="a")).encode().replace(b'"a"', b'"\\ud800"', 1)
    config = served.launch(data, "n", "w")
    assert config.served is not None
    assert "\ud800" not in str(config.served.fields)


def test_a_value_that_no_process_can_be_given() -> None:
    config = launch(answer(chat_template="x" * 200_000))
    assert "longer than" in str(next(iter(config.unknowns)).reason)
