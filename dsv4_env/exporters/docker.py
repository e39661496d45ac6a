"""Docker: the flags of ``docker run``, and a service of Compose."""

from __future__ import annotations

from collections.abc import Mapping

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.container import COMMAND, env_notes, image, label, noted_words, port
from dsv4_env.exporters.known import ANY_NAME, TEXT, Limits, env_or_outside
from dsv4_env.exporters.notes import notes
from dsv4_env.exporters.yaml import Node, Plain, dump
from dsv4_env.model import LaunchConfig, quoting

_LIMITS = Limits("Compose")
_RUN = Limits("docker run", TEXT.cannot, ANY_NAME, "no =")


def run(config: LaunchConfig) -> str:
    """``--env NAME=value`` for each variable, as one shell-quoted line; ``--env NAME`` hands on."""
    env = env_or_outside(config, _RUN).items()
    words = (f"--env {quoting.word(n if v is None else f'{n}={v}')}" for n, v in env)
    return " ".join(words) + "\n"


def compose(config: LaunchConfig, options: ExportOptions) -> str:
    """A Compose file; every ``$`` of a value is doubled, so that nothing is filled in."""
    said = notes(config, options)
    service: dict[str, Node] = {
        "image": quoting.compose(image("compose", options)),
        "command": [
            *COMMAND,
            *noted_words(config, said, _LIMITS, quoting.compose),
        ],
        "environment": {
            name: env_notes(
                said, name, f"${{{name}:?}}" if value is None else quoting.compose(value)
            )
            for name, value in env_or_outside(config, _LIMITS).items()
        },
        "ports": [f"{port(config)}:{port(config)}"],
        "ipc": Plain("host"),
        **_gpus(options),
    }
    return dump({"services": {label("compose", config, options): service}}, said.head)


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
