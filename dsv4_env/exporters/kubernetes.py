"""Kubernetes: parts of a container, and whole objects.

``$(NAME)`` is filled in by Kubernetes, in values as in arguments; each ``$`` that is data is
therefore doubled. A ConfigMap is taken as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.container import (
    COMMAND,
    DIST_PORT,
    env_notes,
    image,
    label,
    noted_words,
    port,
)
from dsv4_env.exporters.known import Limits, env_or_outside, known_env
from dsv4_env.exporters.notes import Notes, notes
from dsv4_env.exporters.yaml import Node, Noted, Plain, dump
from dsv4_env.model import LaunchConfig, quoting

_LIMITS = Limits(
    "Kubernetes", names=re.compile(r"[ -<>-~]+"), names_expected="printable ASCII without ="
)
_CONFIGMAP = Limits(
    "a ConfigMap",
    names=re.compile(r"(?!\.{1,2}\Z)[-._a-zA-Z0-9]{1,253}"),
    names_expected="letters, digits, -, _ and .",
)


def env(config: LaunchConfig, options: ExportOptions) -> str:
    """The ``env`` of a container."""
    said = notes(config, options)
    return dump({"env": _env("k8s-env", config, options, said)}, said.head)


def configmap(config: LaunchConfig, options: ExportOptions) -> str:
    """A ConfigMap, for ``envFrom``."""
    said = notes(config, options)
    data = known_env(config, _CONFIGMAP)
    head = _head("v1", "ConfigMap", label("k8s-configmap", config, options))
    return dump({**head, "data": {n: env_notes(said, n, v) for n, v in data.items()}}, said.head)


def pod(config: LaunchConfig, options: ExportOptions) -> str:
    """A Pod of one node."""
    said = notes(config, options)
    head = _head("v1", "Pod", label("k8s-pod", config, options))
    return dump({**head, "spec": _spec("k8s-pod", config, options, said)}, said.head)


def lws(config: LaunchConfig, options: ExportOptions) -> str:
    """A LeaderWorkerSet: one server on several nodes, which find each other by its leader."""
    said = notes(config, options)
    nodes = options.nodes
    why = ["for several nodes"] if said.arguments else []
    own: list[Node] = [
        Noted("--nnodes", why), str(nodes),
        "--node-rank", "$(LWS_WORKER_INDEX)",
        "--dist-init-addr", f"$(LWS_LEADER_ADDRESS):{DIST_PORT}",
    ]  # fmt: skip
    spec = _spec("k8s-lws", config, options, said, own if nodes > 1 else ())
    head = _head(
        "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", label("k8s-lws", config, options)
    )
    template: dict[str, Node] = {
        "size": nodes,
        "restartPolicy": Plain("RecreateGroupOnPodRestart"),
        "workerTemplate": {"spec": spec},
    }
    return dump({**head, "spec": {"replicas": 1, "leaderWorkerTemplate": template}}, said.head)


def _head(version: str, kind: str, name: str) -> dict[str, Node]:
    return {"apiVersion": Plain(version), "kind": Plain(kind), "metadata": {"name": name}}


def _env(format_: str, config: LaunchConfig, options: ExportOptions, said: Notes) -> list[Node]:
    """The variables; what comes from outside is a key of the Secret NAME-secrets."""
    secret = f"{label(format_, config, options)}-secrets"
    found: list[Node] = []
    for name, value in env_or_outside(config, _LIMITS).items():
        item: dict[str, Node] = {"name": name}
        if value is None:
            item["valueFrom"] = {"secretKeyRef": {"name": secret, "key": name}}
        else:
            item["value"] = quoting.kubernetes(value)
        found.append(Noted(item, said.env(name)))
    return found


def _spec(
    format_: str, config: LaunchConfig, options: ExportOptions, said: Notes,
    more: Sequence[Node] = (),
) -> Node:  # fmt: skip
    """The spec of a pod. Service links would set variables that look like SGLang's own."""
    container: dict[str, Node] = {
        "name": Plain("sglang"),
        "image": image(format_, options),
        "command": list(COMMAND),
        "args": [*noted_words(config, said, _LIMITS, quoting.kubernetes), *more],
        "env": _env(format_, config, options, said),
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
