"""``--config FILE``: what SGLang merges below the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dsv4_env.catalogue import load
from dsv4_env.lint import lint, rule_ids
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
        ("page-size: 1e3", "--page-size 1e3"),  # a text to PyYAML
        ("enable-nsa-prefill-context-parallel: true", "--enable-nsa-prefill-context-parallel"),
        ("dllm-fdfo: false", "--dllm-fdfo false"),
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


@pytest.mark.parametrize(
    "text",
    "1_000 017 0x1f 0b11 1:30 -1:0:5 .5 1.e+3 .inf -.INF .nan -8 +8 08 0o17 ~ null off 'off' 1.5"
    " 2026-01-02".split(),
)
def test_a_value_is_what_pyyaml_makes_of_it(tmp_path: Path, text: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    value = yaml.load(f"x: {text}")["x"]
    expected = str(value).lower() if isinstance(value, bool) else str(value)
    assert launch(tmp_path, f"x: {text}").argv[:2] == ["--x", expected]


@pytest.mark.parametrize(
    ("release", "config", "why"),
    [
        ("0.5.23", "dllm-fdfo: false", "--dllm-fdfo: a file for --config may not give it (Bool"),
        ("0.5.23", "lora-paths: [a]", "(LoRAPathAction)"),
        ("0.5.22", "enable_dp_attention: true", "(DeprecatedStoreTrueAction)"),
        ("0.5.16", "enable-dp-attention: true", ""),
        ("0.5.16", "cuda-graph-bs-decode: [1]", ", as --cuda-graph-bs goes by the same name"),
        ("0.5.16", "cuda-graph-bs: [1]", ""),
        ("0.5.23", "enable-amd-monokernel: true", ""),
        ("0.5.23", "cuda-graph-bs-decode: [1, 2]", ""),
        ("0.5.23", "tp-size: 8", ""),
    ],
)
def test_what_a_release_refuses_from_a_file(
    tmp_path: Path, release: str, config: str, why: str
) -> None:
    found = lint(launch(tmp_path, config), load(release), select=rule_ids(["DSV112"]))
    assert len(found) == bool(why)
    assert all(why in p.message for p in found)


def test_a_second_file_is_refused(tmp_path: Path) -> None:
    found = launch(tmp_path, "tp-size: 4", "--config a.yaml --config c.yaml")
    told = lint(found, load("0.5.23"), select=rule_ids(["DSV112"]))
    assert [(p.message, p.effect) for p in told] == [
        ("this is a second --config", ("SGLang 0.5.23 stops",))
    ]


@pytest.mark.parametrize(
    ("config", "words", "why"),
    [
        (None, "--config c.yaml", "isn't there; --root names"),
        ("- a", "--config c.yaml", "no mapping"),
        ("a: 1\n---\nb: 2", "--config c.yaml", "a second document"),
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


MANIFEST = """\
apiVersion: v1
kind: Pod
spec: {containers: [{name: a, command: [sglang, serve, --config, conf/c.yaml, --tp-size, "8"]}]}
"""
COMPOSE = "services: {a: {command: sglang serve --config conf/c.yaml --tp-size 8}}\n"
TEST = 'popen_launch_server("m", "u", 9, other_args=["--config", "conf/c.yaml", "--tp-size", "8"])'


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", MANIFEST), ("compose.yaml", COMPOSE), ("test_a.py", TEST)]
)
def test_a_file_below_the_root(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/c.yaml").write_text("page-size: 64\ntp-size: 4\n")
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / name
    file.write_text(text)
    (found,) = read(file.read_bytes(), file, HowRead(root=tmp_path))
    words = [w for w in found.argv if w not in ("--model-path", "m")]
    assert words == ["--page-size", "64", "--tp-size", "4", "--tp-size", "8"]
    (lost,) = read(file.read_bytes(), file, HowRead())
    assert lost.unknowns


@pytest.mark.parametrize(
    "words",
    [
        '"$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/conf/c.yaml"',
        '"$(dirname "$0")/conf/c.yaml"',
        '"$(dirname "$0")/../deep/conf/c.yaml"',
    ],
)
def test_a_file_that_the_script_names_by_its_own_folder(tmp_path: Path, words: str) -> None:
    (tmp_path / "deep/conf").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "deep/conf/c.yaml").write_text("page-size: 64\n")
    script = tmp_path / "deep/run.sh"
    script.write_text(f"sglang serve --config {words} --tp-size 8\n")
    (found,) = read(script.read_bytes(), script, HowRead(root=tmp_path))
    assert found.argv == ["--page-size", "64", "--tp-size", "8"]
    (lost,) = read(script.read_bytes(), script, HowRead(root=tmp_path / "other"))
    assert lost.unknowns
