"""Files of variables: python-dotenv's, Docker's, GitHub's and systemd's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from dsv4_env.exporters.known import (
    NOT_TEXT,
    ExportOptions,
    Limits,
    env_or_outside,
    known_env,
    notes,
)
from dsv4_env.model import LaunchConfig, quoting
from dsv4_env.model.errors import ExportError
from dsv4_env.model.secrets import is_secret

_DOTENV = Limits("a .env file")
# Docker reads line by line, and a line of 64 KiB is too long for it.
_DOCKER = Limits(
    "Docker's --env-file",
    rf"\n|\r\Z|[{NOT_TEXT}]",
    re.compile(r"[^\s=#\ufeff\0][^\s=\0]*"),
    "no white space, no =, no # in front",
)
_DOCKER_LINE = 64 * 1024 - 1
_GITHUB = Limits("$GITHUB_ENV")
_RESERVED = re.compile(r"(?i)(GITHUB_|RUNNER_).*|NODE_OPTIONS")
# systemd drops a variable with a control character or a character that Unicode never assigns.
_SYSTEMD = Limits(
    "systemd",
    rf"[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef{NOT_TEXT}"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]",
)


def dotenv(config: LaunchConfig, options: ExportOptions) -> str:
    """A ``.env`` for python-dotenv."""
    return _lines(config, options, _DOTENV, quoting.dotenv)


def docker_env(config: LaunchConfig, options: ExportOptions) -> str:
    """A file for ``docker run --env-file``, which takes each line as it stands.

    A name alone hands on what the environment of ``docker`` has.
    """
    for name, value in env_or_outside(config, _DOCKER).items():
        size = len(f"{name}={value}".encode())
        if size > _DOCKER_LINE:
            raise ExportError(
                f"{name} makes a line of {size} bytes, which Docker's --env-file can't hold",
                expected=f"at most {_DOCKER_LINE} bytes with its name",
            )
    return _lines(config, options, _DOCKER, str, outside=True)


def systemd(config: LaunchConfig, options: ExportOptions) -> str:
    """A file for ``EnvironmentFile=``."""
    return _lines(config, options, _SYSTEMD, quoting.systemd)


def github_env(config: LaunchConfig, options: ExportOptions) -> str:
    """Lines for the file ``$GITHUB_ENV``, with a delimiter that nobody can foresee."""
    env = known_env(config, _GITHUB)
    for setting in config.env:
        if _RESERVED.fullmatch(setting.name):
            raise ExportError(
                f"{setting.name} can't be set through $GITHUB_ENV: GitHub reserves the name",
                where=setting.location,
                expected="no GITHUB_*, RUNNER_* or NODE_OPTIONS",
            )
    values = "\n".join(env.values())
    delimiter = options.delimiter or f"dsv4_env_{os.urandom(16).hex()}"
    if delimiter in values:
        raise ExportError("the delimiter is a part of a value", expected="another delimiter")
    return "".join(f"{n}<<{delimiter}\n{v}\n{delimiter}\n" for n, v in env.items())


def github_masks(config: LaunchConfig) -> str:
    """The commands that keep the values of secrets out of a job's log."""
    secrets = [v for n, v in known_env(config, _GITHUB).items() if v.strip() and is_secret(n, v)]
    escaped = (v.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A") for v in secrets)
    return "".join(f"::add-mask::{v}\n" for v in escaped)


def _lines(
    config: LaunchConfig,
    options: ExportOptions,
    limits: Limits,
    quote: Callable[[str], str],
    *,
    outside: bool = False,
) -> str:
    said = notes(config, options)
    rows = [f"# {text}" for text in said.head]
    env: Mapping[str, str | None] = (env_or_outside if outside else known_env)(config, limits)
    for name, value in env.items():
        rows += [f"# {text}" for text in said.env(name)]
        rows.append(name if value is None else f"{name}={quote(value)}")
    return "".join(f"{row}\n" for row in rows)
