"""``--config FILE``: what SGLang merges below the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.readers import HowRead, read


def launch(tmp_path: Path, config: str | None, words: str = "--config c.yaml") -> LaunchConfig:
    if config is not None:
        (tmp_path / "c.yaml").write_text(config)
    script = tmp_path / "run.sh"
    script.write_text(f"sglang serve --host h {words} --tp-size 8\n")
    (found,) = read(script.read_bytes(), script, HowRead())
    return found


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("tp-size: 4", "--tp-size 4"),
        ("mem-fraction-static: 0.90", "--mem-fraction-static 0.9"),
        ('mem-fraction-static: "0.90"', "--mem-fraction-static 0.90"),
        ("trust-remote-code: yes", "--trust-remote-code"),
        ("disable-radix-cache: false", ""),
        ("cuda-graph-bs: [1, 2, 4]", "--cuda-graph-bs 1 2 4"),
        ("cuda-graph-bs: []", ""),
        ("model-path: m", "--model-path m"),
        ("no-such-flag: true", "--no-such-flag true"),
        ("page_size: 64", "--page_size 64"),
        ("", ""),
    ],
)
def test_what_it_adds_stands_in_front(tmp_path: Path, config: str, words: str) -> None:
    found = launch(tmp_path, config)
    assert found.argv == [*words.split(), "--host", "h", "--tp-size", "8"]
    for arg in found.args or ():
        in_file = str(arg.location).startswith(str(tmp_path / "c.yaml"))
        assert in_file is (arg.origin.name == "config")


def test_json_is_written_anew(tmp_path: Path) -> None:
    found = launch(tmp_path, "json-model-override-args: {a: 1}")
    assert found.argv[:2] == ["--json-model-override-args", '{"a": 1}']


def test_a_switch_with_two_sides_stops_the_start(tmp_path: Path) -> None:
    found = launch(tmp_path, "dllm-fdfo: false")
    assert "SGLang stops on dllm-fdfo" in found.notes[-1].message


@pytest.mark.parametrize(
    ("config", "words", "why"),
    [
        (None, "--config c.yaml", "isn't there; --root names"),
        ("- a", "--config c.yaml", "no mapping"),
        ("a: 1", "--config c.yaml2", "takes .yaml and .yml files only"),
        ("a: 1", "--config ../../../../etc/hosts.yaml", "isn't there"),
        ("a: 1", '--config "$C"', "isn't known"),
    ],
)
def test_what_cannot_be_read_may_hold_any_flag(
    tmp_path: Path, config: str | None, words: str, why: str
) -> None:
    found = launch(tmp_path, config, words)
    (word,) = (w for w in found.argv if isinstance(w, Unknown))
    assert why in word.reason
    assert (found.args or ())[0].flag is None


@pytest.mark.parametrize("words", ["--config=c.yaml", "--config a.yaml --config c.yaml"])
def test_what_sglang_does_not_read_stays(tmp_path: Path, words: str) -> None:
    found = launch(tmp_path, "tp-size: 4", words)
    assert "--tp-size 4" not in " ".join(map(str, found.argv))
    assert any(a.flag == "--config" for a in found.args or ())
