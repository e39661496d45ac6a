"""What the formats for containers share: the command, the image, the name, the port."""

from __future__ import annotations

import re
from collections.abc import Callable

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.known import Limits, arg_groups, known_args
from dsv4_env.exporters.notes import Notes
from dsv4_env.exporters.yaml import Node, Noted
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ExportError

COMMAND = ("python3", "-m", "sglang.launch_server")
DIST_PORT = 20000  # where the nodes of one server find each other
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def image(format_: str, options: ExportOptions) -> str:
    """The image. Raises ExportError where none is given: nobody can guess it."""
    if not options.image:
        raise ExportError(f"{format_} needs the image of the container", expected="--image IMAGE")
    return options.image


def label(format_: str, config: LaunchConfig, options: ExportOptions) -> str:
    """The name of the object, by default the profile's. Raises ExportError for a wrong one."""
    name = options.name
    if name is None:
        name = re.sub(r"[^a-z0-9]+", "-", config.name.lower()).strip("-")[:63].strip("-")
        return name or "sglang"
    if not _LABEL.fullmatch(name):
        raise ExportError(
            f"{format_} can't be named {name!r}",
            expected="at most 63 lower-case letters, digits and -, not at its ends",
        )
    return name


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
