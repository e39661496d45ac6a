"""Which reader a file belongs to, and the registry of readers."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import READERS, HowRead, detect, detect_document, foreign, read
from dsv4_env.readers.kind import FileKind
from dsv4_env.writeback.editors import EDITORS

CASES = Path(__file__).parents[2] / "cases"


ATOM = b'[{"extraArgs": "", "env_vars": "A=atom.plugin.sglang.models"}]'
MASTER = (
    b"a:\n  model-prefix: v4\n  framework: sglang\n  scenarios:\n    b:\n    - search-space: []\n"
)
SLURM_CI = b"backend: {sglang_config: {}}\nruntime:\n  prefill_bootstrap_port: 1\n"


@pytest.mark.parametrize(
    ("path", "data", "reader"),
    [
        ("a.sh", b"", "bash"),
        ("a/b.slurm", b"", "bash"),
        ("b.sbatch", b"", "bash"),
        ("run", b"#!/bin/bash\n", "bash"),
        ("run", b"#!/usr/bin/env -S bash -e\n", "bash"),
        ("run", b"#!/bin/sh -e\n", "bash"),
        ("run", b"#!/usr/bin/fish\n", None),
        ("run", b"#!/usr/bin/env python3\n", "python"),
        ("run", b"sglang", None),
        ("test_a.py", b"", "python"),
        (".github/workflows/a.yml", b"run: sglang serve", "workflow"),
        ("x/.github/workflows/a.yaml", b"run: python3 run_suite.py", "workflow"),
        (".github/workflows/a.yml", b"run: make", None),
        ("a.yml", b"jobs:\n  a:\n    runs-on: x\n    steps: [{run: sglang serve}]", "workflow"),
        ("a.yml", b"jobs:\n  a:\n    docker: [{image: sglang}]", None),
        ("compose.yaml", b"SGLANG_A: 1", "compose"),
        ("docker-compose.amd.yml", b"SGLANG_A: 1", "compose"),
        ("a.yml", b"x: 1\nservices:\n  a: {command: sglang serve}", "compose"),
        ("a.yml", b"apiVersion: v1\nkind: Pod\nx: launch_server", "kubernetes"),
        ("a.yml", b"apiVersion: v1\nkind: Pod\n", None),
        ("a.yml", b"# x\nenv:  # y\n\n  # z\n  - name: SGLANG_A\n", "kubernetes"),
        ("a.yml", b"env:\n- name: SGLANG_A\n", "kubernetes"),
        ("a.yml", b"env:\n  SGLANG_A: 1\n", None),
        ("a.yml", b"model-path: m\n", "config"),
        ("a.yml", b"x: 1\n'tp-size' : 8\n", "config"),
        ("a.yml", b"services:\n  a: {command: sglang}\ntp-size: 8\n", "compose"),
        ("a.yml", b"x:\n  model-path: m\n", None),
        ("a.yml", b"backend:\n  sglang_config: {}\n", "srt-slurm"),
        ("a.yml", b"base:\n  backend: {'sglang_config': {}}\ntp-size: 8\n", "srt-slurm"),
        ("a.yml", b"backend:\n  trtllm_config: {}\n", None),
        ("a.yml", SLURM_CI, "slurm-ci"),
        ("configs/amd-master.yaml", MASTER, "inferencex"),
        ("a.yml", MASTER.replace(b"scenarios", b"seq-len-configs"), None),
        ("a.yml", MASTER.replace(b"sglang", b"vllm"), None),
        ("a.yml", SLURM_CI.replace(b"runtime:", b"run:"), "srt-slurm"),
        (".vscode/launch.json", b'{"module": "sglang.launch_server"}', "vscode"),
        ("launch.json", b"{}", None),
        ("package.json", b"sglang", None),
        (".github/benchmark/sglang_models.json", ATOM, "atom"),
        (".github/benchmark/oot_models.json", ATOM.replace(b"sglang", b"vllm"), None),
        ("package.json", ATOM, None),
        ("a.yml", b"x: sglang", None),
        ("a.yml", b"envs: {A: b}\nrun: |\n  sglang serve\n", "skypilot"),
        ("a.yml", b"envs: {A: b}\nrun: make\n", None),
        ("a.yml", b"run: sglang serve\n", None),
        ("sglang.service", b"[Service]\nExecStart=sglang serve\n", "systemd"),
        ("v4.container", b"[Container]\nExec=sglang serve\n", "systemd"),
        ("nginx.service", b"[Service]\nExecStart=nginx\n", None),
        ("Dockerfile", b"", "dockerfile"),
        ("docker/Dockerfile.rocm", b"", "dockerfile"),
        ("rocm.dockerfile", b"", "dockerfile"),
        ("Containerfile", b"", "dockerfile"),
        (".env", b"HF_TOKEN=x", "dotenv"),
        ("amd.env", b"AITER_A=1", "dotenv"),
        ("a.env", b"X_HF_TOKEN=x", None),
        (".env.local", b"A=1", None),
        ("README.md", b"sglang", "markdown"),
        ("README.md", b"# A library", None),
        ("docs/a.mdx", b"launch_server", "markdown"),
        ("a.ipynb", b"sglang", "notebook"),
        ("a.jsx", b"const c = {\n  cells: [{ match: {}, flags: ['sglang'] }]", "cookbook"),
        ("a.jsx", b"const b = [{ match: {} }]; // sglang", None),
        ("a.js", b"const c = {\n  cells: [{ match: {}, flags: ['sglang'] }]", None),
        ("a.ipynb", b"{}", None),
        ("environment.txt", b"SGLANG_A=1", None),
    ],
)
def test_detect(path: str, data: bytes, reader: str | None) -> None:
    assert detect(path, data) == reader


POD = b'"apiVersion": "v1", "kind": "Pod", "spec": {}'


@pytest.mark.parametrize(
    ("data", "reader"),
    [
        (b"", None),
        (b"sglang serve\n", None),
        (b"{ sglang serve; }\n", None),
        (b'[ "$x" = y ] && { echo "a":; }\n', None),
        (b": ${A:=1}\napiVersion: v1\nkind: Pod\n", None),
        (b"cat <<E\napiVersion: v1\nkind: Pod\nE\n", None),
        (b"#!/bin/bash\napiVersion: v1\nkind: Pod\n", "bash"),
        (b"#!/usr/bin/env python3\n", "python"),
        (b"apiVersion: v1\nkind: Pod\n", "kubernetes"),
        (b"\n# x\n---\n\nkind: Pod\napiVersion: v1\n", "kubernetes"),
        (b"services:\n  a:\n    image: x\n", "compose"),
        (b"tp-size: 8\n", "config"),
        (b"name: x\nbackend:\n  sglang_config: {}\n", "srt-slurm"),
        (SLURM_CI, "slurm-ci"),
        (ATOM, "atom"),
        (b"jobs:\n  a:\n    runs-on: x\n", "workflow"),
        (b"name: x\n", None),
        (b"# x\n\n[Unit]\nDescription=x\n", "systemd"),
        (b"resources: {}\nrun: sglang serve\n", "skypilot"),
        (b"{\n    " + POD + b"}", "kubernetes"),
        (b"{" + POD + b"}", "kubernetes"),
        (b'{"items": [{' + POD + b'}], "kind": "List", "apiVersion": "v1"}', "kubernetes"),
        (b'[{"Id": "1", "Config": {"Env": []}}]', "inspected"),
        (b' [\n {"Config" : {}, "RepoTags": []}]', "inspected"),
        (b'{"Id": "1", "Config": {}}', "inspected"),
    ],
)
def test_what_has_no_name(data: bytes, reader: str | None) -> None:
    """As on standard input: what it holds has to tell, and no script is taken for anything else."""
    assert detect_document(data) == reader


@pytest.mark.parametrize("data", [b'{"a": 1}', b'[{"a": 1}]', b'{"apiVersion": "v1"}'])
def test_json_of_no_kind(data: bytes) -> None:
    with pytest.raises(ReadError, match="JSON of no kind that is read; expected what `kubectl"):
        detect_document(data)
    with pytest.raises(ReadError, match="JSON of no kind"):
        read(data, "x.json", HowRead())


def test_json_under_any_name() -> None:
    data = (CASES / "inspected" / "containers" / "input.json").read_bytes()
    assert detect("x.json", data) is None  # no tree is looked through for it
    (config,) = read(data, "x.json", HowRead())
    assert config.reader == "inspected"


@pytest.mark.parametrize("name", READERS)
def test_readers(name: str) -> None:
    reader = READERS[name]
    assert reader.name == name
    assert reader.summary or reader.one
    parameters = list(inspect.signature(reader.read).parameters)
    assert parameters[:2] == ["data", "path"]
    assert {*reader.takes, "budget"} <= set(parameters)
    assert set(reader.takes) <= {field.name for field in dataclasses.fields(HowRead)}
    assert inspect.getdoc(reader.read)
    assert (CASES / name).is_dir()


def test_every_kind_says_whether_it_can_be_edited() -> None:
    assert {name for name, kind in READERS.items() if kind.editable} == set(EDITORS)


def test_a_kind_is_one_object() -> None:
    """Its names, what it holds and what its reader takes are all that there is to say of it."""
    kind = FileKind(
        "t", "a t file", lambda data, path, **_: [LaunchConfig(path, "t", (), None)],
        takes=("inputs", "args"), named=r"[^/]+\.t", folder="a/b", among=r"[^/]+\.u",
        content=(b"^x", b"^y"),
    )  # fmt: skip
    assert [kind.by_name(p) for p in ("a/b/c.T", "/r/a/b/c.t", "b/c.t", "a/b/c.u")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert [kind.by_content("c.u", d) for d in (b"y\nx", b"x")] == [True, False]
    assert not kind.by_content("c.t", b"y\nx")
    assert kind.options(HowRead(inputs={"A": "1"}, closed=True)) == {"inputs": {"A": "1"}}
    assert [c.name for c in kind("", "f")] == ["f"]


def test_a_reader_is_called_with_its_options() -> None:
    (config,) = READERS["dotenv"](b"A", "f", dialect="docker")
    assert config.env[0].name == "A"
    (config,) = READERS["bash"]("sglang serve --x", "f")
    assert config.argv == ["--x"]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("Makefile", "run:\n\tsglang serve\n", "a Makefile"),
        ("rules.mk", "", "a Makefile"),
        ("launch", ".PHONY: run\nrun:\n\tsglang serve\n", "a Makefile"),
        ("justfile", "run:\n  sglang serve\n", "a justfile"),
        ("launch", "tp := '8'\nrun:\n    sglang serve --tp {{tp}}\n", "a justfile"),
        ("run.fish", "", "a fish script"),
        ("launch", "#!/usr/bin/env fish\nsglang serve\n", "a script for fish"),
        ("run.sh", "#!/usr/bin/env fish\nsglang serve\n", "a script for fish"),
        ("run.sh", "#!/bin/zsh\nsglang serve\n", "a script for zsh"),
        ("launch", "set -gx SGLANG_USE_AITER 1\nsglang serve\n", "a fish script"),
        ("run.ps1", "", "a PowerShell script"),
        ("launch", '$env:SGLANG_USE_AITER = "1"\nsglang serve\n', "a PowerShell script"),
        ("run.bat", "", "a batch file"),
        ("launch", "@echo off\r\nsglang serve\r\n", "a batch file"),
        ("sglang.socket", "[Socket]\nListenStream=1\n", "a unit of systemd"),
        ("launch", "# x\n\n[Unit]\nDescription=x\n", "a unit of systemd"),
        ("run.sh", "set -x\nsglang serve {{tp}}\n", None),
        ("launch", "#!/bin/bash\nA='{{x}}'\nsglang serve\n", None),
        ("launch", "export A=1\nsglang serve\n", None),
    ],
)
def test_what_looks_like_a_script_and_is_none_is_told(
    name: str, text: str, what: str | None
) -> None:
    assert foreign(f"/x/{name}", text.encode()) == what
    if what is not None:
        with pytest.raises(ReadError, match=f"{what}, which isn't read; expected a launch script"):
            read(text.encode(), f"/x/{name}", HowRead())
