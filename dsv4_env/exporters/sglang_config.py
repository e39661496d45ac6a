"""The YAML file that ``sglang.launch_server --config`` reads.

SGLang puts ``--`` before each key: true stands for a flag without a value, a list for several
values of one flag, and any other value is taken as its text. It doesn't read a flag twice.
"""

from __future__ import annotations

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.flags import by_flag
from dsv4_env.exporters.known import Limits
from dsv4_env.exporters.notes import notes
from dsv4_env.exporters.yaml import Node, Noted, dump
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ExportError

_FORMAT = "SGLang's --config"
_LIMITS = Limits(_FORMAT)


def export(config: LaunchConfig, options: ExportOptions) -> str:
    """A mapping of flags without their dashes. Raises ExportError for what it can't hold."""
    said = notes(config, options)
    data: dict[str, Node] = {}
    for flag, (i, found) in by_flag(config, _LIMITS, f"{_FORMAT} has no others").items():
        where = (config.args or ())[i].location
        if not flag.startswith("--"):
            raise ExportError(
                f"{flag} can't stand in {_FORMAT}", where=where, expected="its long name"
            )
        if len(found) > 1:
            raise ExportError(
                f"{flag} is given {len(found)} times, and {_FORMAT} holds it once",
                where=where,
                expected="one setting of each flag",
            )
        values = found[0]
        value: Node = values if len(values) > 1 else values[0] if values else True
        data[flag[2:]] = Noted(value, said.arg(i))
    return dump(data, said.head)
