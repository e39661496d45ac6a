"""Disaggregated serving: prefill, decode and the router before them, in one file.

The router is sglang_router, which SGLang's images hold (docker/Dockerfile of sgl-project/sglang);
its flags are those of sgl-model-gateway/bindings/python/src/sglang_router/router_args.py. A role
is a launch with its own ``--disaggregation-mode`` (srt/server_args.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dsv4_env.exporters.containers import (
    compose_service,
    image,
    object_head,
    port,
    worker_set,
)
from dsv4_env.exporters.known import (
    COMMAND,
    DIST_PORT,
    ExportOptions,
    notes,
    object_name,
)
from dsv4_env.exporters.shells import arg_comments, comments, continued, exports, groups
from dsv4_env.exporters.yaml import Node, Plain, dump_yaml
from dsv4_env.model import LaunchConfig, Origin, ServerArg, quoting
from dsv4_env.model.errors import ExportError

ROLES = ("prefill", "decode")
MODE = "--disaggregation-mode"
_ROUTER = ("python3", "-m", "sglang_router.launch_router", "--pd-disaggregation")
_ROUTER_PORT = 8000  # beside a server, which has 30000 by default
_BOOTSTRAP_PORT = 8998  # disaggregation_bootstrap_port, where the launch doesn't say
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # the router is there to be reached
_LONGEST = 63 - len("-prefill")


@dataclass(frozen=True, slots=True)
class Roles:
    """The launches of the two roles, and where clients reach the router before them."""

    prefill: LaunchConfig
    decode: LaunchConfig
    host: str = _EVERYWHERE
    port: int = _ROUTER_PORT

    def __iter__(self) -> Iterator[tuple[str, LaunchConfig]]:
        return iter(zip(ROLES, (self.prefill, self.decode), strict=True))

    def router(self, prefill: str, decode: str) -> list[list[str]]:
        """The words of the router's command, in groups, for the hosts of the two roles."""
        bootstrap = number(self.prefill, ("--disaggregation-bootstrap-port",), _BOOTSTRAP_PORT)
        return [
            [*_ROUTER],
            ["--prefill", f"http://{prefill}:{port(self.prefill)}", str(bootstrap)],
            ["--decode", f"http://{decode}:{port(self.decode)}"],
            ["--host", self.host, "--port", str(self.port)],
        ]


def in_role(config: LaunchConfig, role: str) -> LaunchConfig:
    """The launch of a role. Raises ExportError where its mode is another one."""
    given = [a for a in config.args or () if a.flag == MODE]
    if not given:
        mode = ServerArg(MODE, (role,), Origin(f"for the role {role}", value=role))
        return replace(config, args=(*(config.args or ()), mode))
    if given[-1].values != (role,):
        raise ExportError(
            f"{config.name} has another {MODE} in the role {role}",
            where=given[-1].location,
            expected=f'[[when]] with role = "{role}" to set {role}',
        )
    return config


def number(config: LaunchConfig, flags: Sequence[str], default: int) -> int:
    """The number that the last of these flags gives."""
    found = default
    for arg in config.args or ():
        if arg.flag in flags and len(arg.values) == 1 and str(arg.values[0]).isdecimal():
            found = int(str(arg.values[0]))
    return found


def _named(format_: str, roles: Roles, options: ExportOptions) -> str:
    """The name that those of the parts begin with. Raises ExportError for one that is too long."""
    name = object_name(format_, roles.prefill, options)
    if len(name) > _LONGEST and options.name is not None:
        raise ExportError(
            f"{format_} can't be named {name!r}", expected=f"at most {_LONGEST} characters"
        )
    return name[:_LONGEST].strip("-")


# Compose


def compose(roles: Roles, options: ExportOptions) -> str:
    """A Compose file with the three: all on one machine, decode on the GPUs after prefill's."""
    name = _named("compose", roles, options)
    services: dict[str, Node] = {}
    head: Sequence[str] = ()
    gpus = _gpus(roles.prefill)
    for role, config in roles:
        launch = config
        if role == "decode" and not _given(config, "--base-gpu-id"):
            first = ServerArg(
                "--base-gpu-id", (str(gpus),), Origin("behind those of prefill", value=str(gpus))
            )
            launch = replace(config, args=(*(config.args or ()), first))
        said = notes(launch, options)
        head = head or said.head
        # Each is given all GPUs of the machine, and takes its own.
        services[f"{name}-{role}"] = compose_service(launch, replace(options, gpus=None), said)
    words = [w for group in roles.router(f"{name}-prefill", f"{name}-decode") for w in group]
    services[f"{name}-router"] = {
        "image": quoting.compose(image("compose", options)),
        "command": [quoting.compose(w) for w in words],
        "ports": [f"{roles.port}:{roles.port}"],
        "depends_on": [f"{name}-{role}" for role in ROLES],
    }
    return dump_yaml({"services": services}, head)


def _given(config: LaunchConfig, flag: str) -> bool:
    return any(a.flag == flag for a in config.args or ())


def _gpus(config: LaunchConfig) -> int:
    """How many GPUs a server takes on one node."""
    tensor = number(config, ("--tp", "--tp-size", "--tensor-parallel-size"), 1)
    return tensor * number(config, ("--pp", "--pp-size", "--pipeline-parallel-size"), 1)


# Kubernetes


def k8s_lws(roles: Roles, options: ExportOptions) -> str:
    """A LeaderWorkerSet for each role, and a Deployment and a Service for the router."""
    name = _named("k8s-lws", roles, options)
    documents: list[str] = []
    for role, config in roles:
        said = notes(config, options)
        node = worker_set(f"{name}-{role}", config, options, said, f"{name}-secrets")
        documents.append(dump_yaml(node, said.head if not documents else ()))
    # The leader of the first group, within the headless Service that LeaderWorkerSet makes.
    hosts = (f"{name}-{role}-0.{name}-{role}" for role in ROLES)
    words = [w for group in roles.router(*hosts) for w in group]
    label: Mapping[str, Node] = {"app": f"{name}-router"}
    container: dict[str, Node] = {
        "name": Plain("router"),
        "image": image("k8s-lws", options),
        "command": [quoting.kubernetes(w) for w in words],
        "ports": [{"name": Plain("http"), "containerPort": roles.port}],
        "readinessProbe": {"tcpSocket": {"port": roles.port}},
    }
    deployment: dict[str, Node] = {
        **object_head("apps/v1", "Deployment", f"{name}-router"),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": label},
            "template": {
                "metadata": {"labels": label},
                "spec": {"enableServiceLinks": False, "containers": [container]},
            },
        },
    }
    service: dict[str, Node] = {
        **object_head("v1", "Service", f"{name}-router"),
        "spec": {
            "selector": label,
            "ports": [{"name": Plain("http"), "port": roles.port, "targetPort": Plain("http")}],
        },
    }
    return "---\n".join([*documents, dump_yaml(deployment), dump_yaml(service)])


# Slurm


def slurm(roles: Roles, options: ExportOptions) -> str:
    """A script for ``sbatch``: prefill on the first nodes, decode on the others.

    The router runs beside prefill, on the first node. Whichever ends first ends the job. Raises
    ExportError where both would listen on one port.
    """
    nodes = options.nodes
    if roles.port == port(roles.prefill):
        raise ExportError(
            f"the router and the prefill server beside it would both listen on {roles.port}",
            expected="another --port for the router",
        )
    rows = [
        "#!/bin/bash",
        f"#SBATCH --job-name={_named('slurm', roles, options)}",
        f"#SBATCH --nodes={2 * nodes}",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --exclusive",
    ]
    if options.gpus:
        rows.append(f"#SBATCH --gpus-per-node={options.gpus}")
    rows += [
        *comments(notes(roles.prefill, options).head),
        "set -euo pipefail",
        "",
        'mapfile -t DSV4_NODES < <(scontrol show hostnames "$SLURM_JOB_NODELIST")',
        "",
    ]
    for number_, (role, config) in enumerate(roles):
        rows += [*_role(role, config, options, number_ * nodes), ""]
    host, decode = "${DSV4_NODES[0]}", f"${{DSV4_NODES[{nodes}]}}"
    start = "srun --overlap --nodes=1 --ntasks=1 --relative=0"
    first, *others = roles.router(host, decode)
    rows += [
        'prefill "$@" &',
        'decode "$@" &',
        *continued([f"{start} {' '.join(first)}", *map(_quoted, others)]),
    ]
    rows[-1] += " &"
    rows += ["ended=0", "wait -n || ended=$?", 'exit "$ended"']
    return "".join(f"{row}\n" for row in rows)


def _quoted(words: Sequence[str]) -> str:
    """Words on a line; in those with a host, bash fills it in."""
    return " ".join(f'"{w}"' if "${DSV4_NODES" in w else quoting.word(w) for w in words)


def _role(role: str, config: LaunchConfig, options: ExportOptions, first: int) -> list[str]:
    """A function that starts a role, with the variables of that role alone."""
    said, nodes = notes(config, options), options.nodes
    start = f"exec srun --nodes={nodes} --ntasks={nodes} --relative={first} --kill-on-bad-exit=1 "
    own: list[str] = []
    if nodes > 1:
        # Each node fills in its own rank, that within the role.
        start += f"""bash -c 'exec {" ".join(COMMAND)} "$@" --node-rank "$SLURM_PROCID"' bash"""
        own = [f"--nnodes {nodes}", f'--dist-init-addr "${{DSV4_NODES[{first}]}}:{DIST_PORT}"']
    else:
        start += " ".join(COMMAND)
    rows = [*exports(config, said), *arg_comments(said)]
    rows += continued([start, *groups(config), *own, '"$@"'])
    return [f"{role}() (", *(f"    {row}" for row in rows), ")"]
