"""InferenceX's disaggregated servers on AMD: what their tables of models and scripts make of a job.

A table says for each model which flags a server gets, in which role and split how; the job says
which roles there are. One script sets the variables; it is followed as bash follows it.

Source: SemiAnalysisAI/InferenceX at 843c6254, benchmarks/multi_node/amd_utils: server_sglang.sh,
submit.sh, job.slurm and env.sh.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping as Named
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod

from dsv4_env.lang import yaml
from dsv4_env.lang.yaml import Mapping, Node, Scalar, plain_value
from dsv4_env.model import EnvVar, LaunchConfig, Location, Note, Unknown, Value, mark_superseded
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError, did_you_mean
from dsv4_env.readers import bash, embedded
from dsv4_env.readers.embedded import PlacedText

_KIND = "InferenceX's table of models"
_READER = "inferencex"
_EACH = 8  # steps that a flag takes
_PER_NODE = 8
_BARE = re.compile(r"[\w./:@%+,=-]+")
_TWICE = re.compile(r"[\"\\$`]")  # what a shell reads otherwise the second time
_STARTS = "\npython3 -m sglang.launch_server\n"
# What the job writes into that file are the recipe's own variables, which are known.
_WRITTEN = re.compile(
    r"^if \[\[ -f /config/hicache_mc\.env \]\][^\n]*\n(?:(?!if \[\[ -f |fi$)[^\n]*\n)*+fi$", re.M
)
_SOURCES = re.compile(r"^[ \t]*(?:source|\.)[ \t][^\n]*$", re.M)
_SUBMITS = re.compile(r"^[^\n#]*\bsubmit\.sh\b", re.M)
# Of the recipe's variables, those that the job hands into its containers.
_HANDED = ("MORI_IO_SQ_BACKOFF_TIMEOUT_US", "MORI_IO_QP_MAX_SEND_WR")
# How many tokens are accepted at once where that is only made up: by how far it speculates.
_ACCEPTED = {1: "1.79", 2: "2.27", 3: "2.49"}
_EVALUATED = "a run that evaluates, too, leaves out --ep-dispatch-algorithm and what is made up"
_ITS_OWN = "the job gives its containers variables of its own, too"


@dataclass(frozen=True, slots=True)
class Worker:
    """The servers of a role: how many, on how many accelerators each, and how they're split."""

    count: int
    tensor: int
    expert: int
    attention: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A point of InferenceX's matrix; *place* is where it stands."""

    model: str
    agentic: bool
    workers: Named[str, Worker]
    variables: Named[str, str]
    concurrency: int
    offloading: str
    backend: str
    place: Location

    def number(self, name: str, otherwise: int) -> int:
        """A variable as a whole number. Raises ReadError where it is none."""
        text = self.variables.get(name, str(otherwise))
        if not re.fullmatch(r"\d{1,6}", text):
            raise ReadError(f"{name}={text}", where=self.place, expected="a whole number")
        return int(text)


def launches(
    job: Job,
    table: bytes,
    path: str,
    environment: bytes | None,
    environment_path: str,
    script: tuple[bytes, str] | None,
    budget: Budget,
) -> list[LaunchConfig]:
    """The launch of each role, called after it.

    *table* is the table of models, *environment* the script that sets the variables, *script* the
    recipe's own. Raises ReadError where the table has no such model.
    """
    budget.step(job.place, len(table) // 4)
    top = _table(table, path)
    names = [f"{job.model}-{'AgentX' if job.agentic else 'DI'}", job.model]
    name = next((n for n in names if n in top.items), None)
    node = top.mapping(name) if name is not None else None
    if node is None:
        raise ReadError(
            f"no {names[0]} in {path}", where=job.place, expected="a model of the table",
            hint=did_you_mean(names[0], top.items),
        )  # fmt: skip
    inputs = {
        "IS_AGENTIC": str(int(job.agentic)),
        "KV_OFFLOADING": job.offloading,
        "KV_OFFLOAD_BACKEND": job.backend,
        **job.variables,
    }
    for role, worker in job.workers.items():
        inputs[f"{role.upper()}_EP"] = str(worker.expert)
        inputs[f"{role.upper()}_DP_ATTN"] = str(worker.attention).lower()
    own: dict[str, Value] = dict(job.variables)
    if script is not None:
        text, shown = script
        variables, steps = _exported(
            _before(text.decode(errors="replace")), shown, tuple(sorted(inputs.items()))
        )
        budget.step(job.place, steps)
        own = {**{e.name: e.value for e in variables}, **own}
    given: tuple[EnvVar, ...] = ()
    if environment is not None:
        handed = tuple((n, v) for n in _HANDED if (v := _text(own.get(n))))
        text_of_env = _WRITTEN.sub(
            lambda m: "\n" * m[0].count("\n"), environment.decode(errors="replace")
        )
        known = (("ENGINE", "sglang-disagg"), ("MODEL_NAME", job.model), *handed)
        given, steps = _exported(text_of_env, environment_path, known)
        budget.step(job.place, steps)
    roles = _Roles(job, node, own, given, budget)
    return [roles.launch(role) for role in job.workers if job.workers[role].count]


@lru_cache(maxsize=4)
def _table(data: bytes, path: str) -> Mapping:
    documents = yaml.parse(data, path, _KIND)
    if not documents or not isinstance(documents[0], Mapping):
        raise ReadError("no mapping", where=path, expected=_KIND)
    return documents[0]


def _before(script: str) -> str:
    """A recipe's script as far as it submits its job."""
    found = _SUBMITS.search(script)
    text = script[: found.start()] if found else script
    return _SOURCES.sub("", text)  # what the library exports gets into no container


@lru_cache(maxsize=16)
def _exported(
    script: str, path: str, inputs: tuple[tuple[str, str], ...]
) -> tuple[tuple[EnvVar, ...], int]:
    """What a script exports, as a server gets it that it starts, and the steps that this took."""
    budget = Budget()
    found = bash.read_all(script + _STARTS, path, inputs=dict(inputs), budget=budget)
    return (found[-1].env if found else ()), budget.spent_steps


def _text(value: Value | None) -> str:
    """A value as the scripts count it unless somebody outside sets another one."""
    if isinstance(value, Unknown):
        return value.default or ""
    return value or ""


@dataclass(slots=True)
class _Roles:
    """A model's entry of the table; *own* are the recipe's variables, *given* those of all."""

    job: Job
    node: Mapping
    own: dict[str, Value]
    given: tuple[EnvVar, ...]
    budget: Budget
    parts: list[tuple[Value, list[int] | range]] = field(default_factory=list)

    # What the table says

    def switch(self, node: Node | None, otherwise: bool) -> bool:
        return otherwise if node is None else str(plain_value(node)) in ("True", "true")

    def split(self, role: str) -> str:
        """Which of the table's parts counts for a role."""
        worker = self.job.workers[role]
        if worker.attention:
            return "dp"
        return "ep_only" if role == "decode" and worker.expert > 1 else "no_dp"

    def size(self, role: str) -> int:
        """On how many accelerators each worker of a role is."""
        worker = self.job.workers[role]
        nodes = self.job.number(f"{role.upper()}_NODES", worker.count)
        return nodes * worker.tensor // worker.count

    def both(self, role: str) -> bool:
        """Whether a role is split by data and by experts."""
        worker = self.job.workers[role]
        return worker.attention and worker.expert > 1

    def table(self, role: str, key: str) -> Node | None:
        return self.node.get(role, self.split(role), key)

    @property
    def steps(self) -> int:
        """How far both roles speculate."""
        text = _text(self.own.get("DECODE_MTP_SIZE")) or "0"
        return int(text) if re.fullmatch(r"\d{1,4}", text) else 0

    @property
    def offloads(self) -> bool:
        return self.job.offloading != "none" and self.job.backend == "hicache"

    def known(self, name: str) -> str | None:
        """A variable's value at the time when the table is read."""
        if re.fullmatch(r"(?:PREFILL|DECODE)_TP_SIZE", name):
            return str(self.size(name.partition("_")[0].lower()))
        last = next((e for e in reversed(self.given) if e.name == name), None)
        return last.value if last is not None and isinstance(last.value, str) else None

    def reckoned(self, node: Node | None, otherwise: int) -> tuple[Value, Node | None]:
        """A number, or a product of numbers and variables."""
        if node is None:
            return str(otherwise), None
        plain = plain_value(node)
        if isinstance(plain, int | float) and not isinstance(plain, bool):
            return str(int(plain)), node
        factors = [f.strip() for f in str(plain).split("*")]
        values = [f if re.fullmatch(r"\d{1,9}", f) else self.known(f) for f in factors]
        if all(v is not None and re.fullmatch(r"\d{1,9}", v) for v in values):
            return str(prod(int(v) for v in values if v is not None)), node
        why = "a formula of variables that aren't known"
        return Unknown(str(plain), why, location=node.location), node

    # The launch of a role

    def launch(self, role: str) -> LaunchConfig:
        self.parts = []
        place = self.node.keys.get(role, self.node)
        self.inline(role, place)
        self.command(role, place)
        script = PlacedText(tuple(self.parts), self.node.lines, whole=True)
        found = embedded.read_script(script, (), name=role, reader=_READER, budget=self.budget)
        if len(found) != 1:
            raise ReadError("flags that end the command", where=place.location, expected=_KIND)
        config = found[0]
        env = mark_superseded((*self.variables(), *config.env))
        notes = (*config.notes, Note(_ITS_OWN, self.job.place), Note(_EVALUATED, self.job.place))
        return replace(config, env=env, notes=notes)

    def variables(self) -> Iterator[EnvVar]:
        """What the script of all recipes sets, and what the servers' script changes of it."""
        changed: dict[str, str] = {}
        text = self.known("MORI_MAX_DISPATCH_TOKENS_DECODE")
        if text is not None and text.isdigit():
            tokens = int(text)
            if self.both("decode"):
                tokens = self.job.concurrency // self.size("decode")
                changed["SGLANG_MORI_DISPATCH_INTER_KERNEL_SWITCH_THRESHOLD"] = str(tokens * 2)
            changed["MORI_MAX_DISPATCH_TOKENS_DECODE"] = str(tokens * (self.steps + 1))
        handed = {n: v for n in _HANDED if isinstance(v := self.own.get(n), Unknown)}
        for e in self.given:
            value = changed.get(e.name, e.value)
            if e.name in handed and e.value == handed[e.name].default:
                value = handed[e.name]
            yield e if value == e.value else replace(e, value=value)

    def inline(self, role: str, at: Node) -> None:
        """Write the variables that stand in front of the command."""
        tokens = self.known(f"MORI_NUM_MAX_DISPATCH_TOKENS_PER_RANK_{role.upper()}")
        if tokens is None:
            tokens = self.known(f"MORI_MAX_DISPATCH_TOKENS_{role.upper()}")
        self.assign(
            "SGLANG_MORI_COMBINE_DTYPE", self.known(f"MORI_COMBINE_DTYPE_{role.upper()}"), at
        )
        if role == "prefill" and self.overlaps():
            self.assign("MORI_ENABLE_SDMA", "true", at)
        if most := self.known(f"MORI_MOE_MAX_INPUT_TOKENS_{role.upper()}"):
            self.assign("SGLANG_MORI_MOE_MAX_INPUT_TOKENS", most, at)
        self.assign("SGLANG_MORI_NUM_MAX_DISPATCH_TOKENS_PER_RANK", tokens, at)
        accepted = _ACCEPTED.get(self.steps)
        if role == "decode" and self.job.agentic and accepted and "DeepSeek-V4" in self.job.model:
            self.assign("SGLANG_SIMULATE_ACC_LEN", accepted, at)
            self.assign("SGLANG_SIMULATE_ACC_METHOD", "match-expected", at)
            self.assign("SGLANG_SIMULATE_ACC_TOKEN_MODE", "real-draft-token", at)

    def assign(self, name: str, value: str | None, at: Node) -> None:
        self.write(f"{name}=", at)
        self.value(Unknown(f"${{{name}}}", "env.sh sets it") if value is None else value, at)
        self.write(" ", at)

    def overlaps(self) -> bool:
        """Whether prefill overlaps two batches."""
        node = self.node.get("prefill", "dp", "enable_two_batch_overlap")
        return self.job.workers["prefill"].attention and self.switch(node, False)

    # The command

    def command(self, role: str, at: Node) -> None:
        """Make the command of a role, flag for flag as the script does."""
        worker, size = self.job.workers[role], self.size(role)
        self.write(f"python3 -m sglang.launch_server --model-path /models/{self.job.model}", at)
        self.write(f" --disaggregation-mode {role} --disaggregation-ib-device ", at)
        self.value(Unknown("${IBDEVICES}", "the container asks ibv_devinfo", ("IBDEVICES",)), at)
        self.write(" --host 0.0.0.0 --port 8000 --trust-remote-code", at)
        self.write(f" --tp-size {size}", at)
        if worker.expert > 1:
            self.write(f" --ep-size {size}", at)
        if worker.attention:
            self.write(f" --dp-size {size}", at)
        self.flags("base_flags")
        if worker.expert > 1:
            self.flags("ep_flags")
        if self.steps:
            self.flags("mtp_flags")
            self.write(f" --speculative-num-steps {self.steps}", at)
            self.write(f" --speculative-num-draft-tokens {self.steps + 1}", at)
        if worker.attention:
            self.flags("dp_flags")
        if role == "prefill":
            self.prefill(at)
        else:
            self.decode(at)
        if _text(self.own.get("ENABLE_METRICS")) == "1":
            self.write(" --enable-metrics", at)
        if self.offloads:
            self.offload(role, at)
        nodes = -(-size // _PER_NODE)
        if nodes > 1:
            self.write(" --dist-init-addr ", at)
            self.value(Unknown("${HEADNODE}:${HEADNODE_PORT}", "the worker's first node"), at)
            self.write(f" --nnodes {nodes} --node-rank ", at)
            self.value(Unknown("${NODE_RANK}", "another one on each node"), at)

    def prefill(self, at: Node) -> None:
        part = self.node.mapping("prefill") or self.node
        dp = self.job.workers["prefill"].attention
        self.flag("--mem-fraction-static", part.get("mem_fraction_static"), "0.8", at)
        most = self.table("prefill", "max_running_requests")
        if self.both("prefill"):
            self.write(f" --max-running-requests {self.job.concurrency}", most or at)
        else:
            self.flag("--max-running-requests", most, "24" if dp else "128", at)
        value, node = self.reckoned(self.table("prefill", "chunked_prefill_size"), 262144)
        self.write(" --chunked-prefill-size ", node or at)
        self.value(value, node or at)
        if self.switch(part.get("disable_cuda_graph"), False):
            self.write(" --disable-cuda-graph", part.get("disable_cuda_graph") or at)
        elif dp:
            self.flag("--cuda-graph-bs", self.table("prefill", "cuda_graph_bs"), "1 2 3", at)
        else:
            self.batches("prefill", 128, at)
        drops = self.job.agentic or self.offloads
        if self.switch(part.get("disable_radix_cache"), True) and not drops:
            self.write(" --disable-radix-cache", part.get("disable_radix_cache") or at)
        for key in ("context_length", "max_total_tokens"):
            self.flag(f"--{key.replace('_', '-')}", self.table("prefill", key), "", at)
        if self.overlaps():
            where = self.node.get("prefill", "dp", "enable_two_batch_overlap")
            self.write(" --enable-two-batch-overlap", where or at)

    def decode(self, at: Node) -> None:
        part = self.node.mapping("decode") or self.node
        kind, size = self.split("decode"), self.size("decode")
        self.flag("--mem-fraction-static", part.get("mem_fraction_static"), "0.85", at)
        most = self.table("decode", "max_running_requests")
        if self.both("decode"):
            self.write(f" --max-running-requests {self.job.concurrency}", at)
        elif kind == "dp":
            self.write(f" --max-running-requests {self.range('decode', 160)[1] * size}", at)
        else:
            self.flag("--max-running-requests", most, "256" if kind == "ep_only" else "128", at)
        self.batches("decode", {"dp": 160, "ep_only": 256}.get(kind, 128), at)
        if self.switch(part.get("prefill_round_robin_balance"), True):
            self.write(
                " --prefill-round-robin-balance", part.get("prefill_round_robin_balance") or at
            )
        length = self.table("decode", "context_length")
        if length is None or not str(plain_value(length)):
            length = self.table("prefill", "context_length")
        self.flag("--context-length", length, "", at)
        if self.switch(part.get("disagg_decode_enable_radix_cache"), False):
            where = part.get("disagg_decode_enable_radix_cache") or at
            self.write(" --disaggregation-decode-enable-radix-cache", where)

    def offload(self, role: str, at: Node) -> None:
        """Give what keeps the cache in the host's memory, too: in prefill."""
        self.named("--page-size", "HICACHE_PAGE_SIZE", "1", at)
        if role != "prefill":
            return
        self.write(" --enable-hierarchical-cache", at)
        for flag, name, otherwise in (
            ("--hicache-ratio", "HICACHE_RATIO", "5"),
            ("--hicache-io-backend", "HICACHE_IO_BACKEND", "direct"),
            ("--hicache-mem-layout", "HICACHE_MEM_LAYOUT", "page_first_direct"),
            ("--hicache-write-policy", "HICACHE_WRITE_POLICY", "write_through"),
            ("--hicache-storage-prefetch-policy", "HICACHE_PREFETCH_POLICY", "wait_complete"),
        ):
            self.named(flag, name, otherwise, at)

    def named(self, flag: str, name: str, otherwise: str, at: Node) -> None:
        """Add a flag with a variable of the recipe's."""
        value = self.own.get(name)
        self.write(f" {flag} ", at)
        self.value(value if value is not None and _text(value) else otherwise, at)

    def range(self, role: str, most: int) -> tuple[int, int]:
        """The first and the last batch that a graph is captured for."""
        node = self.table(role, "cuda_graph_bs_range")
        if node is None:
            return 1, most
        found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", str(plain_value(node)))
        return (int(found[1]), int(found[2])) if found else (1, most)

    def batches(self, role: str, most: int, at: Node) -> None:
        first, last = self.range(role, most)
        node = self.table(role, "cuda_graph_bs_range") or at
        self.budget.step(node.location, max(0, last - first))
        self.write(f" --cuda-graph-bs {' '.join(map(str, range(first, last + 1)))}", node)

    def write(self, text: str, at: Node) -> None:
        """Add a text of the script's own."""
        self.budget.step(None, _EACH)
        self.parts.append((text, [at.start]))

    def value(self, value: Value, at: Node) -> None:
        """Add a value as one word."""
        self.parts.append((value, [at.start]))

    def flag(self, flag: str, node: Node | None, otherwise: str, at: Node) -> None:
        """Add a flag with a value of the table's, if it has one."""
        text = otherwise if node is None else str(plain_value(node))
        if not text:
            return
        self.write(f" {flag} ", node or at)
        if all(_BARE.fullmatch(w) for w in text.split()):
            self.parts.append((text, [(node or at).start]))
        else:
            self.value(Unknown(text, "the shell takes it apart", splits=True), node or at)

    def flags(self, key: str) -> None:
        """Add a text of flags, which bash reads as it stands."""
        node = self.node.get(key)
        if not isinstance(node, Scalar) or node.null:
            return
        self.budget.make(len(node.text))
        self.write(" ", node)
        if _TWICE.search(node.text):
            why = "the shell reads it twice"
            self.value(Unknown(node.text, why, splits=True, location=node.location), node)
        else:
            self.parts.append((node.text, list(node.offsets())))
