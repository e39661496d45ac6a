"""Recipes of SGLang's own Slurm CI: the prefill and the decode server that its launcher starts.

A recipe says what differs from one to the next; the launcher has the rest: most of the flags, and
the variables. Which model it is, and how precise, the nightly configuration beside it says.

Source: scripts/ci/slurm/launch_mi355x.sh, generate_matrix.py of sgl-project/sglang at 0077f84d.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping as Named
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from dsv4_env.guard.files import is_file, is_within, looked_at, read_bytes
from dsv4_env.lang import yaml
from dsv4_env.lang.yaml import Mapping, Node, Scalar, Sequence, plain_value
from dsv4_env.model import Image, LaunchConfig, Location, Note, Unknown, Value, overridable
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.model.quoting import sh
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.kind import YAML, FileKind

_KIND = "a recipe of SGLang's Slurm CI"
_READER = "slurm-ci"
_EACH = 8  # steps that a setting takes
_NIGHTLY = "nightly-configs.yaml"
_TABLE = "SGLang's nightly configurations"
_ROLES = ("prefill", "decode")
_NEEDED = {
    "runtime": (
        "image", "ib_devices", "prefill_port", "decode_port", "prefill_bootstrap_port",
        "decode_bootstrap_port", "lb_port", "mem_fraction_static", "page_size",
        "max_running_requests", "chunked_prefill_size",
    ),
    "bench": ("concurrencies", "num_prompts_factor", "random_range_ratio"),
}  # fmt: skip
# What stays one word, as it is, where bash reads it once more without quotes.
_BARE = re.compile(r"[\w./:@%+,=-]*")
_OFF = ("0", "false", "no", "off")
_CHECKOUT = "/tmp/sglang-checkout-runtime/python"  # noqa: S108  # of the launcher's container
_MORI = {
    "MORI_DISABLE_AUTO_XGMI": "1", "NCCL_IB_HCA": "ionic", "NCCL_IB_GID_INDEX": "1",
    "NCCL_CROSS_NIC": "1",
}  # fmt: skip
# For engines on several nodes.
_WIDE = {
    "MORI_IB_GID_INDEX": "1", "SGLANG_MORI_DISPATCH_DTYPE": "bf16",
    "SGLANG_MORI_COMBINE_DTYPE": "bf16", "SGLANG_MORI_QP_PER_TRANSFER": "4",
    "SGLANG_MORI_NUM_WORKERS": "4", "MORI_IO_SQ_BACKOFF_TIMEOUT_US": "50000",
    "MORI_IO_QP_MAX_SEND_WR": "16384", "MORI_IO_QP_MAX_CQE": "32768", "MORI_IO_QP_MAX_SGE": "4",
    "MORI_SHMEM_MODE": "ISOLATION", "MORI_EP_LAUNCH_CONFIG_MODE": "AUTO",
    "MORI_APP_LOG_LEVEL": "INFO", "MORI_RDMA_SL": "3", "MORI_RDMA_TC": "104", "MORI_IO_SL": "3",
    "MORI_IO_TC": "104", "MORI_IO_TC_DISABLE": "0",
    "SGLANG_MORI_DISPATCH_INTER_KERNEL_SWITCH_THRESHOLD": "4096",
    "SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT": "3600",
    "SGLANG_DISAGGREGATION_WAITING_TIMEOUT": "3600",
    "SGLANG_DISAGGREGATION_NUM_PRE_ALLOCATE_REQS": "32", "SGLANG_EAGER_INPUT_NO_COPY": "true",
    "MORI_BOOTSTRAP_TIMEOUT": "300",
}  # fmt: skip
_SOCKETS = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "MORI_SOCKET_IFNAME")
_V4 = {
    "SGLANG_DEFAULT_THINKING": "1", "SGLANG_DSV4_REASONING_EFFORT": "max",
    "SGLANG_OPT_DEEPGEMM_HC_PRENORM": "false", "SGLANG_USE_AITER": "1", "SGLANG_USE_ROCM700A": "1",
    "SGLANG_HACK_FLASHMLA_BACKEND": "unified_kv_triton", "SGLANG_OPT_FP8_WO_A_GEMM": "false",
    "SGLANG_OPT_USE_JIT_INDEXER_METADATA": "false", "SGLANG_OPT_USE_TOPK_V2": "false",
    "SGLANG_OPT_USE_AITER_INDEXER": "true", "SGLANG_OPT_USE_TILELANG_INDEXER": "false",
    "SGLANG_OPT_USE_TILELANG_MHC_PRE": "false", "SGLANG_OPT_USE_TILELANG_MHC_POST": "false",
    "SGLANG_FP8_PAGED_MQA_LOGITS_TORCH": "1", "SGLANG_OPT_USE_MULTI_STREAM_OVERLAP": "false",
    "SGLANG_ROCM_USE_MULTI_STREAM": "false", "AITER_BF16_FP8_MOE_BOUND": "0",
    "SGLANG_DSV4_FP4_EXPERTS": "",
}  # fmt: skip
_ALSO = "EXTRA_DOCKER_ARGS of the launcher may give the containers more"


def read_all(
    data: str | bytes,
    path: str = "<recipe>",
    *,
    inputs: Named[str, str] | None = None,
    root: Path | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """The launches of both roles, for each nightly configuration that names the recipe.

    Those configurations are looked for in the file beside the folder ``recipes``, below *root*
    where that is given; *inputs* are the launcher's variables. Raises ReadError where the data is
    no recipe, and where the launcher stops on it.
    """
    budget = budget or Budget()
    found: list[LaunchConfig] = []
    try:
        twice: list[Scalar] = []
        documents = yaml.parse(data, path, _KIND, budget, twice)
        if len(documents) != 1 or not isinstance(documents[0], Mapping):
            raise ReadError("no single mapping", where=path, expected=_KIND)
        again = [
            Note(f"{k.text} is given again later, and the last one counts", k.location)
            for k in twice
        ]
        runs = list(_runs(path, root, budget)) or [_Run()]
        for run in runs:
            label = run.label if len(runs) > 1 else ""
            recipe = _Recipe(documents[0], path, run, inputs or {}, budget)
            recipe.check()
            for role in _ROLES:
                config = recipe.launch(role)
                name = " ".join(filter(None, (path, label, role)))
                notes = embedded.few((*config.notes, *again))
                found.append(replace(config, name=name, notes=notes))
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    """What a nightly configuration says of a recipe's model."""

    label: str = ""
    precision: Scalar | None = None
    model: Scalar | None = None


def _runs(path: str, root: Path | None, budget: Budget) -> Iterator[_Run]:
    """The configurations that name a recipe. Raises ReadError where their file is no YAML."""
    file = Path(path)
    above = next((p for p in file.parents if p.name == "recipes"), None)
    if above is None or not is_file(file):
        return
    nightly = above.parent / _NIGHTLY
    if root is not None and not is_within(nightly, root):
        return
    looked_at(nightly)
    if not is_file(nightly):
        return
    data = read_bytes(nightly, expected=_TABLE, root=above.parent)
    budget.step(None, len(data))
    own = file.relative_to(above).as_posix()
    for named, run in _named(data, str(nightly)):
        if f"/{named}".endswith(f"/recipes/{own}"):
            yield run


@lru_cache(maxsize=4)
def _named(data: bytes, path: str) -> tuple[tuple[str, _Run], ...]:
    """Each recipe that a file of configurations names; all recipes beside it ask for the same."""
    documents = yaml.parse(data, path, _TABLE)
    return tuple(
        (
            entry.text("config_file") or "",
            _Run(
                label,
                _scalar(node.get("precision")),
                _scalar(node.get("model_path")) or _scalar(node.get("model")),
            ),
        )
        for label, node in _items(documents[0] if documents else None)
        for lengths in _each(node.get("seq-len-configs"))
        for entry in _each(lengths.get("search-space"))
    )


def _items(node: Node | None) -> Iterator[tuple[str, Mapping]]:
    for name, below in (node.items if isinstance(node, Mapping) else {}).items():
        if isinstance(below, Mapping):
            yield name, below


def _each(node: Node | None) -> Iterator[Mapping]:
    for below in node.items if isinstance(node, Sequence) else ():
        if isinstance(below, Mapping):
            yield below


def _scalar(node: Node | None) -> Scalar | None:
    return node if isinstance(node, Scalar) and not node.null and node.text else None


@dataclass(slots=True)
class _Recipe:
    """A recipe, as the launcher reads it; *parts* is the command, as it is made."""

    node: Mapping
    path: str
    run: _Run
    inputs: Named[str, str]
    budget: Budget
    parts: list[tuple[Value, list[int] | range]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def check(self) -> None:
        """Raise ReadError where the launcher stops, as something isn't there."""
        for table, keys in _NEEDED.items():
            given = self.node.mapping(table)
            place = self.node.keys[table].location if table in self.node.keys else self.path
            for key in keys:
                if given is None or key not in given.items:
                    raise ReadError(
                        f"no {key} in {table}",
                        where=place,
                        expected=f"{key}: the launcher needs it",
                    )
        for role in _ROLES:
            if self.config(role, "tensor-parallel-size") is None:
                key = f"tensor-parallel-size of sglang_config.{role}"
                raise ReadError(f"no {key}", where=self.path, expected="it: the launcher needs it")
            if self.nodes(role) > 1 and self.number(self.node.get(*_WORKERS[role]), 1) > 1:
                where = (self.node.get(*_WORKERS[role]) or self.node).location
                raise ReadError(
                    f"several {role} workers on {self.nodes(role)} nodes each", where=where,
                    expected="one: the launcher stops on more",
                )  # fmt: skip

    # What the recipe says

    def config(self, role: str, key: str) -> Node | None:
        return self.node.get("backend", "sglang_config", role, key)

    def runtime(self, *path: str) -> Node | None:
        return self.node.get("runtime", *path)

    def key(self, *path: str) -> Node:
        """The last of these names as it stands there, or what it would stand in."""
        above = self.node.mapping(*path[:-1]) or self.node
        return above.keys.get(path[-1], above)

    def wide(self, key: str, otherwise: str) -> Node | None:
        """What `wide_ep` says for a role, else what `runtime` says for both."""
        found = self.runtime("wide_ep", key)
        return self.runtime(otherwise) if found is None else found

    def number(self, node: Node | None, otherwise: int) -> int:
        """A whole number. Raises ReadError where the launcher can't reckon with it."""
        if node is None:
            return otherwise
        value = plain_value(node)
        if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ReadError(f"{value!r}", where=node.location, expected="a whole number")
        return value

    def nodes(self, role: str) -> int:
        """How many nodes an engine of a role is on."""
        each = self.inputs.get("GPUS_PER_NODE", "8")
        per_node = int(each) if re.fullmatch(r"[1-9]\d{0,5}", each) else 8
        return math.ceil(self.number(self.config(role, "tensor-parallel-size"), 1) / per_node)

    def sized(self, role: str, key: str) -> tuple[int, Node | None]:
        """How far a role is split in one respect: decode as prefill is, where it doesn't say."""
        node = self.config(role, key)
        node = self.config("prefill", key) if node is None else node
        return self.number(node, 1), node

    @property
    def own_model(self) -> bool:
        """Whether the recipe itself says what DeepSeek-V4 needs not: a model of another family."""
        node = self.node.get("model")
        return node is not None and bool(plain_value(node))

    def word(self, node: Node | None) -> Value:
        """A value as Python prints it and bash reads it again."""
        if node is None:
            return ""
        text = str(plain_value(node))
        if _BARE.fullmatch(text):
            return text
        return Unknown(text, "the launcher's shell takes it apart", location=node.location)

    # The launch of a role

    def launch(self, role: str) -> LaunchConfig:
        self.parts, self.notes = [], []
        place = self.key("backend", "sglang_config", role)
        self.command(role, place)
        settings = list(self.settings(role))
        self.budget.step(place.location, _EACH * len(settings))
        script = PlacedText(tuple(self.parts), self.node.lines, whole=True)
        found = embedded.read_script(
            script, settings, name=self.path, reader=_READER, budget=self.budget
        )
        if len(found) != 1:
            where = self.key("runtime").location
            raise ReadError("flags that end the command", where=where, expected=_KIND)
        config = found[0]
        at = place.location
        if self.run.model is not None and "MODEL_PATH" not in self.inputs:
            config = _modelled(config, self.run.model.location)
        places = [e.location for e in config.env] + [a.location for a in config.args or ()]
        lines = [p.line for p in places if p is not None and p.line and p.path == self.path]
        image = self.inputs.get("IMAGE_OVERRIDE") or self.word(self.runtime("image"))
        return replace(
            config,
            location=at,
            end_line=max([at.line or 1, *lines]),
            notes=(*config.notes, *self.notes, Note(_ALSO, at)),
            image=Image(image) if isinstance(image, str) else None,
        )

    # The variables

    def settings(self, role: str) -> Iterator[FileSetting]:
        """What the launcher gives the container of a role, in its order."""
        at = self.key("runtime").location

        def own(values: Named[str, Value]) -> Iterator[FileSetting]:
            for name, value in values.items():
                yield FileSetting(name, value, at, value if isinstance(value, str) else value.text)

        wide = any(self.nodes(r) > 1 for r in _ROLES)
        yield from own(self.checked_out())
        yield from own({"HIP_VISIBLE_DEVICES": "0,1,2,3,4,5,6,7"})
        if wide:
            yield from own(self.ranks(role))
        yield from own(_MORI)
        if wide:
            yield from self.given("NCCL_IB_HCA", self.runtime("ib_devices"))
            yield from own(_WIDE)
            if not self.speculates:
                yield from own({"SGLANG_ENABLE_OVERLAP_PLAN_STREAM": "1"})
            socket = self.runtime("dist_socket_ifname")
            for name in _SOCKETS if self.word(socket) else ():
                yield from self.given(name, socket)
        yield from self.variables(self.runtime("wide_ep", f"{role}_extra_env"))
        if not self.own_model:
            yield from self.v4(at)
        yield from self.variables(self.node.get("model", "env"), lower=True)

    def checked_out(self) -> dict[str, Value]:
        """The checkout that the container runs, of which the launcher tells it."""
        name = "SGLANG_USE_CHECKOUT_RUNTIME"
        if self.inputs.get(name, "1").lower() in _OFF:
            return {name: "0"}
        used: Value = "1" if name in self.inputs else overridable(name, "1")
        sha = Unknown("$CHECKOUT_SHA", "the commit that the launcher runs from")
        path = Unknown(f"{_CHECKOUT}:${{PYTHONPATH:-}}", "the image may set it", ("PYTHONPATH",))
        return {name: used, "SGLANG_CHECKOUT_SHA": sha, "PYTHONPATH": path}

    def ranks(self, role: str) -> dict[str, Value]:
        count = self.nodes(role)
        rank = Unknown("$NODE_RANK", "another one on each node")
        port = self.inputs.get("DIST_PORT") or overridable("DIST_PORT", "29500")
        return {
            "NODE_RANK": rank if count > 1 else "0",
            "NNODES": str(count),
            "DIST_ADDR": Unknown("$DIST_ADDR", "the address of the engine's first node"),
            "DIST_PORT": port,
        }

    def given(self, name: str, node: Node | None) -> Iterator[FileSetting]:
        """A variable with a value of the recipe's."""
        if node is not None:
            value = self.word(node)
            spelled = node.spelled if isinstance(node, Scalar) else str(value)
            yield FileSetting(name, value, node.location, spelled)

    def variables(self, node: Node | None, *, lower: bool = False) -> Iterator[FileSetting]:
        """The variables of a mapping; *lower*: switches are `true`, not Python's `True`."""
        if not isinstance(node, Mapping):
            return
        for name, value in node.items.items():
            place = node.keys[name].location
            known = self.word(value)
            if lower:
                plain = plain_value(value)
                known = str(plain).lower() if isinstance(plain, bool) else str(plain)
            spelled = value.spelled if isinstance(value, Scalar) else str(known)
            yield FileSetting(name, known, place, spelled)

    def v4(self, place: Location) -> Iterator[FileSetting]:
        """What DeepSeek-V4 needs; two of it the recipe and its configuration tell."""
        rocm = self.runtime("rocm700a")
        for name, value in _V4.items():
            if name == "SGLANG_USE_ROCM700A" and rocm is not None:
                yield from self.given(name, rocm)
            elif name == "SGLANG_DSV4_FP4_EXPERTS":
                yield self.experts(place)
            else:
                yield FileSetting(name, value, place, value)

    def experts(self, place: Location) -> FileSetting:
        name, told = "SGLANG_DSV4_FP4_EXPERTS", self.run.precision
        precision = self.inputs.get("PRECISION") or (told.text if told else None)
        if precision is None:
            why = "no nightly configuration says how precise the model is"
            text = "${FP4_EXPERTS}"
            return FileSetting(
                name, Unknown(text, why, ("PRECISION",), location=place), place, text
            )
        value = "true" if precision == "fp4" else "false"
        where = told.location if told and "PRECISION" not in self.inputs else place
        return FileSetting(name, value, where, precision)

    # The command

    @property
    def speculates(self) -> bool:
        node = self.node.get("mtp", "enabled")
        return node is not None and bool(plain_value(node))

    def command(self, role: str, place: Node) -> None:
        """Make the command of a role, flag for flag as the launcher does."""
        other = self.own_model
        self.write("python3 -m sglang.launch_server --model-path ", place)
        self.value(self.model(place), place)
        self.write(" --host 0.0.0.0", place)
        self.flag("--port", self.runtime(f"{role}_port"))
        self.write(" --trust-remote-code", place)
        self.flag("--tp", self.config(role, "tensor-parallel-size"))
        self.write(" --disable-radix-cache", place)
        self.flag("--attention-backend", self.runtime("attention_backend"), needed=not other)
        for each in _ROLES if other else ():
            self.flag(f"--{each}-attention-backend", self.runtime(f"{each}_attention_backend"))
        self.flag("--max-running-requests", self.wide(f"{role}_max_running_requests",
                                                      "max_running_requests"))  # fmt: skip
        self.flag("--page-size", self.runtime("page_size"))
        self.flag("--mem-fraction-static", self.wide(f"{role}_mem_fraction_static",
                                                     "mem_fraction_static"))  # fmt: skip
        swa = self.runtime("swa_full_tokens_ratio")
        self.flag("--swa-full-tokens-ratio", swa, needed=not other)
        chunk = self.runtime("chunked_prefill_size")
        if role == "prefill":
            chunk = self.wide("prefill_chunked_prefill_size", "chunked_prefill_size")
        self.flag("--chunked-prefill-size", chunk)
        if not other:
            self.write(" --disable-shared-experts-fusion --tool-call-parser deepseekv4", place)
            self.write(" --reasoning-parser deepseek-v4", place)
        transfer = self.runtime("kv_transfer_backend")
        if transfer is None:
            self.write(" --disaggregation-transfer-backend mori", place)
        self.flag("--disaggregation-transfer-backend", transfer)
        self.flag("--disaggregation-ib-device", self.runtime("ib_devices"))
        self.flag("--kv-cache-dtype", self.runtime("wide_ep", "kv_cache_dtype"))
        self.split(role)
        self.flag("--moe-a2a-backend", self.runtime("moe_a2a_backend"), " --deepep-mode normal")
        self.flag("--max-total-tokens", self.runtime("max_total_tokens"))
        self.speculation()
        for key in ("common_extra_flags", f"{role}_extra_flags"):
            self.text(self.runtime("wide_ep", key))
        args = self.node.get("model", "server_args")
        for node in args.items if isinstance(args, Sequence) else ():
            plain = plain_value(node)
            word = str(plain).lower() if isinstance(plain, bool) else str(plain)
            self.write(f" {sh(word)}", node)
        if self.nodes(role) > 1:
            self.write(f" --nnodes {self.nodes(role)} --node-rank ", place)
            self.value(Unknown("$NODE_RANK", "another one on each node"), place)
            self.write(" --dist-init-addr ", place)
            self.value(Unknown("$DIST_ADDR:$DIST_PORT", "where the engine's first node is"), place)
        self.write(f" --disaggregation-mode {role}", place)
        self.flag("--disaggregation-bootstrap-port", self.runtime(f"{role}_bootstrap_port"))

    def split(self, role: str) -> None:
        """Give how far the role is split by data and by experts."""
        for flag, key in ((" --enable-dp-attention --dp-size", "data-parallel-size"),
                          (" --ep-size", "expert-parallel-size")):  # fmt: skip
            size, node = self.sized(role, key)
            if size > 1 and node is not None:
                self.write(f"{flag} {size}", node)

    def speculation(self) -> None:
        """Give what the recipe's `mtp` turns on."""
        table = self.node.mapping("mtp")
        if table is None or not self.speculates:
            return
        for flag, key, otherwise in (
            ("--speculative-algorithm", "algorithm", "EAGLE"),
            ("--speculative-num-steps", "num_steps", "3"),
            ("--speculative-eagle-topk", "eagle_topk", "1"),
            ("--speculative-num-draft-tokens", "num_draft_tokens", "4"),
        ):
            node = table.get(key)
            self.write(f" {flag} ", node or table)
            self.value(otherwise if node is None else self.word(node), node or table)
        draft = _scalar(table.get("draft_model_path"))
        if draft is not None:
            self.write(" --speculative-draft-model-path ", draft)
            self.value(_snapshot(draft.text, draft.location), draft)

    def model(self, place: Node) -> Value:
        """The model's folder, in which the launcher looks for the live snapshot."""
        given = self.inputs.get("MODEL_PATH") or self.inputs.get("MODEL")
        if given or self.run.model is None:
            if given:
                return _snapshot(given, place.location)
            why = "no nightly configuration names the recipe"
            return Unknown("${MODEL_PATH}", why, ("MODEL_PATH", "MODEL"), location=place.location)
        return _snapshot(self.run.model.text, self.run.model.location)

    def write(self, text: str, at: Node) -> None:
        """Add a text of the launcher's own."""
        self.budget.step(None, _EACH)
        self.parts.append((text, [at.start]))

    def value(self, value: Value, at: Node) -> None:
        """Add a value as one word."""
        self.parts.append((value, [at.start]))

    def flag(self, flag: str, node: Node | None, also: str = "", *, needed: bool = False) -> None:
        """Add a flag with a value of the recipe's, where it has one; *needed* ones in any case."""
        value = self.word(node)
        if value == "" and not needed:
            return
        at = node or self.key("runtime")
        self.write(f" {flag} ", at)
        self.value(value, at)
        self.write(also, at)

    def text(self, node: Node | None) -> None:
        """Add a text of flags, which bash reads as it stands."""
        if isinstance(node, Scalar) and not node.null:
            self.budget.make(len(node.text))
            self.write(" ", node)
            self.parts.append((node.text, list(node.offsets())))
        elif node is not None:
            self.notes.append(Note("flags that are no text", node.location))


_WORKERS = {role: ("resources", f"{role}_workers") for role in _ROLES}


def _snapshot(path: str, place: Location) -> Value:
    """A model's folder; of a cache of Hugging Face's the launcher takes what is live in it."""
    if not path.rstrip("/").rpartition("/")[2].startswith("models--"):
        return path
    why = "the launcher takes the snapshot that is live on the cluster"
    return Unknown(f"{path}/snapshots/…", why, location=place)


def _modelled(config: LaunchConfig, place: Location) -> LaunchConfig:
    """The launch with the model placed where it is named."""
    args = tuple(
        replace(a, origin=replace(a.origin, location=place)) if a.flag == "--model-path" else a
        for a in config.args or ()
    )
    return replace(config, args=args)


KIND = FileKind(
    _READER,
    _KIND,
    read_all,
    takes=("inputs",),
    among=YAML,
    content=(
        rb"^runtime\s*:",
        rb"\bsglang_config[\"']?\s*:",
        rb"\b(?:prefill|decode)_bootstrap_port\s*:",
    ),
    hit=lambda data: b"sglang_config" in data,
    layered=True,
    word="recipe",
)
