"""Python: a dict and a list as SGLang's AMD tests write them, formatted as black would."""

from __future__ import annotations

from dsv4_env.exporters.known import known_args, known_env
from dsv4_env.model import LaunchConfig


def _string(value: str) -> str:
    """A string literal with double quotes where black would use them."""
    single = repr(value)
    if '"' in value or "'" in value or not single.startswith("'"):
        return single
    return f'"{single[1:-1]}"'


def export(config: LaunchConfig) -> str:
    """``ENV_VARS = {…}`` and ``OTHER_ARGS = […]``."""
    env = "".join(f"    {_string(n)}: {_string(v)},\n" for n, v in known_env(config).items())
    args = "".join(f"    {_string(word)},\n" for word in known_args(config))
    dict_text = f"{{\n{env}}}" if env else "{}"
    list_text = f"[\n{args}]" if args else "[]"
    return f"ENV_VARS = {dict_text}\n\nOTHER_ARGS = {list_text}\n"
