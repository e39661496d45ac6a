"""JSON: for any other program, and for VS Code."""

from __future__ import annotations

import json
from typing import Any

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.container import COMMAND
from dsv4_env.exporters.known import (
    ANY_NAME,
    NOT_TEXT,
    TEXT,
    Limits,
    env_or_outside,
    known_args,
    known_env,
)
from dsv4_env.model import LaunchConfig

_JSON = Limits("JSON", TEXT.cannot, ANY_NAME, "no =")
# ${…} is filled in wherever it stands, and there is no way to write it otherwise.
_VSCODE = Limits("VS Code's launch.json", rf"\$\{{[^}}]*\}}|[{NOT_TEXT}]")


def export(config: LaunchConfig) -> str:
    """An object with ``env`` (name to value) and ``args`` (a list of words)."""
    return _dump({"env": known_env(config, _JSON), "args": known_args(config, _JSON)})


def vscode(config: LaunchConfig, options: ExportOptions) -> str:
    """A ``launch.json`` with one configuration for the Python debugger."""
    configuration = {
        "name": options.name or config.name,
        "type": "debugpy",
        "request": "launch",
        "module": COMMAND[-1],
        "args": known_args(config, _VSCODE),
        "env": {
            name: f"${{env:{name}}}" if value is None else value
            for name, value in env_or_outside(config, _VSCODE).items()
        },
        "console": "integratedTerminal",
        "justMyCode": False,
    }
    return _dump({"version": "0.2.0", "configurations": [configuration]})


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
