"""Python: a dict and a list as SGLang's AMD tests write them, formatted as black would."""

from __future__ import annotations

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.known import ANY_NAME, BYTES, Limits, arg_groups, env_or_outside
from dsv4_env.exporters.notes import notes
from dsv4_env.model import LaunchConfig
from dsv4_env.model.quoting import python

_LIMITS = Limits("os.environ", BYTES.cannot, ANY_NAME, "no =")


def export(config: LaunchConfig, options: ExportOptions) -> str:
    """``ENV_VARS = {…}`` and ``OTHER_ARGS = […]``."""
    said = notes(config, options)
    env: list[str] = []
    found = env_or_outside(config, _LIMITS)
    for name, value in found.items():
        env += [f"# {text}" for text in said.env(name)]
        env.append(f"{python(name)}: {_outside(name) if value is None else python(value)},")
    args: list[str] = []
    for i, words in enumerate(arg_groups(config)):
        args += [f"# {text}" for text in said.arg(i)]
        args += [f"{python(word)}," for word in words]
    head = "".join(f"# {text}\n" for text in said.head)
    head += "import os\n\n" if None in found.values() else ""
    return f"{head}ENV_VARS = {_block('{}', env)}\n\nOTHER_ARGS = {_block('[]', args)}\n"


def _outside(name: str) -> str:
    return f"os.environ[{python(name)}]"


def _block(brackets: str, rows: list[str]) -> str:
    if not rows:
        return brackets
    return brackets[0] + "\n" + "".join(f"    {row}\n" for row in rows) + brackets[1]
