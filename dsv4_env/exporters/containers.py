"""Containers: Docker's flags, a service of Compose, and the objects of Kubernetes.

``$(NAME)`` is filled in by Kubernetes, in values as in arguments; each ``$`` that is data is
therefore doubled. A ConfigMap is taken as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from dsv4_env.exporters.known import (
    ANY_NAME,
    COMMAND,
    DIST_PORT,
    TEXT,
    ExportOptions,
    Fallback,
    Limits,
    Notes,
    arg_groups,
    env_or_outside,
    known_args,
    known_env,
    notes,
    object_name,
)
from dsv4_env.exporters.yaml import Node, Noted, Plain, dump_yaml
from dsv4_env.model import LaunchConfig, quoting
from dsv4_env.model.errors import ExportError

_COMPOSE = Limits("Compose")
_RUN = Limits("docker run", TEXT.cannot, ANY_NAME, "no =")
_KUBERNETES = Limits(
    "Kubernetes", names=re.compile(r"[ -<>-~]+"), names_expected="printable ASCII without ="
)
_CONFIGMAP = Limits(
    "a ConfigMap",
    names=re.compile(r"(?!\.{1,2}\Z)[-._a-zA-Z0-9]{1,253}"),
    names_expected="letters, digits, -, _ and .",
)


def image(format_: str, options: ExportOptions) -> str:
    """The image. Raises ExportError where none is given: nobody can guess it."""
    if not options.image:
        raise ExportError(f"{format_} needs the image of the container", expected="--image IMAGE")
    return options.image


def port(config: LaunchConfig) -> int:
    """The port that the server listens on: the one given last, or SGLang's default."""
    found = 30000
    for arg in config.args or ():
        if arg.flag == "--port" and len(arg.values) == 1 and str(arg.values[0]).isdecimal():
            found = int(str(arg.values[0]))
    return found


def noted_words(
    config: LaunchConfig, said: Notes, limits: Limits, quote: Callable[[str], str]
) -> list[Node]:
    """The words of the server arguments, with the comment of each before its first."""
    if not said.arguments:
        return [quote(word) for word in known_args(config, limits)]
    words: list[Node] = []
    for i, (first, *rest) in enumerate(arg_groups(config, limits)):
        words += [Noted(quote(first), said.arg(i)), *map(quote, rest)]
    return words


def env_notes(said: Notes, name: str, value: Node) -> Node:
    """The value of a variable, with its comment."""
    return Noted(value, said.env(name)) if said.variables else value


# Docker


def docker_run(config: LaunchConfig) -> str:
    """``--env NAME=value`` for each variable, as one shell-quoted line; ``--env NAME`` hands on."""
    env = env_or_outside(config, _RUN).items()
    words = (
        f"--env {quoting.unless_set(n, v)}"
        if isinstance(v, Fallback)
        else f"--env {quoting.word(n if v is None else f'{n}={v}')}"
        for n, v in env
    )
    return " ".join(words) + "\n"


def compose(config: LaunchConfig, options: ExportOptions) -> str:
    """A Compose file; every ``$`` of a value is doubled, so that nothing is filled in."""
    said = notes(config, options)
    service = compose_service(config, options, said, [f"{port(config)}:{port(config)}"])
    return dump_yaml({"services": {object_name("compose", config, options): service}}, said.head)


def compose_service(
    config: LaunchConfig, options: ExportOptions, said: Notes, ports: Sequence[Node] = ()
) -> dict[str, Node]:
    """A server as a service of Compose that publishes *ports*."""
    return {
        "image": quoting.compose(image("compose", options)),
        "command": [
            *COMMAND,
            *noted_words(config, said, _COMPOSE, quoting.compose),
        ],
        "environment": {
            name: env_notes(said, name, _composed(name, value))
            for name, value in env_or_outside(config, _COMPOSE).items()
        },
        **({"ports": ports} if ports else {}),
        "ipc": Plain("host"),
        **_gpus(options),
    }


def _composed(name: str, value: str | None) -> str:
    """A variable's value for Compose, which fills in what the environment has."""
    if value is None:
        return f"${{{name}:?}}"
    if isinstance(value, Fallback) and re.fullmatch(r"[\w./:=,+-]+", value):
        return f"${{{name}:-{value}}}"
    return quoting.compose(value)


def _gpus(options: ExportOptions) -> Mapping[str, Node]:
    if options.gpu == "amd":
        return {
            "devices": [Plain("/dev/kfd"), Plain("/dev/dri")],
            "group_add": [Plain("video")],
            "security_opt": ["seccomp=unconfined"],
        }
    if options.gpu == "nvidia":
        device: dict[str, Node] = {"driver": Plain("nvidia"), "capabilities": [Plain("gpu")]}
        device["count"] = options.gpus or Plain("all")
        return {"deploy": {"resources": {"reservations": {"devices": [device]}}}}
    return {}


# Kubernetes


def k8s_env(config: LaunchConfig, options: ExportOptions) -> str:
    """The ``env`` of a container."""
    said = notes(config, options)
    secret = f"{object_name('k8s-env', config, options)}-secrets"
    return dump_yaml({"env": _env(config, said, secret)}, said.head)


def k8s_configmap(config: LaunchConfig, options: ExportOptions) -> str:
    """A ConfigMap, for ``envFrom``."""
    said = notes(config, options)
    data = known_env(config, _CONFIGMAP)
    head = object_head("v1", "ConfigMap", object_name("k8s-configmap", config, options))
    return dump_yaml(
        {**head, "data": {n: env_notes(said, n, v) for n, v in data.items()}}, said.head
    )


def k8s_pod(config: LaunchConfig, options: ExportOptions) -> str:
    """A Pod of one node."""
    said = notes(config, options)
    name = object_name("k8s-pod", config, options)
    spec = _spec("k8s-pod", config, options, said, f"{name}-secrets")
    return dump_yaml({**object_head("v1", "Pod", name), "spec": spec}, said.head)


def k8s_lws(config: LaunchConfig, options: ExportOptions) -> str:
    """A LeaderWorkerSet: one server on several nodes, which find each other by its leader."""
    said = notes(config, options)
    name = object_name("k8s-lws", config, options)
    return dump_yaml(worker_set(name, config, options, said, f"{name}-secrets"), said.head)


def worker_set(
    name: str, config: LaunchConfig, options: ExportOptions, said: Notes, secret: str
) -> dict[str, Node]:
    """A LeaderWorkerSet; what comes from outside is a key of *secret*."""
    nodes = options.nodes
    why = ["for several nodes"] if said.arguments else []
    own: list[Node] = [
        Noted("--nnodes", why), str(nodes),
        "--node-rank", "$(LWS_WORKER_INDEX)",
        "--dist-init-addr", f"$(LWS_LEADER_ADDRESS):{DIST_PORT}",
    ]  # fmt: skip
    more = own if nodes > 1 else ()
    spec = _spec("k8s-lws", config, options, said, secret, more)
    head = object_head("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", name)
    template: dict[str, Node] = {
        "size": nodes,
        "restartPolicy": Plain("RecreateGroupOnPodRestart"),
        "workerTemplate": {"spec": spec},
    }
    return {**head, "spec": {"replicas": 1, "leaderWorkerTemplate": template}}


def object_head(version: str, kind: str, name: str) -> dict[str, Node]:
    """What every object of Kubernetes begins with."""
    return {"apiVersion": Plain(version), "kind": Plain(kind), "metadata": {"name": name}}


def _env(config: LaunchConfig, said: Notes, secret: str) -> list[Node]:
    """The variables; what comes from outside is a key of the Secret *secret*."""
    found: list[Node] = []
    for name, value in env_or_outside(config, _KUBERNETES).items():
        item: dict[str, Node] = {"name": name}
        if value is None:
            item["valueFrom"] = {"secretKeyRef": {"name": secret, "key": name}}
        else:
            item["value"] = quoting.kubernetes(value)
        found.append(Noted(item, said.env(name)))
    return found


def _spec(
    format_: str, config: LaunchConfig, options: ExportOptions, said: Notes, secret: str,
    more: Sequence[Node] = (),
) -> Node:  # fmt: skip
    """The spec of a pod. Service links would set variables that look like SGLang's own."""
    container: dict[str, Node] = {
        "name": Plain("sglang"),
        "image": image(format_, options),
        "command": list(COMMAND),
        "args": [*noted_words(config, said, _KUBERNETES, quoting.kubernetes), *more],
        "env": _env(config, said, secret),
        "ports": [{"name": Plain("http"), "containerPort": port(config)}],
        "readinessProbe": {"httpGet": {"path": Plain("/health"), "port": port(config)}},
    }
    if options.gpu and options.gpus:
        container["resources"] = {"limits": {f"{options.gpu}.com/gpu": str(options.gpus)}}
    container["volumeMounts"] = [{"name": Plain("shm"), "mountPath": Plain("/dev/shm")}]  # noqa: S108
    return {
        "enableServiceLinks": False,
        "containers": [container],
        # NCCL and RCCL need more shared memory than the 64 MiB of a container.
        "volumes": [{"name": Plain("shm"), "emptyDir": {"medium": Plain("Memory")}}],
    }
