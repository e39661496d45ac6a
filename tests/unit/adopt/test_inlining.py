"""Tests taken off their profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.adopt.inlining import inlined
from dsv4_env.adopt.proof import proved
from dsv4_env.adopt.rewriting import CannotRewrite
from dsv4_env.readers.taken import KnownProfiles
from tests.unit.adopt.putting import CASES, LAYER, TEST, place, put

GOLDEN = sorted(p for p in CASES.iterdir() if (p / "expected.py").is_file())
USED = """\
import os

from dsv4_env import load_profile
from sglang.test.test_utils import popen_launch_server

PROFILE = load_profile("mine", "launch")


class TestIt:
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server("m", "u", timeout=1, {given})
"""


def off(path: Path, text: str) -> str:
    return inlined(text, str(path), KnownProfiles(path.parent))


def test_there_and_back(tmp_path: Path) -> None:
    path = place(tmp_path)
    back = off(path, put(path))
    assert "dsv4_env" not in back
    assert "pathlib" not in back
    assert 'MODEL = os.environ.get("THE_MODEL", "m")\n' in back
    assert '            "SGLANG_USE_AITER": "1",\n' in back
    assert 'other_args=["--tp", "8", "--trust-remote-code"],\n' in back
    assert "timeout=3600,\n" in back
    assert proved(TEST, back, str(path), KnownProfiles(tmp_path)).wrong == []
    assert off(path, back) == back


@pytest.mark.parametrize("case", GOLDEN, ids=lambda p: p.name)
def test_each_case_there_and_back(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.name != "another-spelling":
        monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.13")
    (tmp_path / "launch").mkdir()
    for layer in case.glob("*.toml"):
        (tmp_path / "launch" / layer.name).write_bytes(layer.read_bytes())
    path = tmp_path / "input.py"
    path.write_bytes((case / "input.py").read_bytes())
    known = KnownProfiles(tmp_path)
    back = inlined((case / "expected.py").read_text(), str(path), known)
    assert "load_profile" not in back
    found = proved(path.read_bytes(), back, str(path), known)
    assert found.wrong == []


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ("other_args=PROFILE.server_args", ['other_args=["--tp", "8", "--trust-remote-code"]']),
        ('other_args=[*PROFILE.server_args, "--port", "1"]',
         ['other_args=["--tp", "8", "--trust-remote-code", "--port", "1"]']),
        ('other_args=PROFILE.server_args + ["--x"]',
         ['other_args=["--tp", "8", "--trust-remote-code"] + ["--x"]']),
        ("env={**PROFILE.launch_env(os.environ), 'B': '1'}",
         ["                **os.environ,\n", '"SGLANG_USE_AITER": "1",\n', "'B': '1',\n"]),
        ("env={'C': '1', **PROFILE.env}", ["'C': '1',\n", '"SGLANG_USE_AITER": "1",\n',
         '"SGLANG_HACK_FLASHMLA_BACKEND": "unified_kv_triton",\n']),
        ("env=PROFILE.launch_env({})", ['"SGLANG_HACK_FLASHMLA_BACKEND": "unified_kv_triton",\n']),
        ('other_args=["--tp", str(PROFILE.get("launch", "timeout-seconds"))]', ["str(3600)"]),
        ("other_args=load_profile('mine', 'launch').server_args", ['"--trust-remote-code"]']),
    ],
)  # fmt: skip
def test_how_it_is_written_out(tmp_path: Path, given: str, lines: list[str]) -> None:
    path = place(tmp_path)
    text = USED.replace("{given}", given)
    back = off(path, text)
    assert all(line in back for line in lines), back


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("other_args=list(PROFILE.command())", ".command of mine gives isn't a value"),
        ("env=launched(PROFILE)", "mine is used as a whole here"),
        ("env=PROFILE.launch_env(ask())", "the environment isn't a plain name"),
        ("env=load_profile('nothing', 'launch').env", "unknown profile 'nothing'"),
        ("env=load_profile(ask(), 'launch').env", "which profile it loads isn't known"),
    ],
)
def test_what_cant_be_written_out(tmp_path: Path, given: str, reason: str) -> None:
    path = place(tmp_path)
    with pytest.raises(CannotRewrite, match=reason) as caught:
        off(path, USED.replace("{given}", given))
    assert caught.value.location is not None


def test_what_the_environment_has_to_hold_is_asked_of_it(tmp_path: Path) -> None:
    layer = LAYER.replace("[env]\n", "[env]\nHF_TOKEN = {from-environment = true}\n")
    path = place(tmp_path, layer=layer)
    back = off(path, USED.replace("{given}", "env=PROFILE.launch_env(os.environ)"))
    assert '"HF_TOKEN": os.environ["HF_TOKEN"],\n' in back


def test_no_secret_is_written_into_a_test(tmp_path: Path) -> None:
    path = place(tmp_path, layer=LAYER + '--api-key = "sk-0123456789abcdefghij"\n')
    with pytest.raises(CannotRewrite, match="--api-key holds what looks like a secret"):
        off(path, USED.replace("{given}", "other_args=PROFILE.server_args"))


def test_what_a_fixture_gives_isnt_written_out(tmp_path: Path) -> None:
    path = place(tmp_path)
    text = """\
import pytest

@pytest.mark.dsv4_profile("flash-fp4")
def test_it(dsv4_server):
    pass
"""
    with pytest.raises(CannotRewrite, match="flash-fp4 comes from a fixture"):
        off(path, text)
    assert off(path, "print(1)\n") == "print(1)\n"
