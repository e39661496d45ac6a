"""Configurations of CI for several nodes, held to renderings of plain dicts, and to bash.

Nothing of the readers is used here but what they give: YAML and JSON are loaded by the libraries,
the rules of the launchers are written down once more, in their own order, and the scripts that a
point of InferenceX stands for are run by bash with a server that only tells how it was called.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from io import StringIO
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from ruamel.yaml import YAML

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import atom, inferencex, slurm_ci

CASES = Path(__file__).parents[1] / "cases"
INFERENCEX = CASES / "commands/inferencex"


def loaded(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    yaml.allow_duplicate_keys = True
    return yaml.load(text)


def words(config: LaunchConfig) -> list[str]:
    """The words of a launch; what a run decides as "?"."""
    return ["?" if isinstance(w, Unknown) else w for w in config.argv]


def alike(found: list[str], expected: list[str]) -> bool:
    return len(found) == len(expected) and all(
        a in ("?", b) for a, b in zip(found, expected, strict=True)
    )


# SGLang's Slurm CI


def flags(recipe: dict[str, Any], role: str) -> list[str]:
    """The words behind ``--host 0.0.0.0`` that the launcher gives a role."""
    runtime, sglang = recipe["runtime"], recipe["backend"]["sglang_config"]
    wide, model = runtime.get("wide_ep") or {}, recipe.get("model")
    own = {k: sglang[role].get(k, sglang["prefill"].get(k, 1)) for k in (
        "data-parallel-size", "expert-parallel-size"
    )}  # fmt: skip
    said = [f"--port {runtime[f'{role}_port']} --trust-remote-code"]
    said += [f"--tp {sglang[role]['tensor-parallel-size']} --disable-radix-cache"]
    for flag, key in (
        ("--attention-backend", "attention_backend"),
        *(
            (f"--{r}-attention-backend", f"{r}_attention_backend")
            for r in ("prefill", "decode")
            if model
        ),
    ):
        value = runtime.get(key, "")
        said += [f"{flag} {value}"] if value or (not model and key == "attention_backend") else []

    def either(key: str, otherwise: str) -> Any:
        return wide.get(key, runtime[otherwise])

    said += [
        f"--max-running-requests {either(f'{role}_max_running_requests', 'max_running_requests')}"
    ]
    said += [f"--page-size {runtime['page_size']}"]
    said += [
        f"--mem-fraction-static {either(f'{role}_mem_fraction_static', 'mem_fraction_static')}"
    ]
    swa = runtime.get("swa_full_tokens_ratio", "")
    said += [f"--swa-full-tokens-ratio {swa}"] if swa or not model else []
    chunk = runtime["chunked_prefill_size"]
    if role == "prefill":
        chunk = wide.get("prefill_chunked_prefill_size", chunk)
    said += [f"--chunked-prefill-size {chunk}"]
    if not model:
        said += ["--disable-shared-experts-fusion --tool-call-parser deepseekv4"]
        said += ["--reasoning-parser deepseek-v4"]
    said += [f"--disaggregation-transfer-backend {runtime.get('kv_transfer_backend', 'mori')}"]
    said += [f"--disaggregation-ib-device {runtime['ib_devices']}"]
    said += [f"--kv-cache-dtype {wide['kv_cache_dtype']}"] if wide.get("kv_cache_dtype") else []
    if own["data-parallel-size"] > 1:
        said += [f"--enable-dp-attention --dp-size {own['data-parallel-size']}"]
    if own["expert-parallel-size"] > 1:
        said += [f"--ep-size {own['expert-parallel-size']}"]
    if runtime.get("moe_a2a_backend"):
        said += [f"--moe-a2a-backend {runtime['moe_a2a_backend']} --deepep-mode normal"]
    if runtime.get("max_total_tokens"):
        said += [f"--max-total-tokens {runtime['max_total_tokens']}"]
    mtp = recipe.get("mtp") or {}
    if mtp.get("enabled"):
        said += [f"--speculative-algorithm {mtp.get('algorithm', 'EAGLE')}"]
        said += [f"--speculative-num-steps {mtp.get('num_steps', 3)}"]
        said += [f"--speculative-eagle-topk {mtp.get('eagle_topk', 1)}"]
        said += [f"--speculative-num-draft-tokens {mtp.get('num_draft_tokens', 4)}"]
        said += [f"--speculative-draft-model-path {d}" for d in [mtp.get("draft_model_path")] if d]
    said += [wide.get("common_extra_flags", ""), wide.get(f"{role}_extra_flags", "")]
    given = [str(a) for a in (model or {}).get("server_args", [])]
    nodes = -(-sglang[role]["tensor-parallel-size"] // 8)
    last = f"--nnodes {nodes} --node-rank ? --dist-init-addr ?" if nodes > 1 else ""
    last += f" --disaggregation-mode {role}"
    last += f" --disaggregation-bootstrap-port {runtime[f'{role}_bootstrap_port']}"
    return [*shlex.split(" ".join(said)), *given, *shlex.split(last)]


def variables(recipe: dict[str, Any], role: str) -> dict[str, str]:
    """What the recipe says of a role's variables."""
    runtime = recipe["runtime"]
    found = (runtime.get("wide_ep") or {}).get(f"{role}_extra_env") or {}
    model = (recipe.get("model") or {}).get("env") or {}
    texts = {k: str(v) for k, v in found.items()}
    return texts | {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in model.items()}


def held_to_the_launcher(text: str) -> None:
    recipe = loaded(text)
    for config, role in zip(slurm_ci.read_all(text, "f"), ("prefill", "decode"), strict=True):
        found = words(config)
        assert found[:4] == ["--model-path", "?", "--host", "0.0.0.0"]
        expected = flags(recipe, role)
        assert alike(found[4:], expected), (found[4:], expected)
        env = config.effective_env
        assert {n: env[n].value for n in variables(recipe, role)} == variables(recipe, role)
        wide = any(
            c["tensor-parallel-size"] > 8 for c in recipe["backend"]["sglang_config"].values()
        )
        assert ("SGLANG_MORI_NUM_WORKERS" in env) == wide
        assert ("SGLANG_HACK_FLASHMLA_BACKEND" in env) == (not recipe.get("model"))
        assert config.image_name == recipe["runtime"]["image"]


@pytest.mark.parametrize("case", ["roles", "wide", "another-model"])
def test_a_recipe_is_as_the_launcher_renders_it(case: str) -> None:
    text = (CASES / "slurm-ci" / case / "input.yaml").read_text()
    if case == "roles":  # of a key given twice ruamel.yaml takes the first, PyYAML the last
        text = text.replace("  page_size: 256\n", "")
    if case == "another-model":  # which snapshot the draft is, only the cluster tells
        text = text.replace("/models/models--a--draft", "/models/draft")
    held_to_the_launcher(text)


WORD = st.sampled_from(["a", "dsv4", "x-1", "rdma0,rdma1"])
COUNT = st.integers(1, 40)
TEXT = st.sampled_from(["", "--a", "--a b --c", "--d '{\"e\": 1}' f", '--g "h i"'])
ENV = st.dictionaries(st.sampled_from(["SGLANG_A", "B"]), st.one_of(COUNT, st.booleans(), WORD))


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    def some(found: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in found.items() if draw(st.booleans())}

    def role() -> dict[str, Any]:
        split = some({"data-parallel-size": draw(COUNT), "expert-parallel-size": draw(COUNT)})
        return {"tensor-parallel-size": draw(st.sampled_from([4, 8, 9, 16])), **split}

    sides = {
        f"{r}_{k}": draw(COUNT)
        for r in ("prefill", "decode")
        for k in ("mem_fraction_static", "max_running_requests", "chunked_prefill_size")
    }
    wide = some({
        "kv_cache_dtype": draw(WORD), **sides, "common_extra_flags": draw(TEXT),
        "prefill_extra_flags": draw(TEXT), "decode_extra_flags": draw(TEXT),
        "prefill_extra_env": draw(ENV), "decode_extra_env": draw(ENV),
    })  # fmt: skip
    runtime = {
        "image": "a/b:c", "ib_devices": draw(WORD), "lb_port": 1, "page_size": draw(COUNT),
        "prefill_port": 1, "decode_port": 2, "prefill_bootstrap_port": 3,
        "decode_bootstrap_port": 4, "mem_fraction_static": draw(st.sampled_from([0.9, 0.875, 1])),
        "max_running_requests": draw(COUNT), "chunked_prefill_size": draw(COUNT),
        **some({
            "attention_backend": draw(WORD), "prefill_attention_backend": draw(WORD),
            "decode_attention_backend": draw(WORD), "moe_a2a_backend": draw(WORD),
            "kv_transfer_backend": draw(WORD), "dist_socket_ifname": "eno0",
            "rocm700a": draw(st.integers(0, 1)), "max_total_tokens": draw(COUNT),
            "swa_full_tokens_ratio": 0.5, "wide_ep": wide,
        }),
    }  # fmt: skip
    args = draw(st.lists(st.sampled_from(["--x", "a b", "1", '{"y": 2}', "$z"]), max_size=3))
    mtp = {"enabled": draw(st.booleans()), **some({"num_steps": 2, "algorithm": "EAGLE3"})}
    return {
        "backend": {"sglang_config": {"prefill": role(), "decode": role()}},
        "runtime": runtime,
        "bench": {"concurrencies": [1], "num_prompts_factor": 1, "random_range_ratio": 1},
        **some({"model": {"env": draw(ENV), "server_args": ["--m", *args]}, "mtp": mtp}),
    }


@given(recipe=recipes())
@settings(max_examples=120, deadline=None)
def test_any_recipe_is_as_the_launcher_renders_it(recipe: dict[str, Any]) -> None:
    out, yaml = StringIO(), YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    yaml.dump(recipe, out)
    held_to_the_launcher(out.getvalue().partition("---\n")[2])


# InferenceX

SERVER = """\
#!/bin/bash
printf '%s\\0' "$@" > "$TOLD.words"
env -0 > "$TOLD.env"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(INFERENCEX, tmp_path / "inferencex"))
    (tmp_path / "bin").mkdir()
    server = tmp_path / "bin/sglang"
    server.write_text(SERVER)
    server.chmod(0o755)
    return folder


def told(script: Path, env: dict[str, str], tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """How bash calls the server, and with which environment."""
    env = {
        **env,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "TOLD": str(tmp_path / "told"),
    }
    subprocess.run(["bash", str(script)], env=env, check=True, cwd=script.parent)
    given = (tmp_path / "told.words").read_text().split("\0")[1:-1]  # without `serve`
    pairs = (tmp_path / "told.env").read_text().split("\0")[:-1]
    return given, dict(p.split("=", 1) for p in pairs)


def concurrencies(space: dict[str, Any]) -> list[int]:
    if "conc-list" in space:
        return list(space["conc-list"])
    found, conc = [], space["conc-start"]
    while conc < space["conc-end"]:
        found.append(conc)
        conc *= 2
    return [*found, space["conc-end"]]


def test_each_point_of_a_script_is_as_bash_launches_it(checkout: Path, tmp_path: Path) -> None:
    path = checkout / "configs/some-master.yaml"
    name = "v4-fp4-mi355x-sglang"
    entry = loaded(path.read_text())[name]
    read = [
        c for c in inferencex.read_all(path.read_bytes(), str(path))
        if c.name.startswith(f"{path} {name} ")
    ]  # fmt: skip
    seen = set()
    for kind, lists in entry["scenarios"].items():
        agentic = kind == "agentic-coding"
        for space, lengths in ((s, one) for one in lists for s in one["search-space"]):
            spec = "_mtp" if space.get("spec-decoding") == "mtp" else ""
            folder = checkout / "benchmarks/single_node"
            folder = folder / ("agentic" if agentic else "fixed_seq_len")
            scripts = [folder / f"v4_fp4_mi355x{f}{spec}.sh" for f in ("_sglang", "")]
            script = next(s for s in scripts if s.is_file())
            for conc in concurrencies(space):
                isl, osl = lengths.get("isl", ""), lengths.get("osl", "")
                memory = 2_000_000 * 2**20 * 0.8 * space["tp"] / 8 / 10**9
                words_of_bash, env = told(script, {
                    "MODEL": entry["model"], "MODEL_PATH": "?", "PORT": "8890",
                    "TP": str(space["tp"]), "EP_SIZE": str(space.get("ep", 1)),
                    "DP_ATTENTION": str(space.get("dp-attn", False)).lower(), "CONC": str(conc),
                    "ISL": str(isl), "OSL": str(osl),
                    "MAX_MODEL_LEN": "0" if agentic else str(isl + osl + 256),
                    "KV_OFFLOADING": space.get("kv-offloading", "none"),
                    "TOTAL_CPU_DRAM_GB": str(int(memory)),
                    "INFMAX_CONTAINER_WORKSPACE": str(checkout),
                }, tmp_path)  # fmt: skip
                expected = [w.replace(str(checkout), "/workspace") for w in words_of_bash]
                fits = [c for c in read if alike(words(c), expected)]
                assert len(fits) == 1, (conc, expected)
                seen.add(fits[0].name)
                sglang = {n: v for n, v in env.items() if n.startswith("SGLANG_")}
                found = {n: e.value for n, e in fits[0].effective_env.items()}
                assert found == sglang
    assert seen == {c.name for c in read}


CHUNK = "chunked_prefill_size"


def factor(text: str) -> Any:
    return int(text) if text.strip().isdigit() else text.strip()


def table_flags(model: dict[str, Any], role: str, job: dict[str, Any]) -> list[str]:
    """The words that the servers' script makes of the table of models for a role."""
    mine, other = job[role], model[role]
    nodes = int(job["settings"].get(f"{role.upper()}_NODES", mine["num-worker"]))
    size = nodes * mine["tp"] // mine["num-worker"]
    steps = int(job["settings"].get("DECODE_MTP_SIZE", 0))
    expert, attention = mine["ep"] > 1, mine["dp-attn"]
    part = other.get(
        "dp" if attention else "ep_only" if expert and role == "decode" else "no_dp", {}
    )
    said = [f"--tp-size {size}"]
    said += [f"--ep-size {size}"] * expert + [f"--dp-size {size}"] * attention
    said += [model["base_flags"]] + [model["ep_flags"]] * expert
    if steps:
        said += [model["mtp_flags"], f"--speculative-num-steps {steps}"]
        said += [f"--speculative-num-draft-tokens {steps + 1}"]
    said += [model["dp_flags"]] * attention
    most, hicache = max(job["conc"]), job["hicache"]
    radix = other.get("disable_radix_cache", True)
    balanced = other.get("prefill_round_robin_balance", True)
    said += [f"--mem-fraction-static {other.get('mem_fraction_static', 0.85)}"]
    if role == "prefill":
        limit = most if expert and attention else part["max_running_requests"]
        chunk = prod(job["names"].get(f, f) for f in map(factor, str(part[CHUNK]).split("*")))
        said += [f"--max-running-requests {limit} --chunked-prefill-size {chunk}"]
        eager = other.get("disable_cuda_graph", False)
        said += ["--disable-cuda-graph" if eager else f"--cuda-graph-bs {part['cuda_graph_bs']}"]
        said += ["--disable-radix-cache"] * (radix and not job["agentic"])
        said += [
            f"--{k.replace('_', '-')} {part[k]}"
            for k in ("context_length", "max_total_tokens")
            if k in part
        ]
        said += ["--enable-two-batch-overlap"] * (
            attention and part.get("enable_two_batch_overlap", False)
        )
    else:
        last = int(part["cuda_graph_bs_range"].partition("-")[2])
        limit = most if expert and attention else last * size if attention else 128
        said += [
            f"--max-running-requests {limit}",
            f"--cuda-graph-bs {' '.join(map(str, range(1, last + 1)))}",
        ]
        said += ["--prefill-round-robin-balance"] * balanced
        context = part.get("context_length", job["context"])
        said += [f"--context-length {context}"] * (context is not None)
        said += ["--disaggregation-decode-enable-radix-cache"] * other.get(
            "disagg_decode_enable_radix_cache", False
        )
    said += ["--enable-metrics"] * job["agentic"]
    said += ["--page-size 256"] * hicache
    if hicache and role == "prefill":
        said += ["--enable-hierarchical-cache --hicache-ratio ? --hicache-io-backend direct"]
        said += ["--hicache-mem-layout page_first_direct --hicache-write-policy write_through"]
        said += ["--hicache-storage-prefetch-policy wait_complete"]
    if size > 8:
        said += [f"--dist-init-addr ? --nnodes {-(-size // 8)} --node-rank ?"]
    return shlex.split(" ".join(said))


def test_amds_disaggregated_servers_are_as_the_table_says(checkout: Path) -> None:
    path = checkout / "configs/some-master.yaml"
    table = loaded((checkout / "benchmarks/multi_node/amd_utils/models.yaml").read_text())
    entry = loaded(path.read_text())["v4-fp4-mi355x-disagg"]
    read = {c.name.removeprefix(f"{path} v4-fp4-mi355x-disagg "): c
            for c in inferencex.read_all(path.read_bytes(), str(path))
            if " v4-fp4-mi355x-disagg " in c.name}  # fmt: skip
    assert len(read) == 6
    for label, config in read.items():
        agentic, role = label.startswith("agentic"), label.rpartition(" ")[2]
        kind = "agentic-coding" if agentic else "fixed-seq-len"
        (space,) = entry["scenarios"][kind][0]["search-space"]
        first = int(label.split("conc")[1].split()[0].partition("-")[0])
        model = table["DeepSeek-V4-Pro-AgentX" if agentic else "DeepSeek-V4-Pro"]
        dp = space["prefill"]["dp-attn"]
        job = {
            **{r: space[r] for r in ("prefill", "decode")},
            "settings": dict(
                s.split("=") for r in ("prefill", "decode") for s in space[r]["additional-settings"]
            ),
            "conc": [first] if agentic else space["conc-list"],
            "agentic": agentic,
            "hicache": "kv-offload-backend" in space,
            "names": {"MORI_MAX_DISPATCH_TOKENS_PREFILL": 8192, "PREFILL_TP_SIZE": 8},
            "context": model["prefill"]["dp" if dp else "no_dp"].get("context_length"),
        }
        given = words(config)
        assert given[:2] == ["--model-path", "/models/DeepSeek-V4-Pro"]
        assert given[2:6] == ["--disaggregation-mode", role, "--disaggregation-ib-device", "?"]
        start = given.index("--trust-remote-code") + 1
        expected = table_flags(model, role, job)
        found = [
            "?" if w == "3" and given[i - 1] == "--hicache-ratio" else w
            for i, w in enumerate(given)
        ]
        assert alike(found[start:], expected), (found[start:], expected)


# ATOM


def parts(value: Any, templates: dict[str, str]) -> list[str]:
    listed = value if isinstance(value, list) else [value or ""]
    return [templates.get(str(v), str(v)) for v in listed]


def held_to_atoms_launcher(text: str) -> None:
    top = json.loads(text)
    models, templates = (top, {}) if isinstance(top, list) else (top["models"], top["templates"])
    for config, entry in zip(atom.read_all(text, "f"), models, strict=True):
        lines = "\n".join(parts(entry.get("env_vars"), templates.get("env_vars", {}))).split("\n")
        env = dict(line.split("=", 1) for line in lines if line)
        default = "--trust-remote-code --kv-cache-dtype fp8_e4m3 --mem-fraction-static 0.8"
        default += " --page-size 1 --disable-radix-cache"
        given = entry.get("extra_args", entry.get("extraArgs"))
        extra = " ".join(parts(given, templates.get("extra_args", {})))
        expected = [
            "--model-path", entry.get("path", entry.get("model_path")), "--host", "127.0.0.1",
            "--port", env.get("SGLANG_PORT", "8000"),
            *env.get("SGLANG_DEFAULT_SERVER_ARGS", default).split(), *shlex.split(extra),
        ]  # fmt: skip
        assert alike(words(config), expected)
        assert {n: config.effective_env[n].value for n in env} == env


@pytest.mark.parametrize("case", ["templates", "list"])
def test_a_catalogue_is_as_atoms_launcher_renders_it(case: str) -> None:
    held_to_atoms_launcher((CASES / "atom" / case / "input.json").read_text())


VALUE = st.text(st.sampled_from("ab1 =-'\"{}:é"), max_size=6)
LINES = st.lists(st.tuples(st.sampled_from(["SGLANG_A", "B", "SGLANG_PORT"]), VALUE), max_size=3)


@given(
    entries=st.lists(st.tuples(st.lists(VALUE, max_size=3), LINES, st.booleans()), max_size=3),
    shared=VALUE,
)
@settings(max_examples=150, deadline=None)
def test_any_catalogue_is_as_atoms_launcher_renders_it(
    entries: list[tuple[list[str], list[tuple[str, str]], bool]], shared: str
) -> None:
    models = [
        {
            "display": f"m{i}",
            "path": "/m",
            "extra_args": [*extra, "shared"] if listed else " ".join(extra),
            "env_vars": "\n".join(f"{n}={v}" for n, v in lines),
        }
        for i, (extra, lines, listed) in enumerate(entries)
    ]
    text = json.dumps({"templates": {"extra_args": {"shared": shared}}, "models": models})
    try:
        atom.read_all(text, "f")
    except ReadError:
        with pytest.raises(ValueError, match=r"quotation|escaped"):
            held_to_atoms_launcher_words(models, shared)
        return
    held_to_atoms_launcher(text)


def held_to_atoms_launcher_words(models: list[dict[str, Any]], shared: str) -> None:
    for entry in models:
        for part in parts(entry["extra_args"], {"shared": shared}):
            shlex.split(part)
