"""``url:http://HOST:PORT``: a running server by what it says of itself, in every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.server_info import StandIn, answer, bytes_route, json_route, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result

    Run = Callable[..., Result]

OTHER: dict[str, Any] = {
    "tp_size": 4,
    "log_requests": True,
    "launch_command": "--model-path m --tp 4 --log-requests",
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with serving(
        {
            "/server_info": json_route(answer()),
            "/other/server_info": json_route(answer(**OTHER)),
            "/old/get_server_info": json_route(answer(release="0.5.13")),
            "/page/server_info": bytes_route(b"<html></html>"),
            "/closed/server_info": bytes_route(b"", 401),
        }
    ) as found:
        yield found


def test_check(run: Run, server: StandIn) -> None:
    result = run("check", "pro-fp4", "--against", f"url:{server.url}")
    assert result.code == 0
    assert "note: read as SGLang 0.5.23 reads it\n" in result.out
    assert "no drift (19 settings compared, 7 unknown; 1 note)" in result.out
    result = run("check", "pro-fp4", "--against", f"url:{server.url}/other")
    assert result.code == 1
    assert result.out.startswith(
        f'{server.url}/other/server_info: error: --tp is "4"; pro-fp4 has "8": start it with that '
        "[DSV003]\n"
    )
    result = run("check", "pro-fp4", "--against", f"url:{server.url}/old", "-f", "concise")
    assert result.code == 0
    assert "read as SGLang 0.5.13 reads it" in result.out


def test_one_of_several_is_not_there(run: Run, server: StandIn) -> None:
    """It costs one finding at its address, and the others are held all the same."""
    words = ("--against", f"url:{server.url}/page", "--against", f"url:{server.url}")
    result = run("check", "pro-fp4", *words, "-f", "concise")
    assert result.code == 2
    assert f"{server.url}/page/server_info: error: DSV010 it answers with a page" in result.out
    assert "1 launch: problems (19 settings compared" in result.out
    said = run("check", "pro-fp4", *words, "-f", "sarif").out
    assert "artifactLocation" not in said.partition('"results"')[2].partition("relatedLoc")[0]
    assert f'"fullyQualifiedName": "{server.url}/server_info"' in said
    assert "file=http" not in run("check", "pro-fp4", *words, "-f", "github").out


def test_the_environment_is_open(run: Run, server: StandIn) -> None:
    """No variable is missing; with --strict, what isn't known fails."""
    words = ("check", "pro-fp4", "--against", f"url:{server.url}")
    data = json.loads(run(*words, "-f", "json").out)
    assert [f["id"] for f in data["comparisons"][0]["findings"]] == ["DSV016"]
    assert "is missing" not in run(*words).out
    assert run(*words, "--strict").code == 1


def test_what_is_ignored(run: Run, server: StandIn) -> None:
    words = ("check", "pro-fp4", "--against", f"url:{server.url}/other", "-f", "concise")
    assert run(*words, "--ignore", "--tp", "--ignore", "tp-size").code == 0
    assert run(*words, "--sglang", "0.5.22").out.count("read as SGLang 0.5.22") == 1


def test_the_release_is_the_servers_own(run: Run, server: StandIn) -> None:
    Path("pyproject.toml").write_text('[tool.dsv4_env]\nsglang = "0.5.16"\n')
    words = ("check", "pro-fp4", "--against", f"url:{server.url}")
    assert "read as SGLang 0.5.23 reads it" in run(*words).out
    with serving(answer(version="0.0.0.dev1")) as odd:
        result = run("check", "pro-fp4", "--against", f"url:{odd.url}")
    assert "note: it says it is SGLang 0.0.0.dev1, which isn't known" in result.out
    assert "read as SGLang 0.5.16 reads it" in result.out


def test_the_spelling_is_not_told(run: Run, server: StandIn) -> None:
    for words in (("check", "pro-fp4", "--against"), ("diff", "pro-fp4")):
        result = run(*words, f"url:{server.url}", "--exact")
        assert result.code == 2
        assert "expected no --exact" in result.err


def test_diff(run: Run, server: StandIn) -> None:
    result = run("diff", "pro-fp4", f"url:{server.url}")
    assert result.code == 0, result.out
    result = run("diff", "pro-fp4", f"url:{server.url}/other")
    assert result.code == 1
    assert '~ --tp            "8" → "4"' in result.out
    result = run("diff", f"url:{server.url}/other", "pro-fp4")
    assert result.code == 1
    assert "2 differences in" in result.out
    result = run("diff", f"url:{server.url}/other", f"url:{server.url}")
    assert '~ --tp-size       "4" → "8"' in result.out
    assert run("diff", f"url:{server.url}", "env:").code == 0


def test_diff_with_a_file(run: Run, server: StandIn) -> None:
    Path("run.sh").write_text("python3 -m sglang.launch_server --model-path m --tp 4\n")
    result = run("diff", "run.sh", f"url:{server.url}/other")
    assert "+ --log-requests" in result.out
    assert "--tp " not in result.out
    assert "--kv-cache-dtype" not in result.out.partition("note:")[0]


def test_show(run: Run, server: StandIn) -> None:
    result = run("show", f"url:{server.url}")
    assert result.out.startswith(f"{server.url}: SGLang 0.5.23\n\nServer arguments\n")
    assert "  --kv-cache-dtype " in result.out
    assert "--log-level" not in result.out
    (data,) = json.loads(run("show", f"url:{server.url}", "--json").out)
    assert data["version"] == "0.5.23"
    assert data["location"] == f"{server.url}/server_info"


def test_plan(run: Run, server: StandIn) -> None:
    result = run("plan", "pro-fp4", "--against", f"url:{server.url}")
    assert result.code == 0
    assert result.out.startswith(f"pro-fp4 on SGLang 0.5.23, mi355x, against {server.url}\n")
    result = run("plan", "pro-fp4", "--against", f"url:{server.url}/other", "-f", "json")
    assert result.code == 1
    assert json.loads(result.out)["differs"] is True
    result = run("plan", "pro-fp4", "--against", f"url:{server.url}/other", "-f", "markdown")
    assert "| ~ | `--tp` | `8` | `4` |" in result.out
    assert run("plan", "pro-fp4", "--against", f"url:{server.url}/old").code == 0


def test_what_a_plan_is_not_held_to(run: Run, server: StandIn) -> None:
    url = f"url:{server.url}"
    Path("run.sh").write_text("sglang serve deepseek-ai/DeepSeek-V4-Pro --tp 8\n")
    for words, said in (
        ((url,), f"not which were given; expected plan PROFILE --against {url}"),
        (("pro-fp4", "--against", "run.sh"), "expected url:http://HOST:PORT"),
        (("pro-fp4", "--against", url, "--fail-on", "overwritten"), "--against and --fail-on"),
        (("run.sh", "--against", url), "run.sh says no platform; expected --on PLATFORM"),
    ):
        result = run("plan", *words)
        assert result.code == 2
        assert said in result.err
    assert run("plan", "run.sh", "--against", url, "--on", "mi355x").code == 1


def test_doctor(run: Run, server: StandIn) -> None:
    result = run("doctor", "pro-fp4", "--url", server.url)
    assert result.code == 0
    assert f"note: {server.url}: it runs SGLang 0.5.23\n" in result.out
    assert f"note: {server.url}: it serves deepseek-ai/DeepSeek-V4-Pro\n" in result.out
    result = run("doctor", "--url", f"{server.url}/other")
    assert result.code == 1
    assert "the nearest profile is pro-fp4\n" in result.out
    with serving(answer(model_path="/m", served_model_name="llama")) as odd:
        result = run("doctor", "pro-fp4", "--url", f"url:{odd.url}")
    assert "it serves /m as llama, whose name doesn't say that it is a DeepSeek-V4" in result.out
    result = run("doctor", "--url", server.url, "--port", "1")
    assert result.code == 2
    assert "exclude each other" in result.err
    assert "expected --url URL with it" in run("doctor", "--header-from-environment", "PATH").err


def test_report(run: Run, server: StandIn) -> None:
    words = ("report", "pro-fp4", "--against", f"url:{server.url}/other", "--html", "-")
    result = run(*words)
    assert result.code == 0
    assert server.url in result.out


def test_what_is_given_is_not_told(run: Run, server: StandIn) -> None:
    for words in (("import", f"url:{server.url}", "--as", "x"), ("sync", "pro-fp4", "--from")):
        result = run(*words, *([f"url:{server.url}"] if words[0] == "sync" else []))
        assert result.code == 2
        assert "says what became of its arguments, not which were given" in result.err


@pytest.mark.parametrize("command", ["check", "diff", "show", "plan", "doctor", "report"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("page", "it answers with a page of HTML; expected what SGLang's /server_info answers"),
        ("closed", "it answers 401 unauthorized; expected an API key: --header-from-environment"),
        ("none", "it answers 404 not found; expected a server of SGLang, which has /server_info"),
    ],
)
def test_one_message(command: str, path: str, said: str, run: Run, server: StandIn) -> None:
    url = f"{server.url}/{path}"
    words = {
        "check": ("check", "pro-fp4", "--against", f"url:{url}"),
        "diff": ("diff", "pro-fp4", f"url:{url}"),
        "show": ("show", f"url:{url}"),
        "plan": ("plan", "pro-fp4", "--against", f"url:{url}"),
        "doctor": ("doctor", "--url", url),
        "report": ("report", "pro-fp4", "--against", f"url:{url}", "--html", "x.html"),
    }[command]
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"dsv4-env: error: {url}/server_info: {said}")
    assert result.err.count("\n") == 1
    assert not Path("x.html").exists()


def test_an_address_without_url(run: Run) -> None:
    for words in (("show",), ("check", "pro-fp4", "--against"), ("diff", "pro-fp4")):
        result = run(*words, "http://h:30000")
        assert result.code == 2
        assert "http://h:30000 is no file; expected a file. Did you mean url:http://h:30000?" in (
            result.err
        )


def test_a_header(run: Run, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent to the server where it's asked for, and nowhere shown."""
    monkeypatch.setenv("MY_KEY", "canary-0123456789")
    run("show", f"url:{server.url}")
    result = run("show", f"url:{server.url}", "--header-from-environment", "MY_KEY")
    assert result.code == 0
    words = ("--header-from-environment", "X-Key=MY_KEY")
    assert run("check", "pro-fp4", "--against", f"url:{server.url}", *words).code == 0
    assert run("doctor", "pro-fp4", "--url", server.url, *words).code == 0
    sent = [(h.get("Authorization"), h.get("X-Key")) for _, h in server.asked]
    key = "canary-0123456789"
    assert sent == [(None, None), (f"Bearer {key}", None), (None, key), (None, key)]
    result = run("show", f"url:{server.url}", "--header-from-environment", "NOT_SET")
    assert result.code == 2
    assert "the variable that --header-from-environment names isn't set" in result.err


def test_an_echo_of_the_key_is_masked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "canary-0123456789")
    said: dict[str, Any] = answer(chat_template="x canary-0123456789 y", api_key="canary-other")
    with serving(said) as server:
        for more in ((), ("--json",), ("--origin",)):
            words = ("show", f"url:{server.url}", "--header-from-environment", "MY_KEY", *more)
            result = run(*words)
            assert result.code == 0
            assert "--api-key" in result.out
            assert "canary" not in result.out + result.err
