"""Kubernetes: $(NAME), ConfigMaps, scripts, and every kind that holds pods."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import READERS, kubernetes


def pod(container: dict[str, object]) -> LaunchConfig:
    spec = {"containers": [{"name": "c", **container}]}
    text = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    (config,) = kubernetes.read_all(text, "f.yml")
    return config


def env(**values: str) -> list[dict[str, str]]:
    return [{"name": n, "value": v} for n, v in values.items()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "a"),
        ("x$(A)$(B)y", "xabay"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$(NOPE)", "$(NOPE)"),
        ("$(A", "$(A"),
        ("$A", "$A"),
        ("${A}", "${A}"),
        ("$", "$"),
        ("$(a b)", "$(a b)"),
    ],
)
def test_references(text: str, expected: str) -> None:
    container: dict[str, object] = {
        "env": env(A="a", B="b$(A)"),
        "command": ["sglang", "serve", "--x", text],
    }
    assert pod(container).argv == ["--x", expected]


def test_only_what_is_set_before_is_filled_in() -> None:
    config = pod({"env": env(A="$(B)", B="b"), "command": ["sglang", "serve"]})
    assert config.effective_env["A"].value == "$(B)"


def test_what_the_cluster_sets_is_unknown() -> None:
    config = pod({"command": ["sglang", "serve", "--x=$(API_SERVICE_HOST):$(LWS_GROUP_SIZE)"]})
    (value,) = config.argv
    assert isinstance(value, Unknown)
    assert value.names == ("API_SERVICE_HOST", "LWS_GROUP_SIZE")


def test_a_script_has_its_arguments_and_options() -> None:
    script = 'export A="$1"; exec sglang serve --x "$2" --y ${3:-none} $(B) "$C"'
    container: dict[str, object] = {
        "env": env(B="--b", C="c"),
        "command": ["/bin/bash", "-euc", script, "zero", "one", "two words"],
    }
    config = pod(container)
    assert config.argv == ["--x", "two words", "--y", "none", "--b", "c"]
    assert config.effective_env["A"].value == "one"


def test_names_that_only_an_image_without_shell_gets() -> None:
    values = [{"name": "a.b", "value": "1"}, {"name": "IFS", "value": "x"}]
    assert [e.name for e in pod({"env": values, "command": ["sglang", "serve"]}).env] == [
        "a.b",
        "IFS",
    ]
    config = pod({"env": values, "command": ["sh", "-c", "sglang serve"]})
    assert config.env == ()
    assert len(config.notes) == 2


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Pod", "spec"),
        ("Deployment", "spec.template.spec"),
        ("StatefulSet", "spec.template.spec"),
        ("DaemonSet", "spec.template.spec"),
        ("Job", "spec.template.spec"),
        ("CronJob", "spec.jobTemplate.spec.template.spec"),
        ("LeaderWorkerSet", "spec.leaderWorkerTemplate.workerTemplate.spec"),
        ("Unheard", "spec.a.b.spec"),
    ],
)
def test_kinds(kind: str, path: str) -> None:
    spec: dict[str, object] = {"containers": [{"name": "c", "command": ["sglang", "serve"]}]}
    for name in reversed(path.split(".")):
        spec = {name: spec}
    one = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "n"}, **spec}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [one]})
    (config,) = kubernetes.read_all(f"---\n{text}\n---\n", "f.yml")
    assert config.name.startswith(f"f.yml {kind}/n")
    assert config.name.endswith("container c")


def test_errors() -> None:
    for text in ("a: 1", "", "[]", "--- 1"):
        with pytest.raises(ReadError, match="no apiVersion and kind"):
            kubernetes.read_all(text, "f.yml")


CASES = Path(__file__).parents[2] / "cases" / "kubernetes"


def commands(node: Any) -> Iterator[list[str]]:
    """The words of every mapping with a command, as a walk over plain YAML finds them."""
    if isinstance(node, dict):
        if isinstance(node.get("command"), list):
            yield [*map(str, node["command"]), *map(str, node.get("args") or [])]
            return
        node = [v for k, v in node.items() if not str(k).endswith("Probe")]
    for one in node if isinstance(node, list) else []:
        yield from commands(one)


@pytest.mark.parametrize("case", ["graph-deployment", "workflow-templates", "container-alone"])
def test_every_command_is_found_in_order(case: str) -> None:
    text = (CASES / case / "input.yaml").read_text()
    plain = YAML(typ="safe", pure=True)
    direct = [
        words
        for document in plain.load_all(io.StringIO(text))
        for words in commands(document)
        if "serve" in words or {"sglang.launch_server", "dynamo.sglang"} & set(words)
    ]
    found = [
        [str(w.text if isinstance(w, Unknown) else w) for w in (*c.command, *c.argv)]
        for c in kubernetes.read_all(text, "f.yml")
        if c.location is not None and text.splitlines()[(c.location.line or 1) - 1].find("[") > 0
    ]
    assert found == direct


def test_dynamo_takes_its_own_words() -> None:
    text = (CASES / "graph-deployment" / "input.yaml").read_bytes()
    decode, prefill = READERS["kubernetes"](text, "f.yml")
    assert decode.command[3:] == (
        "--dyn-tool-call-parser",
        "deepseek_v4",
        "--endpoint=dyn://v4.decode.generate",
    )
    assert decode.argv == ["--model-path", "m", "--tp", "8", "--disaggregation-mode", "decode"]
    assert prefill.command[3:] == ("--no-use-sglang-tokenizer",)


def test_a_template_of_helm_is_to_be_rendered() -> None:
    for text in ("kind: Pod\nx: {{ .Values.x }}\n", "{{- if .Values.x }}\nkind: Pod\n{{- end }}\n"):
        with pytest.raises(ReadError, match="render it first"):
            kubernetes.read_all(text, "f.yml")
    with pytest.raises(ReadError, match=r"f\.yml:2:4: a template of Helm: \{\{- range \$i"):
        kubernetes.read_all("kind: Pod\nx: {{- range $i, $x := until 3 }}\n", "f.yml")
