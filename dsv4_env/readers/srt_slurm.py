"""Recipes of NVIDIA's srt-slurm: what each of their jobs starts, one server for each role.

Sources: NVIDIA/srt-slurm at c88ef731, srtctl/core/config.py (overrides), core/sweep.py,
core/schema.py, cli/mixins/worker_stage.py (environment), backends/sglang.py (command) and
frontends/sglang.py (the router).
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dsv4_env.lang import yaml
from dsv4_env.lang.yaml import Mapping, Node, Scalar, Sequence, plain_value
from dsv4_env.model import (
    ENV_NAME,
    EnvVar,
    Image,
    LaunchConfig,
    Location,
    Note,
    Origin,
    ServerArg,
    Unknown,
    Value,
    mark_superseded,
)
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers.embedded import few
from dsv4_env.readers.kind import YAML, FileKind
from dsv4_env.readers.launcher import DYNAMO, MODULE, ROUTER

_KIND = "a recipe of srt-slurm"
_READER = "srt-slurm"
_EACH = 8  # steps that a setting takes
_ROLES = {"prefill": "prefill", "decode": "decode", "aggregated": "agg"}
# What srtctl takes out of a role's flags: it gives these itself.
_ITS_OWN = ("model-path", "served-model-name", "nccl-port")
_PLACED = "srtctl gives --port, --nccl-port and what places the workers on the nodes itself"
_TRACED = {
    "DYN_LOGGING_SPAN_EVENTS": "true",
    "DYN_LOGGING_JSONL": "true",
    "DYN_LOG": "debug",
}
_BRACES = re.compile(r"\{(\w*)\}")
_TAGGED = re.compile(r"[\w.-]+(?::\d+)?(?:/[\w.-]+)+(?:[:@][\w.:-]+)?")


def read_all(
    data: str | bytes, path: str = "<recipe>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """The launches of each job of a recipe: of every override, of every value of a sweep.

    A job is called as srtctl selects it (``override_NAME``, ``zip_override_NAME[0]``) or as a
    sweep names it; ``base`` counts only where nothing overrides it. Where the *budget* ends, what
    was found is kept as partial. Raises ReadError where the data is no recipe, and where srtctl
    refuses to expand it.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        twice: list[Scalar] = []
        documents = yaml.parse(data, path, _KIND, budget, twice)
        if not documents or not isinstance(documents[0], Mapping):
            raise ReadError("no mapping", where=path, expected=_KIND)
        if len(documents) > 1:
            place = documents[1].location
            raise ReadError("a second document, which srtctl refuses", where=place, expected=_KIND)
        again = [
            Note(f"{k.text} is given again later, and the last one counts", k.location)
            for k in twice
        ]
        for label, node, variant in _jobs(documents[0], budget):
            for values, named in _sweep(node, budget):
                job = _Job(node, path, " ".join(filter(None, (label, named))), values, budget)
                for config in job.launches(variant, again):
                    found.append(config)  # noqa: PERF402  # those before the budget's end are kept
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


# What the jobs of a file are


def _jobs(top: Mapping, budget: Budget) -> Iterator[tuple[str, Mapping, Node | None]]:
    """Each job: its name, its whole configuration, and what of the file is its alone."""
    if "base" not in top.items:
        yield "", top, None
        return
    base = top.mapping("base")
    if base is None:
        raise ReadError("base is no mapping", where=top.keys["base"].location, expected=_KIND)
    named = [k for k in sorted(top.items) if k.startswith("override_")]
    zipped = [k for k in sorted(top.items) if k.startswith("zip_override_")]
    if not named and not zipped:
        yield "base", base, None
    for key in named + zipped:
        node = top.mapping(key)
        if node is None:
            raise ReadError(f"{key} is no mapping", where=top.keys[key].location, expected=_KIND)
        if key in named:
            yield key, _merged(base, node, budget), top.keys[key]
            continue
        for i in range(_length(node, top.keys[key], budget)):
            yield f"{key}[{i}]", _merged(base, _slice(node, i, budget), budget), top.keys[key]


def _merged(base: Mapping, over: Mapping, budget: Budget) -> Mapping:
    """One over the other: mappings go together, ``null`` takes away, the rest is replaced."""
    items, keys = dict(base.items), dict(base.keys)
    budget.step(over.location, len(items) + len(over.items))
    for key, node in over.items.items():
        below = items.get(key)
        if isinstance(node, Scalar) and node.null:
            items.pop(key, None)
            keys.pop(key, None)
            continue
        if isinstance(node, Mapping) and isinstance(below, Mapping):
            node = _merged(below, node, budget)
        items[key], keys[key] = node, over.keys[key]
    return Mapping(items, keys, over.start, over.lines)


def _length(node: Mapping, key: Scalar, budget: Budget) -> int:
    """How many jobs a ``zip_override_…`` stands for: as many as its lists have items."""
    lists: list[Sequence] = list(_lists(node, budget))
    lengths = {len(s.items) for s in lists}
    for one in lists:
        if not one.items:
            raise ReadError(
                "an empty list, which srtctl refuses", where=one.location, expected="an item a job"
            )
    if not lists:
        raise ReadError(
            f"no list in {key.text}, so srtctl refuses it",
            where=key.location,
            expected="a list with an item a job",
        )
    lengths.discard(1)
    if len(lengths) > 1:
        raise ReadError(
            f"lists of {', '.join(map(str, sorted(lengths)))} items in {key.text}",
            where=key.location,
            expected="lists that are equally long, or of one item",
        )
    return lengths.pop() if lengths else 1


def _lists(node: Mapping, budget: Budget) -> Iterator[Sequence]:
    for child in node.items.values():
        budget.step(child.location)
        if isinstance(child, Sequence):
            yield child
        elif isinstance(child, Mapping):
            yield from _lists(child, budget)


def _slice(node: Mapping, index: int, budget: Budget) -> Mapping:
    """A ``zip_override_…`` with the item of one job for each list."""
    items: dict[str, Node] = {}
    for key, child in node.items.items():
        budget.step(child.location)
        if isinstance(child, Sequence):
            items[key] = child.items[0 if len(child.items) == 1 else index]
        else:
            items[key] = _slice(child, index, budget) if isinstance(child, Mapping) else child
    return Mapping(items, node.keys, node.start, node.lines)


def _sweep(node: Mapping, budget: Budget) -> Iterator[tuple[dict[str, Any], str]]:
    """The values of each job of a ``sweep``, and what its name says of them."""
    sweep = node.mapping("sweep")
    if sweep is None:
        yield {}, ""
        return
    for name, chosen_from in sweep.items.items():
        if not isinstance(chosen_from, Sequence):
            where = sweep.keys[name].location
            raise ReadError(f"{name} of the sweep is no list", where=where, expected=_KIND)
    lists = [sweep.sequence(name) for name in sweep.items]
    for chosen in itertools.product(*lists):
        budget.step(sweep.location, 1 + len(chosen))
        values = {n: plain_value(v) for n, v in zip(sweep.items, chosen, strict=True)}
        yield values, "_".join(f"{n}{v}" for n, v in values.items())


# What a job launches


@dataclass(slots=True)
class _Job:
    node: Mapping
    path: str
    label: str
    values: dict[str, Any]  # of a sweep
    budget: Budget
    notes: list[Note] = field(default_factory=list)

    def launches(self, variant: Node | None, again: list[Note]) -> Iterator[LaunchConfig]:
        """The launch of each role that the job has workers of."""
        backend = self.node.mapping("backend")
        if backend is None or self.text(backend.get("type"), "sglang") != "sglang":
            return
        sglang = self.text(self.node.get("frontend", "type"), "dynamo") == "sglang"
        module = MODULE if sglang else DYNAMO
        started: list[str] = []
        for role, mode in _ROLES.items():
            given = backend.get("sglang_config", role)
            place = self.place(backend, role)
            if place is None or not self.has_workers(role, mode, given):
                continue
            self.budget.step(place, 8 * _EACH)
            started.append(mode)
            self.notes = [Note(_PLACED, place)]
            if given is not None and not isinstance(given, Mapping):
                self.notes.append(Note(f"sglang_config.{role} is no mapping", given.location))
            args = tuple(self.arguments(backend, role, mode, place))
            env = mark_superseded(self.environment(backend, role))
            at = variant.location if variant is not None else place
            places = [e.location for e in env] + [a.location for a in args]
            end = max([at.line or 1, *(p.line for p in places if p is not None and p.line)])
            yield LaunchConfig(
                " ".join(filter(None, (self.path, self.label, role))),
                _READER,
                env,
                args,
                ("python3", "-m", module),
                location=at,
                end_line=end,
                notes=few((*self.notes, *again)),
                image=self.image(),
            )
        if sglang and started:
            yield self.router(started, variant, again)

    def router(self, modes: list[str], variant: Node | None, again: list[Note]) -> LaunchConfig:
        """The router before the servers, of which a job may start several alike."""
        where = self.node.keys["frontend"].location
        self.budget.step(where, 8 * _EACH)
        self.notes = []
        args = tuple(self.router_arguments(modes, where))
        given = self.node.get("frontend", "env")
        env = mark_superseded(self.variables(given))
        at = variant.location if variant is not None else where
        places = [where, *(e.location for e in env), *(a.location for a in args)]
        lines = [p.line for p in places if p is not None and p.line]
        return LaunchConfig(
            " ".join(filter(None, (self.path, self.label, "router"))),
            _READER,
            env,
            args,
            ("python", "-m", ROUTER),
            location=at,
            end_line=max([at.line or 1, *lines]),
            notes=few((*self.notes, *again)),
            image=self.image(),
        )

    def router_arguments(self, modes: list[str], place: Location) -> Iterator[ServerArg]:
        """Where the servers are, which srtctl fills in, then what the recipe gives the router."""
        if modes == ["agg"]:
            yield self.argument("--worker-urls", (self.addresses("agg", place),), place)
        else:
            yield self.argument("--pd-disaggregation", (), place)
            for mode in ("prefill", "decode"):
                if mode in modes:
                    yield self.argument(f"--{mode}", (self.addresses(mode, place),), place)
        yield self.argument("--host", ("0.0.0.0",), place)  # noqa: S104  # it only says so
        port = Unknown("port", "it depends on whether nginx stands before it", location=place)
        yield self.argument("--port", (port,), place)
        given = self.node.get("frontend", "args")
        if not isinstance(given, Mapping):
            return
        for name, node in given.items.items():
            where = given.keys[name].location
            self.budget.step(where, _EACH + 2 * sum(1 for _ in yaml.scalars(node)))
            value = self.filled(plain_value(node))
            if value is not None and value is not False:
                words = () if value is True else (str(value),)
                yield self.argument(f"--{name}", words, where)

    def addresses(self, mode: str, place: Location) -> Unknown:
        """The addresses of the servers of a role."""
        why = "srtctl fills in the addresses of the nodes"
        return Unknown(f"{mode} servers", why, splits=True, location=place)

    def text(self, node: Node | None, otherwise: str = "") -> str:
        """A text with what the sweep puts into it; *otherwise* where there is none."""
        if not isinstance(node, Scalar) or node.null:
            return otherwise
        return str(self.filled(plain_value(node)))

    def place(self, backend: Mapping, role: str) -> Location | None:
        """Where a role's flags begin, or its variables, or the count of its workers."""
        for names in (("backend", "sglang_config"), ("backend",), ("resources",)):
            for key in (role, f"{role}_environment", f"{_ROLES[role]}_workers"):
                within = self.node.mapping(*names)
                if within is not None and key in within.keys:
                    return within.keys[key].location
        return None

    def has_workers(self, role: str, mode: str, given: Node | None) -> bool:
        """Whether the job starts servers of a role; where no count is given, by its flags."""
        counts = {m: self.node.get("resources", f"{m}_workers") for m in _ROLES.values()}
        if any(isinstance(n, Scalar) and not n.null for n in counts.values()):
            return self.text(counts[mode], "0") != "0"
        return isinstance(given, Mapping)

    def image(self) -> Image | None:
        """The container, where it is named and not only called something by the cluster."""
        name = self.text(self.node.get("model", "container"))
        return Image(name) if _TAGGED.fullmatch(name) else None

    def filled(self, value: Any) -> Any:
        """A value with what the sweep puts into its ``{name}``."""
        if not self.values:
            return value
        if isinstance(value, dict):
            return {k: self.filled(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.filled(v) for v in value]
        if not isinstance(value, str):
            return value
        for name, chosen in self.values.items():
            mark = f"{{{name}}}"
            if isinstance(chosen, list) and value == mark:
                return chosen
            put = ",".join(map(str, chosen)) if isinstance(chosen, list) else str(chosen)
            self.budget.make(len(value) + value.count(mark) * len(put))
            value = value.replace(mark, put)
        return value

    # The command

    def arguments(
        self, backend: Mapping, role: str, mode: str, place: Location
    ) -> Iterator[ServerArg]:
        """What srtctl gives itself, then the role's flags in the order of their names."""
        config = backend.mapping("sglang_config", role)
        names = {k.replace("_", "-") for k in config.items} if config else set()
        model, where = self.model(place)
        yield self.argument("--model-path", (model,), where)
        yield self.served(backend, where)
        if "host" not in names:
            yield self.argument("--host", ("0.0.0.0",), place)  # noqa: S104  # it only says so
        if mode != "agg" and "disaggregation-mode" not in names:
            yield self.argument("--disaggregation-mode", (mode,), place)
        events, listen = self.events(backend, role)
        if events is not None and listen is not None:
            text = json.dumps({**events, "endpoint": "tcp://*:…"})
            why = "srtctl chooses the port"
            yield self.argument(
                "--kv-events-config", (Unknown(text, why, location=listen),), listen
            )
        for key in sorted(config.items if config else ()):
            assert config is not None
            node, where = config.items[key], config.keys[key].location
            flag = key.replace("_", "-")
            self.budget.step(where, _EACH + 2 * sum(1 for _ in yaml.scalars(node)))
            value = self.filled(plain_value(node))
            if flag in _ITS_OWN or value is None or value is False:
                continue
            words = value if isinstance(value, list) else [] if value is True else [value]
            yield self.argument(f"--{flag}", tuple(map(str, words)), where)

    def argument(self, flag: str, values: tuple[Value, ...], where: Location) -> ServerArg:
        spelled = " ".join(v if isinstance(v, str) else v.text for v in values)
        return ServerArg(flag, values, Origin(_READER, where, spelled))

    def model(self, place: Location) -> tuple[Value, Location]:
        """The model: of ``hf:NAME`` the name; a folder is mounted where srtctl says."""
        node = self.node.get("model", "path")
        if not isinstance(node, Scalar) or node.null:
            return Unknown("model.path", "the recipe names no model", location=place), place
        text, where = self.text(node), node.location
        if text.startswith("hf:"):
            return text.removeprefix("hf:"), where
        if text.startswith("/"):
            return "/model", where
        why = "srtslurm.yaml or the environment says which model that is"
        return Unknown(text, why, location=where), where

    def served(self, backend: Mapping, place: Location) -> ServerArg:
        """The name that the model is served by: that of the first role which has one."""
        for role in ("prefill", "aggregated", "decode"):
            config = backend.mapping("sglang_config", role)
            for key in ("served-model-name", "served_model_name"):
                name = self.text(config.get(key)) if config is not None else ""
                if config is not None and name:
                    return self.argument("--served-model-name", (name,), config.keys[key].location)
        model, where = self.model(place)
        path = self.text(self.node.get("model", "path"))
        last: Value = path.rstrip("/").rpartition("/")[2]
        if isinstance(model, Unknown):
            last = Unknown(model.text, model.reason, location=where)
        return self.argument("--served-model-name", (last,), where)

    def events(self, backend: Mapping, role: str) -> tuple[dict[str, Any] | None, Location | None]:
        """What a role says of its events for a router, None where it says nothing."""
        node = backend.get("kv_events_config")
        if node is None:
            return None, None
        where, value = node.location, self.filled(plain_value(node))
        plain = {"publisher": "zmq", "topic": "kv-events"}
        if value is True:
            return (plain if role != "aggregated" else None), where
        own = value.get(role) if isinstance(value, dict) else None
        if own is True:
            return plain, where
        return ({**plain, **own} if isinstance(own, dict) else None), where

    # The environment

    def environment(self, backend: Mapping, role: str) -> Iterator[EnvVar]:
        """A role's variables, those of all, and what srtctl sets for what the recipe turns on."""
        own = backend.get(f"{role}_environment")
        yield from self.traced(own)
        yield from self.variables(own)
        yield from self.variables(self.node.get("environment"))
        store = backend.mapping("mooncake_kv_store")
        if store is None:
            return
        place = backend.keys["mooncake_kv_store"].location
        yield self.address("MOONCAKE_LOCAL_HOSTNAME", place)
        yield from self.variables(store.get("env"))
        yield self.address("MOONCAKE_MASTER", place)
        yield self.address("MOONCAKE_TE_META_DATA_SERVER", place)

    def address(self, name: str, place: Location) -> EnvVar:
        why = "srtctl fills in the address of the node"
        return EnvVar(name, Unknown(name, why, location=place), Origin(_READER, place))

    def traced(self, own: Node | None) -> Iterator[EnvVar]:
        enabled = self.node.get("observability", "enabled")
        if enabled is None or not plain_value(enabled):
            return
        for name, value in _TRACED.items():
            if not isinstance(own, Mapping) or name not in own.items:
                yield EnvVar(name, value, Origin(_READER, enabled.location, value))

    def variables(self, node: Node | None) -> Iterator[EnvVar]:
        """The variables of a mapping, with what srtctl puts into ``{node}`` unknown."""
        if not isinstance(node, Mapping):
            return
        for name, value in node.items.items():
            place = node.keys[name].location
            self.budget.step(place, _EACH)
            if not ENV_NAME.fullmatch(name):
                self.notes.append(Note(f"{name} is no name of a variable", place))
            elif not isinstance(value, Scalar):
                self.notes.append(Note(f"{name} isn't given as text, which srtctl refuses", place))
            else:
                if not isinstance(plain_value(value), str):
                    shown = value.text or "nothing"
                    message = f"srtctl refuses {shown} without quotes: it isn't text"
                    self.notes.append(Note(message, value.location))
                text = str(self.filled(value.text))
                yield EnvVar(
                    name, self.formatted(text, value), Origin(_READER, place, value.spelled)
                )

    def formatted(self, text: str, node: Scalar) -> Value:
        rest = _BRACES.sub("", text)
        if "{" in rest or "}" in rest:
            why = "srtctl puts it through Python's str.format"
            return Unknown(text, why, location=node.location)
        if {"node", "givenid"} & set(_BRACES.findall(text)):
            return Unknown(text, "srtctl fills in the node", location=node.location)
        return text


KIND = FileKind(
    _READER,
    "a recipe of srt-slurm",
    read_all,
    among=YAML,
    content=(rb"\bsglang_config[\"']?\s*:", rb"\bbackend[\"']?\s*:"),
    hit=lambda data: b"sglang_config" in data,
    layered=True,
    word="recipe",
    editable=True,
)
