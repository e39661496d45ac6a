"""All roles of disaggregated serving, as the programs that they are for take them."""

from __future__ import annotations

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dsv4_env.exporters import EXPORTERS, ROLES, ExportOptions
from dsv4_env.model import LaunchConfig, Unknown, Value
from dsv4_env.model.errors import ExportError
from dsv4_env.profile import load_profile
from dsv4_env.readers import HowRead, read
from tests.differential import consumers
from tests.differential.consumers import run
from tests.differential.hostile import config

FORMATS = [name for name, e in EXPORTERS.items() if e.roles]
OPTIONS = ExportOptions("org/M", image="i", name="set", gpu="nvidia", gpus=8)
SUFFIX = {"compose": "compose.yaml", "k8s-lws": "set.yaml", "slurm": "set.sh"}
ODD = {"A": "it's $HOME", "B": "", "LINES": "a\nb  c"}


def launch(role: str, *words: str) -> LaunchConfig:
    return config({**ODD, "ROLE": role}, ["--tp", "4", *words])


def exported(format_: str, options: ExportOptions = OPTIONS) -> str:
    return EXPORTERS[format_].together(launch("prefill"), launch("decode"), options)


def documents(text: str) -> list[dict[str, Any]]:
    return [*YAML(typ="safe", pure=True).load_all(StringIO(text))]


def container(document: dict[str, Any]) -> dict[str, Any]:
    spec = document["spec"]
    if "leaderWorkerTemplate" in spec:
        spec = spec["leaderWorkerTemplate"]["workerTemplate"]
    found: dict[str, Any] = spec.get("spec", spec.get("template", {}).get("spec"))["containers"][0]
    return found


def test_which_formats_there_are() -> None:
    assert FORMATS == ["compose", "k8s-lws", "slurm"]
    with pytest.raises(ExportError, match=r"shell holds one server; expected one of compose"):
        EXPORTERS["shell"].together(launch("prefill"), launch("decode"))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_role_of_another_mode_is_refused(format_: str) -> None:
    wrong = load_profile("pro-fp4@gb300", role="decode", sglang="0.5.23").config
    with pytest.raises(ExportError, match="--disaggregation-mode in the role prefill"):
        EXPORTERS[format_].together(wrong, wrong, OPTIONS)


@pytest.mark.parametrize("format_", FORMATS)
def test_names_that_are_too_long(format_: str) -> None:
    with pytest.raises(ExportError, match="at most 55 characters"):
        exported(format_, replace(OPTIONS, name="a" * 56))
    assert "a" * 55 in exported(format_, replace(OPTIONS, name="a" * 55))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", ["pro-fp4@gb300", "pro-fp4@mi355x", "flash-fp4@b200"])
def test_both_roles_are_read_back(format_: str, name: str, tmp_path: Path) -> None:
    prefill, decode = (load_profile(name, role=r, sglang="0.5.23").config for r in ROLES)
    text = EXPORTERS[format_].together(prefill, decode, OPTIONS)
    path = tmp_path / SUFFIX[format_]
    path.write_text(text)
    found = read(text.encode(), path, HowRead())
    assert len(found) == len(ROLES)  # the router is no server
    for given, got in zip((prefill, decode), found, strict=True):
        env = {e.name: spelled(e.value) for e in given.env}
        assert env == {n: spelled(e.value) for n, e in got.effective_env.items() if n in env}
        words = [a.words for a in got.args or ()]
        assert [a.words for a in given.args or () if a.words not in words] == []


def spelled(value: Value) -> str:
    """A value, or that of a variable that may be set outside."""
    return (value.default or "") if isinstance(value, Unknown) else value


def test_compose(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(exported("compose"))
    services = consumers.compose_config(path)["services"]
    assert sorted(services) == ["set-decode", "set-prefill", "set-router"]
    for role in ROLES:
        service = services[f"set-{role}"]
        env = {n: v.replace("$$", "$") for n, v in service["environment"].items()}
        assert env == {**ODD, "ROLE": role}
        words = service["command"]
        assert words[words.index("--disaggregation-mode") + 1] == role
        assert words[words.index("--host") + 1] == "0.0.0.0"
        assert "ports" not in service
    assert "--base-gpu-id" not in services["set-prefill"]["command"]
    assert services["set-decode"]["command"][-2:] == ["--base-gpu-id", "4"]
    assert services["set-router"]["command"][3:9] == [
        *("--pd-disaggregation", "--prefill", "http://set-prefill:30000", "8998"),
        *("--decode", "http://set-decode:30000"),
    ]


@pytest.mark.parametrize("nodes", [1, 2])
def test_kubernetes(nodes: int) -> None:
    import kubernetes_validate

    found = documents(exported("k8s-lws", replace(OPTIONS, nodes=nodes, port=8080)))
    assert [(d["kind"], d["metadata"]["name"]) for d in found] == [
        ("LeaderWorkerSet", "set-prefill"),
        ("LeaderWorkerSet", "set-decode"),
        ("Deployment", "set-router"),
        ("Service", "set-router"),
    ]
    for document in found[2:]:
        kubernetes_validate.validate(document, "1.34", strict=True)
    for role, document in zip(ROLES, found, strict=False):
        template = document["spec"]["leaderWorkerTemplate"]
        assert template["size"] == nodes
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
        kubernetes_validate.validate(pod | template["workerTemplate"], "1.34", strict=True)
        words = container(document)["args"]
        assert words[words.index("--disaggregation-mode") + 1] == role
        assert ("--node-rank" in words) == (nodes > 1)
        env = {e["name"]: e["value"].replace("$$", "$") for e in container(document)["env"]}
        assert env == {**ODD, "ROLE": role}
    deployment, service = found[2:]
    router = container(deployment)
    # LeaderWorkerSet names the pod of the first leader so, in its headless Service.
    assert "http://set-prefill-0.set-prefill:30000" in router["command"]
    assert "http://set-decode-0.set-decode:30000" in router["command"]
    assert router["command"][-1] == "8080"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["ports"][0]["port"] == router["ports"][0]["containerPort"] == 8080


def test_a_secret_is_one_for_all_roles() -> None:
    text = (Path(__file__).parent.parent / "cases/export/k8s-lws.roles/expected.txt").read_text()
    assert text.count('name: "set-secrets"') == len(ROLES)


def test_two_servers_of_a_node_need_two_ports() -> None:
    with pytest.raises(ExportError, match="both listen on 30000; expected another --port"):
        exported("slurm", replace(OPTIONS, port=30000))
    assert exported("k8s-lws", replace(OPTIONS, port=30000))


SRUN = """\
#!/bin/bash
for word; do case $word in --relative=*) at=${word#*=};; esac; done
if [ "$1" = --overlap ]; then at=router; fi
export at
if [ $at != router ]; then env -0 > "$TOLD/$at.env"; fi
while [[ $1 == --* ]]; do shift; done
export SLURM_PROCID=1
if [ $at = router ]; then sleep 0.3; fi
if [ "$1" = bash ]; then exec "$@"; fi
printf '%s\\0' "$@" > "$TOLD/$at"
if [ $at = router ]; then exit 7; fi
sleep 5
"""
PYTHON = """\
#!/bin/bash
printf '%s\\0' python3 "$@" > "$TOLD/$at"
sleep 5
"""


@pytest.mark.parametrize("nodes", [1, 2])
def test_slurm(nodes: int, tmp_path: Path) -> None:
    """The script runs with stand-ins for Slurm: its router ends with 7, and so does the job."""
    path, tools, told = tmp_path / "set.sh", tmp_path / "bin", tmp_path / "told"
    tools.mkdir()
    told.mkdir()
    path.write_text(exported("slurm", replace(OPTIONS, nodes=nodes)))
    run(["bash", "-n", str(path)])
    hosts = "\\n".join(f"n{i}" for i in range(2 * nodes))
    for name, text in {
        "scontrol": f"#!/bin/bash\n[ $# = 3 ] && printf '{hosts}\\n'\n",
        "srun": SRUN,
        "python3": PYTHON,
    }.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    script = 'bash "$1" --more "a b"; code=$?; kill $(jobs -p) 2>/dev/null; printf %s "$code"'
    environ = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "TOLD": str(told),
        "SLURM_JOB_NODELIST": "n[0-9]",
    }
    assert run(["bash", "-c", script, "bash", str(path)], cwd=tmp_path, **environ) == b"7"
    assert f"#SBATCH --nodes={2 * nodes}\n" in path.read_text()
    for role, first in zip(ROLES, (0, nodes), strict=True):
        env = dict(x.split("=", 1) for x in (told / f"{first}.env").read_text().split("\0")[:-1])
        assert {n: env[n] for n in (*ODD, "ROLE")} == {**ODD, "ROLE": role}
        words = (told / str(first)).read_text().split("\0")[:-1]
        own = ["--nnodes", "2", "--dist-init-addr", f"n{first}:20000"] if nodes > 1 else []
        assert words == [
            *("python3", "-m", "sglang.launch_server", "--model-path", "org/M", "--tp", "4"),
            *("--disaggregation-mode", role, "--host", "0.0.0.0", *own, "--more", "a b"),
            *(["--node-rank", "1"] if nodes > 1 else []),
        ]
    router = (told / "router").read_text().split("\0")[:-1]
    assert router == [
        *("python3", "-m", "sglang_router.launch_router", "--pd-disaggregation"),
        *("--prefill", "http://n0:30000", "8998", "--decode", f"http://n{nodes}:30000"),
        *("--host", "0.0.0.0", "--port", "8000"),
    ]
