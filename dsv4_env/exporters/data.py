"""Data for other programs: words, JSON, TOML, Python, and SGLang's own YAML.

SGLang puts ``--`` before each key of its ``--config`` file: true stands for a flag without a value,
a list for several values of one flag, and any other value is taken as its text. It doesn't read a
flag twice.
"""

from __future__ import annotations

import json
from typing import Any

from dsv4_env.exporters.known import (
    ANY_NAME,
    BYTES,
    COMMAND,
    NOT_TEXT,
    TEXT,
    ExportOptions,
    Fallback,
    Limits,
    arg_groups,
    by_flag,
    env_or_outside,
    known_args,
    known_env,
    notes,
)
from dsv4_env.exporters.yaml import Node, Noted, dump_yaml
from dsv4_env.model import FROM_ENVIRONMENT, LaunchConfig
from dsv4_env.model.errors import ExportError
from dsv4_env.model.quoting import python, word

_ARGS_JSON = Limits("JSON", TEXT.cannot)
_JSON = Limits("JSON", TEXT.cannot, ANY_NAME, "no =")
# ${…} is filled in wherever it stands, and there is no way to write it otherwise.
_VSCODE = Limits("VS Code's launch.json", rf"\$\{{[^}}]*\}}|[{NOT_TEXT}]")
_TOML = Limits("TOML", TEXT.cannot)
_CONFIG_FILE = "SGLang's --config"
_CONFIG = Limits(_CONFIG_FILE)
_PYTHON = Limits("os.environ", BYTES.cannot, ANY_NAME, "no =")


# The server arguments alone


def args_line(config: LaunchConfig) -> str:
    """One shell-quoted line; words that no shell would change stay bare."""
    return " ".join(map(word, known_args(config))) + "\n"


def args_nul(config: LaunchConfig) -> str:
    """Each word as it is, ended by a NUL."""
    return "".join(f"{w}\0" for w in known_args(config))


def args_json(config: LaunchConfig) -> str:
    """An array on one line."""
    return json.dumps(known_args(config, _ARGS_JSON), ensure_ascii=False) + "\n"


# JSON


def env_and_args(config: LaunchConfig) -> str:
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


# TOML


def toml_layer(config: LaunchConfig, options: ExportOptions) -> str:
    """The tables ``[env]`` and ``[args]``. Raises ExportError for words that no flag owns."""
    import tomli_w  # no other format needs it

    said = notes(config, options)
    flags = by_flag(config, _TOML, "a profile has no positional arguments")
    rows = [*(f"# {text}\n" for text in said.head), "[env]\n"]
    for name, value in env_or_outside(config, _TOML).items():
        if value is None:
            line = f"{name} = {FROM_ENVIRONMENT}\n"
        elif isinstance(value, Fallback):
            line = f"{name} = {{ {tomli_w.dumps({'default': str(value)}).strip()} }}\n"
        else:
            line = tomli_w.dumps({name: value})
        rows += [*(f"# {text}\n" for text in said.env(name)), line]
    rows.append("\n[args]\n")
    for flag, (index, found) in flags.items():
        rows += [
            *(f"# {text}\n" for text in said.arg(index)),
            tomli_w.dumps({flag: _toml_value(found)}),
        ]
    return "".join(rows)


def _toml_value(found: list[list[str]]) -> Any:
    if found == [[]]:
        return True
    if len(found) > 1:
        return found
    return found[0][0] if len(found[0]) == 1 else found[0]


# SGLang's --config


def sglang_config(config: LaunchConfig, options: ExportOptions) -> str:
    """A mapping of flags without their dashes. Raises ExportError for what it can't hold."""
    said = notes(config, options)
    data: dict[str, Node] = {}
    for flag, (i, found) in by_flag(config, _CONFIG, f"{_CONFIG_FILE} has no others").items():
        where = (config.args or ())[i].location
        if not flag.startswith("--"):
            raise ExportError(
                f"{flag} can't stand in {_CONFIG_FILE}", where=where, expected="its long name"
            )
        if len(found) > 1:
            raise ExportError(
                f"{flag} is given {len(found)} times, and {_CONFIG_FILE} holds it once",
                where=where,
                expected="one setting of each flag",
            )
        values = found[0]
        value: Node = values if len(values) > 1 else values[0] if values else True
        data[flag[2:]] = Noted(value, said.arg(i))
    return dump_yaml(data, said.head)


# Python


def python_file(config: LaunchConfig, options: ExportOptions) -> str:
    """``ENV_VARS = {…}`` and ``OTHER_ARGS = […]``."""
    said = notes(config, options)
    env: list[str] = []
    found = env_or_outside(config, _PYTHON)
    for name, value in found.items():
        env += [f"# {text}" for text in said.env(name)]
        env.append(f"{python(name)}: {_python_value(name, value)},")
    args: list[str] = []
    for i, words in enumerate(arg_groups(config)):
        args += [f"# {text}" for text in said.arg(i)]
        args += [f"{python(word)}," for word in words]
    head = "".join(f"# {text}\n" for text in said.head)
    taken = any(v is None or isinstance(v, Fallback) for v in found.values())
    head += "import os\n\n" if taken else ""
    return f"{head}ENV_VARS = {_block('{}', env)}\n\nOTHER_ARGS = {_block('[]', args)}\n"


def _python_value(name: str, value: str | None) -> str:
    if value is None:
        return f"os.environ[{python(name)}]"
    if isinstance(value, Fallback):
        return f"os.environ.get({python(name)}) or {python(value)}"
    return python(value)


def _block(brackets: str, rows: list[str]) -> str:
    if not rows:
        return brackets
    return brackets[0] + "\n" + "".join(f"    {row}\n" for row in rows) + brackets[1]
