"""The server arguments alone."""

from __future__ import annotations

import json as json_

from dsv4_env.exporters.known import TEXT, Limits, known_args
from dsv4_env.model import LaunchConfig
from dsv4_env.model.quoting import word

_JSON = Limits("JSON", TEXT.cannot)


def export(config: LaunchConfig) -> str:
    """One shell-quoted line; words that no shell would change stay bare."""
    return " ".join(map(word, known_args(config))) + "\n"


def nul(config: LaunchConfig) -> str:
    """Each word as it is, ended by a NUL."""
    return "".join(f"{w}\0" for w in known_args(config))


def json(config: LaunchConfig) -> str:
    """An array on one line."""
    return json_.dumps(known_args(config, _JSON), ensure_ascii=False) + "\n"
