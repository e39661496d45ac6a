"""InferenceX's master configurations: the servers that each point of their search spaces starts.

An entry names a model, a framework and a runner, and points of a space: each is one run of a script
of the repository with variables of it, of a recipe of srt-slurm, or of the tables for AMD's
disaggregated servers. What the cluster's own launcher sets is not known.

Source: SemiAnalysisAI/InferenceX at 843c6254: utils/matrix_logic/generate_sweep_configs.py,
.github/workflows/benchmark-tmpl.yml and benchmark-multinode-tmpl.yml, runners/launch_*.sh.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from math import prod
from pathlib import Path

from dsv4_env.guard.files import is_dir, is_file, is_within, looked_at, read_bytes, real
from dsv4_env.lang import yaml
from dsv4_env.lang.yaml import Mapping, Node, Scalar, Sequence, plain_value
from dsv4_env.model import Image, LaunchConfig, Location, Note, Unknown, Value
from dsv4_env.model.budget import STEPS, Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import amd_disagg, bash, embedded, srt_slurm
from dsv4_env.readers.kind import YAML, FileKind

_KIND = "a master configuration of InferenceX"
_READER = "inferencex"
_EACH = 8  # steps that a setting of a point takes
_MODEL = "DeepSeek-V4"
_FRAMEWORK = re.compile(r"(?:dynamo-)?sglang(?:-disagg)?")
_SERVED = re.compile(r"^[ \t]+framework[ \t]*:[ \t]*[\"']?(?:dynamo-)?sglang", re.M)
# What one entry has from another one: then all of them have to be read.
_SHARED = re.compile(r"(?:[:\-,\[]|^)[ \t]+[&*]\w|<<[ \t]*:", re.M)
_ENTRY = re.compile(r"^(?=[^\s#\-%].*:)", re.M)
_RECIPE = re.compile(r"recipes/([\w./-]+\.ya?ml)(?::([\w.\[\]]+))?")
_ASSIGNED = re.compile(
    rb"(?:^|[;&|({]|\b(?:export|local|then|else|do))[ \t]*([A-Z_]+)=(?![\"']?\$\{?\1\b)", re.M
)
_HANDED = re.compile(rb"--export=ALL,([A-Z_]+)=([\w./-]+)")
_GPUS = "gpus-per-node"
_MEMORY = 2_861_022  # MiB of a node that are counted at most
_WORKSPACE = "/workspace"  # where a container has the checkout, unless told otherwise
_STEPS = 8_000_000  # of a file, which stands for as many scripts as it has points
_MOST = 64  # points of one range: it doubles
_SEQUENCES = {(1024, 1024): "1k1k", (8192, 1024): "8k1k"}


def read_all(
    data: str | bytes,
    path: str = "<configuration>",
    *,
    root: Path | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """The launches of the entries that serve DeepSeek-V4 by SGLang, point for point.

    Points that launch the same are told as one. The scripts and recipes are those of the checkout
    that the file lies in, or of *root*. Raises ReadError where the data is no such configuration,
    and where nothing of what it names can be read.
    """
    budget = budget or Budget(_STEPS)
    found: list[LaunchConfig] = []
    problems: list[ReadError] = []
    try:
        text = yaml.decode(data, path, _KIND)
        documents = yaml.parse(_relevant(text), path, _KIND, budget)
        top = documents[0] if documents else None
        if top is not None and not isinstance(top, Mapping):
            raise ReadError("no mapping", where=path, expected=_KIND)
        checkout = _Checkout(_root(path, root))
        for name, node in (top.items if top is not None else {}).items():
            if not isinstance(node, Mapping) or node.get("scenarios") is None:
                continue
            entry = _Entry(name, node, path, checkout, budget)
            for point in entry.points() if entry.counts() else ():
                try:
                    for config in point.launches():
                        found.append(config)  # noqa: PERF402  # those before the budget's end
                except BudgetError:
                    raise
                except ReadError as exc:
                    problems.append(exc)
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return embedded.with_unread(found, problems, path)


def _relevant(text: str) -> str:
    """The text with the entries that serve no DeepSeek-V4 by SGLang blank, line for line."""
    if _SHARED.search(text):
        return text
    cuts = [m.start() for m in _ENTRY.finditer(text)]
    if not cuts:
        return text
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return "".join(p if _SERVED.search(p) and _MODEL in p else "\n" * p.count("\n") for p in parts)


def _root(path: str, root: Path | None) -> Path | None:
    """The checkout that a file lies in, below *root*; else *root* itself."""
    file = Path(path)
    above = real(file).parents if is_file(file) else ()
    found = next((p for p in above if is_dir(p / "benchmarks")), None)
    return found if found is not None and (root is None or is_within(found, root)) else root


@dataclass(frozen=True, slots=True)
class _Checkout:
    """The checkout's own files, where it is on disk."""

    root: Path | None

    def data(self, name: str) -> bytes | None:
        """The bytes of a file, None where it isn't there."""
        if self.root is None:
            return None
        file = self.root / name
        if not is_within(file, self.root):
            return None
        looked_at(file)
        return read_bytes(file, expected=name, root=self.root) if is_file(file) else None

    def first(self, names: list[str], where: Location) -> tuple[str, bytes]:
        """The first file that is there. Raises ReadError where there is none."""
        for name in names:
            if (data := self.data(name)) is not None:
                return name, data
        raise ReadError(
            f"{names[0]} isn't there", where=where, expected="it below the checkout, or --root"
        )

    def shown(self, name: str) -> str:
        return str(self.root / name) if self.root is not None else name

    def launchers(self, label: str) -> list[bytes]:
        """The launchers of a runner's label: those of the nodes that it stands for."""
        data = self.data("configs/runners.yaml")
        if data is None:
            return []
        nodes = _runner(data, label)
        names = dict.fromkeys(n.partition("_")[0] for n in nodes.labels)
        found = (self.data(f"runners/launch_{n}.sh") for n in names)
        return [f for f in found if f is not None]


@dataclass(frozen=True, slots=True)
class _Runner:
    """What a runner's label stands for: nodes, their memory in MiB and their accelerators."""

    labels: tuple[str, ...] = ()
    memory: int | None = None
    accelerators: int | None = None


@lru_cache(maxsize=64)
def _runner(data: bytes, label: str) -> _Runner:
    documents = yaml.parse(data, "configs/runners.yaml", "InferenceX's runners")
    top = documents[0] if documents else None
    if not isinstance(top, Mapping):
        return _Runner()
    given = (top.get("hardware", label, key) for key in ("available-cpu-dram-mib", _GPUS))
    values = (plain_value(node) if node is not None else None for node in given)
    sizes = [v if isinstance(v, int) and v > 0 else None for v in values]
    items = top.sequence("labels", label)
    return _Runner(tuple(n.text for n in items if isinstance(n, Scalar)), *sizes)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the configuration."""

    name: str
    node: Mapping
    path: str
    checkout: _Checkout
    budget: Budget

    def text(self, key: str) -> str:
        return self.node.text(key) or ""

    def counts(self) -> bool:
        """Whether it serves DeepSeek-V4 by SGLang."""
        return bool(_FRAMEWORK.fullmatch(self.text("framework"))) and _MODEL in self.text("model")

    @property
    def hardware(self) -> str:
        """The accelerator, as scripts are called after it."""
        return re.split(r"[-_]", self.text("runner").removeprefix("cluster:"))[0]

    def points(self) -> Iterator[_Point]:
        """The points of its search spaces."""
        for kind in ("fixed-seq-len", "agentic-coding"):
            for lengths in self.node.sequence("scenarios", kind):
                if not isinstance(lengths, Mapping):
                    continue
                for space in lengths.sequence("search-space"):
                    if isinstance(space, Mapping):
                        self.budget.step(space.location, 8 * _EACH)
                        yield _Point(self, kind, lengths, space)


@dataclass(slots=True)
class _Point:
    """A point of a search space: all of its concurrencies."""

    entry: _Entry
    kind: str
    lengths: Mapping
    space: Mapping
    notes: list[Note] = field(default_factory=list)

    @property
    def agentic(self) -> bool:
        return self.kind == "agentic-coding"

    def number(self, node: Node | None, otherwise: int | None) -> int:
        """A whole number. Raises ReadError where it is none; of None, where it isn't there."""
        if node is None and otherwise is not None:
            return otherwise
        if node is None:
            raise ReadError("a point without tp", where=self.space.location, expected="tp: 8")
        value = plain_value(node)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ReadError(f"{value!r}", where=node.location, expected="a whole number")
        return value

    def concurrencies(self) -> list[int]:
        """How many requests there are at once, run for run."""
        given = self.space.get("conc-list")
        if isinstance(given, Sequence) and given.items:
            return [self.number(n, 1) for n in given.items]
        first = self.number(self.space.get("conc-start"), 1)
        last = self.number(self.space.get("conc-end"), first)
        if first < 1 or last < first:
            where = (self.space.get("conc-start") or self.space).location
            raise ReadError(f"{first} to {last}", where=where, expected="a range from 1 on")
        found = [first]
        while found[-1] < last and len(found) < _MOST:
            found.append(min(2 * found[-1], last))
        return found

    @property
    def sizes(self) -> str:
        """The lengths of its sequences, as InferenceX calls them."""
        if self.agentic:
            return "agentic"
        pair = tuple(self.number(self.lengths.get(k), 0) for k in ("isl", "osl"))
        return _SEQUENCES.get((pair[0], pair[1]), f"{pair[0]}_{pair[1]}")

    def launches(self) -> Iterator[LaunchConfig]:
        """What its runs launch, each once."""
        framework = self.entry.text("framework")
        if framework == "sglang":
            found = self.single_node()
        elif framework == "dynamo-sglang":
            found = self.recipe()
        else:
            found = self.disaggregated()
        label = " ".join(filter(None, (self.entry.path, self.entry.name, self.sizes)))
        image = self.entry.text("image")
        at = self.space.location
        for named, config in found:
            yield replace(
                config,
                name=f"{label} {named}",
                reader=_READER,
                location=at,
                end_line=at.line,
                image=Image(image) if image else config.image,
                notes=embedded.few((*config.notes, *self.notes)),
            )

    def switch(self, worker: Mapping, key: str) -> str:
        node = worker.get(key)
        return str(bool(node is not None and plain_value(node))).lower()

    def shape(self, worker: Mapping) -> str:
        """How a worker is split, in short."""
        expert = self.number(worker.get("ep"), 1)
        parts = [f"tp{self.number(worker.get('tp'), None)}"]
        parts += [f"ep{expert}"] if expert > 1 else []
        parts += ["dpa"] if self.switch(worker, "dp-attn") == "true" else []
        return " ".join(parts)

    # A script with its variables

    def variables(self) -> dict[str, str]:
        """What the workflow sets for a run of its own machine."""
        entry, space = self.entry, self.space
        isl, osl = (self.number(self.lengths.get(k), 0) for k in ("isl", "osl"))
        backend = space.text("kv-offload-backend", "name") or ""
        found = {
            "MODEL": entry.text("model"), "MODEL_PREFIX": entry.text("model-prefix"),
            "IMAGE": entry.text("image"), "FRAMEWORK": entry.text("framework"),
            "PRECISION": entry.text("precision"), "TP": str(self.number(space.get("tp"), None)),
            "PP_SIZE": str(self.number(space.get("pp"), 1)),
            "DCP_SIZE": str(self.number(space.get("dcp-size"), 1)),
            "PCP_SIZE": str(self.number(space.get("pcp-size"), 1)),
            "EP_SIZE": str(self.number(space.get("ep"), 1)),
            "DP_ATTENTION": self.switch(space, "dp-attn"),
            "SPEC_DECODING": space.text("spec-decoding") or "none",
            "EVAL_ONLY": "false", "RANDOM_RANGE_RATIO": "0.8", "SCENARIO_TYPE": self.kind,
            "IS_AGENTIC": "1" if self.agentic else "0",
            "SCENARIO_SUBDIR": "agentic/" if self.agentic else "fixed_seq_len/",
            "KV_OFFLOADING": space.text("kv-offloading") or ("none" if self.agentic else ""),
            "KV_OFFLOAD_BACKEND": backend, "RESULT_DIR": "/workspace/results",
        }  # fmt: skip
        if self.agentic:
            if (memory := self.memory()) is not None:
                found["TOTAL_CPU_DRAM_GB"] = memory
            return {**found, "MAX_MODEL_LEN": "0", "DURATION": "3600", "ISL": "", "OSL": ""}
        lengths = {"ISL": str(isl), "OSL": str(osl), "MAX_MODEL_LEN": str(isl + osl + 256)}
        return {**found, **lengths}

    def memory(self) -> str | None:
        """How much of a node's memory the cache may take, in GB; None where that isn't known."""
        if (self.space.text("kv-offloading") or "none") != "dram":
            return "0"
        data = self.entry.checkout.data("configs/runners.yaml")
        runner = _runner(data, self.entry.text("runner")) if data is not None else _Runner()
        share = self.lengths.text("dram-utilization") or ""
        if runner.memory is None or runner.accelerators is None:
            return None
        if not re.fullmatch(r"[01](?:\.\d{1,6})?", share):
            return None
        used = prod(self.number(self.space.get(k), 1) for k in ("tp", "pp", "pcp-size"))
        size = min(runner.memory, _MEMORY) * 2**20 * Decimal(share) * used / runner.accelerators
        return str(int(size / 10**9))

    def script(self) -> tuple[str, bytes]:
        """The script that the launcher runs: the framework's own, else the one without a name."""
        entry = self.entry
        folder = "agentic" if self.agentic else "fixed_seq_len"
        kind = f"{entry.text('model-prefix')}_{entry.text('precision')}_{entry.hardware}"
        base = f"benchmarks/single_node/{folder}/{kind}"
        end = "_mtp.sh" if self.space.text("spec-decoding") == "mtp" else ".sh"
        names = [f"{base}_{entry.text('framework')}{end}", f"{base}{end}"]
        return entry.checkout.first(names, self.space.location)

    def single_node(self) -> Iterator[tuple[str, LaunchConfig]]:
        name, data = self.script()
        inputs = self.variables()
        for launcher in self.entry.checkout.launchers(self.entry.text("runner")):
            for variable in _ASSIGNED.findall(launcher):
                inputs.pop(variable.decode(), None)
            for variable, value in _HANDED.findall(launcher):
                inputs.setdefault(variable.decode(), value.decode())

        root = self.entry.checkout.root
        if root is not None:  # the scripts look for each other there
            inputs["INFMAX_CONTAINER_WORKSPACE"] = str(root)

        def read(more: dict[str, str]) -> list[LaunchConfig]:
            outer = self.entry.budget
            inner = Budget(max(1, min(STEPS, outer.steps - outer.spent_steps)))
            try:
                with bash.uncollected(wanted=True):  # small scripts source a large library
                    found = bash.read_all(
                        data,
                        self.entry.checkout.shown(name),
                        inputs={**inputs, **more},
                        root=root,
                        budget=inner,
                    )
            finally:
                outer.take(inner, self.space.location)
            return [_within(c, str(root)) if root is not None else c for c in found]

        counts = self.concurrencies()
        shape = self.shape(self.space)
        if (offload := self.space.text("kv-offloading") or "none") != "none":
            shape += f" kv-{offload}"
        found = read({})
        if not any(_depends(c) for c in found):
            runs = [(counts, found)]
        else:
            filled = [[_filled(c, n) for c in found] for n in counts]
            runs = [
                ([n], read({"CONC": str(n)}) if None in c else [x for x in c if x is not None])
                for n, c in zip(counts, filled, strict=True)
            ]
        for many, configs in _alike(runs):
            for i, config in enumerate(configs):
                nth = f" #{i + 1}" if len(configs) > 1 else ""
                yield f"{shape} {_conc(many)}{nth}", config

    # A recipe of srt-slurm

    def recipe(self) -> Iterator[tuple[str, LaunchConfig]]:
        where = self.space.location
        named = self.settings("prefill").get("CONFIG_FILE")
        if named is None:
            raise ReadError("a point without CONFIG_FILE", where=where, expected="a recipe")
        told = _RECIPE.fullmatch(named.partition("=")[2])
        if told is None:
            raise ReadError(shortened(named), where=where, expected="CONFIG_FILE=recipes/….yaml")
        folder = "benchmarks/multi_node/srt-slurm-recipes"
        name, data = self.entry.checkout.first([f"{folder}/{told[1]}"], where)
        shown = self.entry.checkout.shown(name)
        counts = _conc(self.concurrencies())
        for config in srt_slurm.read_all(data, shown, budget=self.entry.budget):
            label = config.name.removeprefix(shown).strip()
            job, _, role = label.rpartition(" ")
            if told[2] is not None and job != told[2]:
                continue
            yield " ".join(filter(None, (self.topology(), counts, job, role))), config

    def topology(self) -> str:
        """How many workers of which shape there are."""
        found = []
        for role, letter in (("prefill", "p"), ("decode", "d")):
            worker = self.space.mapping(role)
            if worker is not None and self.number(worker.get("num-worker"), 1):
                many = self.number(worker.get("num-worker"), 1)
                found.append(f"{many}{letter} {self.shape(worker)}")
        return " ".join(found)

    def settings(self, role: str) -> dict[str, str]:
        """The variables that a worker adds, by name, as they are written."""
        given = self.space.sequence(role, "additional-settings")
        texts = [n.text for n in given if isinstance(n, Scalar)]
        return {t.partition("=")[0]: t for t in texts}

    # AMD's disaggregated servers

    def disaggregated(self) -> Iterator[tuple[str, LaunchConfig]]:
        entry, where = self.entry, self.space.location
        folder = "benchmarks/multi_node/amd_utils"
        _, table = entry.checkout.first([f"{folder}/models.yaml"], where)
        environment = entry.checkout.data(f"{folder}/env.sh")
        script = self.recipe_script()
        counts = self.concurrencies()
        runs = [[n] for n in counts] if self.agentic else [counts]
        done = []
        for many in runs:
            job = amd_disagg.Job(
                model=entry.text("model").rpartition("/")[2],
                agentic=self.agentic,
                workers={r: self.worker(r) for r in ("prefill", "decode")},
                variables={
                    k: v.partition("=")[2]
                    for r in ("prefill", "decode")
                    for k, v in self.settings(r).items()
                },
                concurrency=max(many),
                offloading=self.space.text("kv-offloading") or "none",
                backend=self.space.text("kv-offload-backend", "name") or "",
                place=where,
            )
            found = amd_disagg.launches(
                job, table, entry.checkout.shown(f"{folder}/models.yaml"), environment,
                entry.checkout.shown(f"{folder}/env.sh"), script, entry.budget,
            )  # fmt: skip
            done.append((many, found))
        for many, configs in _alike(done):
            for config in configs:
                yield f"{self.topology()} {_conc(many)} {config.name}", config

    def worker(self, role: str) -> amd_disagg.Worker:
        node = self.space.mapping(role) or self.space
        count, expert = (self.number(node.get(k), 1) for k in ("num-worker", "ep"))
        tensor = self.number(node.get("tp"), None)
        if count < 1 or tensor < 1:
            raise ReadError(f"no {role} workers", where=node.location, expected="one or more")
        return amd_disagg.Worker(count, tensor, expert, self.switch(node, "dp-attn") == "true")

    def recipe_script(self) -> tuple[bytes, str] | None:
        """The script of the entry, which sets variables for its servers."""
        entry = self.entry
        folder = "benchmarks/multi_node/agentic" if self.agentic else "benchmarks/multi_node"
        kind = f"{entry.text('model-prefix')}_{entry.text('precision')}_{entry.hardware}"
        name = f"{folder}/{kind}_{entry.text('framework')}.sh"
        data = entry.checkout.data(name)
        return None if data is None else (data, entry.checkout.shown(name))


def _conc(counts: list[int]) -> str:
    return f"conc{counts[0]}" if len(counts) == 1 else f"conc{counts[0]}-{counts[-1]}"


def _alike(
    runs: list[tuple[list[int], list[LaunchConfig]]],
) -> list[tuple[list[int], list[LaunchConfig]]]:
    """The runs with neighbours that launch the same as one."""
    found: list[tuple[list[int], list[LaunchConfig]]] = []
    for counts, configs in runs:
        if found and [_same(c) for c in found[-1][1]] == [_same(c) for c in configs]:
            found[-1] = ([*found[-1][0], *counts], found[-1][1])
        else:
            found.append((counts, configs))
    return found


def _same(config: LaunchConfig) -> object:
    """What of a launch counts: its settings and when it is made."""
    env = [(e.name, e.value, str(e.condition)) for e in config.env]
    args = [(a.flag, a.values, str(a.condition)) for a in config.args or ()]
    return config.name, env, args, str(config.condition)


def _texts(config: LaunchConfig) -> Iterator[tuple[Value, str]]:
    """The values of a launch, and what their conditions say."""
    for e in config.env:
        yield e.value, str(e.condition or "")
    for a in config.args or ():
        for value in a.values:
            yield value, str(a.condition or "")


_CONC = re.compile(r"\bCONC\b")


def _mapped(config: LaunchConfig, put: Callable[[Value], Value]) -> LaunchConfig:
    """A launch with something done to each of its values."""
    env = tuple(replace(e, value=put(e.value)) for e in config.env)
    args = config.args and tuple(replace(a, values=tuple(map(put, a.values))) for a in config.args)
    return replace(config, env=env, args=args)


def _within(config: LaunchConfig, root: str) -> LaunchConfig:
    """A launch with the checkout's files where a container has them."""
    inside = re.compile(re.escape(root.rstrip("/")) + r"(?=/|\Z)") if root.strip("/") else None

    def put(text: str) -> str:
        return inside.sub(_WORKSPACE, text) if inside is not None else text

    def moved(value: Value) -> Value:
        if isinstance(value, str):
            return put(value)
        return replace(value, text=put(value.text), default=value.default and put(value.default))

    return _mapped(config, moved)


def _depends(config: LaunchConfig) -> bool:
    """Whether a launch that was read without a concurrency may depend on it."""
    if config.partial or _CONC.search(str(config.condition or "")):
        return True
    return any(
        bool(_CONC.search(said))
        or (isinstance(v, Unknown) and ("CONC" in v.names or bool(_CONC.search(v.text))))
        for v, said in _texts(config)
    )


_PRODUCT = re.compile(r"\$\(\((?:(\d{1,6}) \* CONC|CONC \* (\d{1,6}))\)\)")


def _filled(config: LaunchConfig, count: int) -> LaunchConfig | None:
    """The launch with a concurrency put in; None where that takes following the script again."""
    if config.partial or _CONC.search(str(config.condition or "")):
        return None
    if any(_CONC.search(said) for _, said in _texts(config)):
        return None
    lost = False

    def put(value: Value) -> Value:
        nonlocal lost
        if isinstance(value, str) or not ("CONC" in value.names or _CONC.search(value.text)):
            return value
        if value.text == "${CONC}" and value.default is None:
            return str(count)
        if (product := _PRODUCT.fullmatch(value.text)) is not None:
            return str(int(product[1] or product[2]) * count)
        lost = True
        return value

    found = _mapped(config, put)
    required = tuple(r for r in config.required if r.name != "CONC")
    return None if lost else replace(found, required=required)


def _hit(data: bytes) -> bool:
    """Whether a file may launch: by an entry's framework and its model."""
    return b"sglang" in data and _MODEL.encode() in data


_SIGNS: tuple[bytes, ...] = (
    rb"^[ \t]+model-prefix[ \t]*:",
    rb"^[ \t]+scenarios[ \t]*:",
    rb"\bsearch-space[ \t]*:",
)
KIND = FileKind(
    _READER,
    _KIND,
    read_all,
    takes=("root",),
    among=YAML,
    content=_SIGNS,
    hit=_hit,
    related=True,
    layered=True,
    word="configuration",
)
