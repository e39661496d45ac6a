"""A running server held to launches: who gave what isn't told, and nothing of it is guessed."""

from __future__ import annotations

import json
from typing import Any

from dsv4_env.catalogue import load
from dsv4_env.compare.effects import with_effects
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import with_model
from dsv4_env.compare.served import as_held
from dsv4_env.model import LaunchConfig
from dsv4_env.model.finding import Comparison
from dsv4_env.plan.planning import resolved
from dsv4_env.plan.platforms import platform
from dsv4_env.profile import load_profile
from dsv4_env.readers import bash, served
from tests.unit.server_info import answer

PROFILE = load_profile("pro-fp4")
SIDE = with_model(PROFILE)
ROCM = platform("mi355x")


def server(release: str = "0.5.23", **changed: Any) -> LaunchConfig:
    said = answer("pro-fp4", release, **changed)
    return served.launch(json.dumps(said).encode(), "http://h", "http://h/server_info")


def compared(running: LaunchConfig, *, planned: bool = True) -> Comparison:
    """As `check` compares it with the profile."""
    assert running.served is not None
    catalogue = load(running.served.release or "0.5.23")
    model = PROFILE.default_model_path
    one = resolved(PROFILE.config, catalogue, ROCM, model=model) if planned else None
    held = as_held(running, SIDE, catalogue, one)
    found = compare_launches(SIDE, held, catalogue=catalogue)
    return with_effects(found, PROFILE.config, held, catalogue, ROCM, model) if planned else found


def told(found: Comparison) -> dict[str, str]:
    return {f.subject: f"{f.rule.id} {f.text}" for f in found.findings if f.rule.id != "DSV016"}


def test_as_the_profile_says() -> None:
    """SGLang's own answer for the profile has no drift; nor where no platform is known."""
    for planned in (True, False):
        found = compared(server(), planned=planned)
        assert told(found) == {}
        (unknown,) = found.findings
        assert "variables of pro-fp4 can't be known: " in unknown.sentence
        assert unknown.effect[0].startswith("a server's answer says nothing")
        assert any(n.startswith("not compared, as SGLang may have set them:") for n in found.notes)
    assert any("are what SGLang 0.5.23 sets by itself" in n for n in compared(server()).notes)


def test_older_releases() -> None:
    for release in ("0.5.12", "0.5.13", "0.5.14", "0.5.16", "0.5.19", "0.5.20"):
        assert told(compared(server(release))) == {}, release


def test_what_is_otherwise() -> None:
    asked = "--model-path m --tp 4 --log-requests --chat-template t"
    found = told(
        compared(
            server(
                tp_size=4,
                trust_remote_code=False,
                log_requests=True,
                chat_template="t",
                launch_command=asked,
            )
        )
    )
    assert found["--tp"] == 'DSV003 --tp is "4"; pro-fp4 has "8": start it with that'
    assert found["--trust-remote-code"].startswith("DSV001 --trust-remote-code is missing")
    assert found["--log-requests"].startswith("DSV002 --log-requests is set; pro-fp4 doesn't")
    assert found["--chat-template"].endswith("; pro-fp4 doesn't have it: start it without")
    assert len(found) == 4


def test_a_value_at_the_parsers_default_is_none_that_somebody_gave() -> None:
    """Of what the profile gives it counts all the same."""
    found = told(compared(server(page_size=256, chunked_prefill_size=None, log_level="info")))
    assert list(found) == ["--chunked-prefill-size"]
    assert told(compared(server(log_level="debug")))["--log-level"].startswith("DSV002")


def test_what_sglang_should_have_set() -> None:
    found = told(compared(server(kv_cache_dtype="auto", sampling_backend="flashinfer")))
    assert found == {
        "--kv-cache-dtype": 'DSV003 --kv-cache-dtype is "auto"; pro-fp4 doesn\'t have it: '
        'start it without (SGLang should set "fp8_e4m3" (srt/arg_groups/overrides.py:912))',
        "--sampling-backend": 'DSV002 --sampling-backend is "flashinfer"; pro-fp4 doesn\'t have '
        'it: start it without (SGLang should set "pytorch" (srt/arg_groups/overrides.py:1022))',
    }


def test_without_a_platform_nothing_is_guessed() -> None:
    """What SGLang may set counts only where the command line gives it, or where none does."""
    own = {"kv_cache_dtype": "auto", "sampling_backend": "flashinfer"}
    assert told(compared(server(**own), planned=False)) == {}
    given = answer()["launch_command"] + " --sampling-backend flashinfer"
    found = told(compared(server(**own, launch_command=given), planned=False))
    assert list(found) == ["--sampling-backend"]
    older = told(compared(server("0.5.13", log_requests=True, random_seed=7), planned=False))
    assert list(older) == ["--log-requests"]


def test_a_file_on_the_other_side() -> None:
    running = server()
    (script,) = bash.read_all(
        "sglang serve deepseek-ai/DeepSeek-V4-Pro --page-size=256 --tensor-parallel-size 8 "
        '--max-running-requests "$N" --mem-fraction-static 0.5\n',
        "run.sh",
    )
    held = as_held(running, script, load("0.5.23"), None)
    assert [str(w) for a in held.args or () for w in a.words][:4] == [
        "--model-path",
        "deepseek-ai/DeepSeek-V4-Pro",
        "--page-size=256",
        "--tensor-parallel-size",
    ]
    found = told(compare_launches(script, held, catalogue=load("0.5.23")))
    assert found["--max-running-requests"].startswith("DSV005")
    assert found["--mem-fraction-static"].startswith("DSV003")
    assert "--tp-size" not in found


def test_two_servers_are_compared_as_they_are() -> None:
    running, other = server(), server(page_size=128)
    assert as_held(running, other, load("0.5.23"), None) is running
    found = told(compare_launches(running, other, catalogue=load("0.5.23")))
    assert list(found) == ["--page-size"]


def test_the_path_of_the_model_is_of_the_machine() -> None:
    """So is what is taken from it."""
    names = dict.fromkeys(("model_path", "tokenizer_path", "served_model_name"), "/models/v4")
    assert told(compared(server(**names))) == {}
    assert told(compared(server("0.5.17", **names))) == {}
    other = told(compared(server("0.5.17", **names | {"served_model_name": "v4"})))
    assert list(other) == ["--served-model-name"]


def test_a_secret_of_the_server_is_masked() -> None:
    asked = answer()["launch_command"] + " --api-key canary-key --admin-api-key canary-admin"
    found = compared(server(api_key="canary-key", admin_api_key="canary-x", launch_command=asked))
    assert told(found)["--api-key"].startswith('DSV002 --api-key is "********"; pro-fp4 doesn\'t')
    assert "canary" not in repr(found)
