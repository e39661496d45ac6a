"""SkyPilot's tasks: the servers that their ``run`` starts.

Source: docs.skypilot.co, "SkyPilot YAML" (``envs``, ``secrets``, ``run``, ``setup``) and
"Environment variables" (``SKYPILOT_NUM_NODES`` and its like).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dsv4_env.lang import yaml as yaml_source
from dsv4_env.lang.yaml import Mapping, Node, Scalar
from dsv4_env.model import ENV_NAME, Image, LaunchConfig, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.kind import YAML, FileKind

READER = "skypilot"
_KIND = "a task of SkyPilot"
_EACH = 8  # steps that a variable takes
_SWITCH = re.compile(r"yes|no|true|false|on|off", re.I)
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_FRACTION = re.compile(r"-?[0-9]{1,4}\.[0-9]{1,10}")
_NUMBER = re.compile(r"[-+]?\.?[0-9][0-9_.:eExXa-fA-F+-]*|[-+]?\.(?:inf|nan)", re.I)
_ACCELERATORS = re.compile(r"[\w-]+(?::([1-9][0-9]*))?")


def read_all(
    data: str | bytes, path: str = "<task>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every launch of a server that the tasks' ``run`` make, in order; ``setup`` sets nothing.

    A value of ``envs`` is known unless ``--env`` gives another; without one, and of ``secrets``,
    it is Unknown. Raises ReadError where no document is a task.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        documents = yaml_source.parse(data, path, _KIND, budget)
        tasks = [d for d in documents if isinstance(d, Mapping) and d.get("run") is not None]
        if not tasks:
            raise ReadError("no run", where=path, expected=_KIND)
        for task in tasks:
            name = task.text("name")
            found += _launches(task, f"{path} {name}" if name else path, budget)
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


def _launches(task: Mapping, name: str, budget: Budget) -> list[LaunchConfig]:
    run = task.get("run")
    if not isinstance(run, Scalar) or not embedded.mentions([run.text]):
        return []
    notes: list[Note] = []
    own = list(_own(task, run))
    settings = [s for table in ("envs", "secrets") for s in _settings(task, table, notes, budget)]
    given = {s.name for s in settings}
    settings += [s for s in own if s.name not in given]
    text = PlacedText(((run.text, run.offsets()),), run.lines)
    found = embedded.read_script(text, settings, name=name, reader=READER, budget=budget)
    image = _image(task.get("resources"))
    return [
        replace(c, notes=(*c.notes, *embedded.few(notes)), image=c.image or image) for c in found
    ]


def _settings(
    task: Mapping, table: str, notes: list[Note], budget: Budget
) -> Iterator[FileSetting]:
    given = task.mapping(table)
    for name, value in (given.items if given else {}).items():
        assert given is not None
        place = given.keys[name].location
        budget.step(place, _EACH)
        if not isinstance(value, Scalar) or not ENV_NAME.fullmatch(name):
            notes.append(Note(f"{name} of {table} isn't a variable with a text", place))
        elif value.null or table == "secrets":
            why = "given at the launch" if table == "envs" else "a secret, given at the launch"
            unknown = Unknown(f"${{{name}}}", why, (name,), location=value.location)
            yield FileSetting(name, unknown, place, value.spelled)
        else:
            known = _text(value)
            yield FileSetting(name, known, place, value.spelled)


def _text(value: Scalar) -> str | Unknown:
    """What SkyPilot makes of a value: Python's text of what YAML 1.1 reads it as."""
    if not value.plain:
        return value.text
    if _SWITCH.fullmatch(value.text):
        return str(value.text.lower() in ("yes", "true", "on"))
    if _FRACTION.fullmatch(value.text):
        return repr(float(value.text))
    if _NUMBER.fullmatch(value.text) and not _WHOLE.fullmatch(value.text):
        reason = "YAML reads it as a number, whose text may be another"
        return Unknown(value.text, reason, location=value.location)
    return value.text


def _own(task: Mapping, run: Scalar) -> Iterator[FileSetting]:
    """What SkyPilot itself sets, as far as the run asks for it."""
    gpus: Value | None = None
    accelerators = task.text("resources", "accelerators")
    if accelerators is not None and (m := _ACCELERATORS.fullmatch(accelerators)):
        gpus = m[1] or "1"
    nodes = task.get("num_nodes")
    many: Value | None = "1" if nodes is None else None
    if isinstance(nodes, Scalar) and _WHOLE.fullmatch(nodes.text):
        many = nodes.text
    resources, rank = task.get("resources") or run, "0" if many == "1" else None
    for name, known, told in (
        ("SKYPILOT_NUM_GPUS_PER_NODE", gpus, resources),
        ("SKYPILOT_NUM_NODES", many, nodes or run),
        ("SKYPILOT_NODE_RANK", rank, nodes or run),
        ("SKYPILOT_NODE_IPS", None, nodes or run),
        ("SKYPILOT_TASK_ID", None, run),
    ):
        if name in run.text:
            place = told.location
            unknown = Unknown(f"${{{name}}}", "SkyPilot sets it on each node", (name,))
            yield FileSetting(name, unknown if known is None else known, place, str(known or ""))


def _image(resources: Node | None) -> Image | None:
    """The container that the task runs in: ``image_id: docker:NAME``."""
    named = resources.text("image_id") if isinstance(resources, Mapping) else None
    if named is None or not named.startswith("docker:"):
        return None
    return Image(named.removeprefix("docker:"))


KIND = FileKind(
    READER,
    "a task of SkyPilot",
    read_all,
    summary="a task of SkyPilot",
    among=YAML,
    content=(rb"^run\s*:", rb"^(?:resources|envs|num_nodes|setup|file_mounts|workdir|secrets)\s*:"),
    related=True,
    layered=True,
    word="task",
    editable=True,
)
