"""The words of a command that launch a server, or a router before several.

Source of Dynamo's own words: the wheels of ai-dynamo 0.7.0, 0.9.0, 1.0.0 and 1.6.1
(dynamo/common/configuration/groups/runtime_args.py, router_args.py, kv_router_args.py and
frontend_decoding_args.py, dynamo/sglang/args.py and backend_args.py); ``dynamo.sglang`` takes them
first, and gives all others to SGLang's parser. Of the routers: sgl-model-gateway and
experimental/sgl-router of sgl-project/sglang, whose ``sglang_router.launch_server`` takes those
that begin with ``--router-`` beside a server's; and python/sglang/srt/disaggregation of releases
before 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dsv4_env.catalogue import load, releases
from dsv4_env.catalogue.arguments import apart
from dsv4_env.model import LaunchConfig, Location, Note, ServerArg, Unknown, Value, group_args
from dsv4_env.model.launch import GATEWAY, GATEWAY_MODULES, GATEWAY_SERVERS, ROUTER_MODULES

_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)(?:\d+(?:\.\d+)*)?t?")
_FLAGS = re.compile(r"-[bBdEhiIOPqsSuvVx?]+")
_SCRIPT = re.compile(r"(?:.*/)?launch_server\.py")
MODULE = "sglang.launch_server"
DYNAMO = "dynamo.sglang"
_ROUTED = "sglang_router.launch_server"  # a server for each --dp-size, and a router before them
_SERVERS = frozenset({MODULE, DYNAMO, _ROUTED})
MODULES = _SERVERS | ROUTER_MODULES
ROUTER = "sglang_router.launch_router"
_LAUNCHES_ROUTER = frozenset({"launch", "start"})
# Without such a word a gateway's name may be that of a package: `cargo install smg --locked`.
_GATEWAY_WORDS = re.compile(
    r"--(?:worker-urls|pd-disaggregation|service-discovery|enable-igw|policy|prefill|decode|config)"
    r"(?:=.*)?"
)
# Between two words of a command or a list of them; nothing is tried twice.
_APART = r"(?:\s++|[\"'\\]++(?:,\s*+|\s++)[\"'\\]++|[\"'\\]{2,}+)"
TOLD = re.compile(
    r"\bsglang\.launch_server\b|\bdynamo\.sglang\b|\blaunch_server\.py\b"
    rf"|\bsglang{_APART}serve\b"
    r"|\bsglang_router\.launch_(?:router|server)\b|\bdisaggregation\.(?:launch|mini)_lb\b"
    rf"|\b(?:[sa]mg|sglang-router|sglang_router){_APART}(?:launch|server)\s++-"
)
"""What a text has that says such a command, for sure."""
_NAMED = re.compile(
    rb"launch_server|launch_router|dynamo\.sglang|\b(?:launch|mini)_lb\b"
    rb"|\b(?:[sa]mg|sgl(?:ang)?-router|sgl-model-gateway|sglang_router)(?:\.cli)?[\"',\s\\\[\]]+"
    rb"(?:-[\s,]+)?[\"']?(?:launch|start|server|--)"
)
_SERVE = re.compile(rb"\bserve\b")


def names_a_server(data: bytes) -> bool:
    """Whether the words of such a command are among the bytes of a file."""
    if _NAMED.search(data) is not None:
        return True
    return b"sglang" in data and _SERVE.search(data) is not None


_DYNAMO_WORDS = re.compile(
    r"--(?:no-)?(?:dyn-[\w-]+|router-[\w-]+|(?:tcp|nats)-tls-[\w-]+|namespace|endpoint"
    r"|endpoint-types|kv-state-endpoint|discovery-backend|store-kv|request-plane|response-plane"
    r"|event-plane|fpm-trace|connector|exclude-tools-when-tool-choice-none|custom-jinja-template"
    r"|dump-config-to|multimodal-embedding-cache-[\w-]+|output-modalities|media-output-[\w-]+"
    r"|health-check-payload|engine-request-limit|migration-limit|enable-local-indexer"
    r"|durable-kv-events|use-sglang-tokenizer|multimodal-(?:processor|encode-worker|worker)"
    r"|dedicated-mm-encoder|embedding-transfer-mode|(?:embedding|rerank)-worker"
    r"|image-diffusion-worker|video-generation-worker|disagg-config|disagg-config-key|config-key"
    r"|gateway-workers|frontend-decoding|enable-rl|engine-route|sglang-trace-level|load-aware"
    r"|active-decode-blocks-threshold|active-prefill-tokens-threshold(?:-frac)?|kv-events"
    r"|kv-overlap-score-weight|track-(?:active|output)-blocks|assume-kv-reuse|use-remote-indexer"
    r"|enable-session-prefix-index|shared-cache-(?:multiplier|type))"
)
_ROUTER_WORDS = re.compile(r"--(?:router-[\w-]+|worker-urls)")
_HELP = frozenset({"-h", "--help"})
_EACH_ALONE = (
    "it starts --dp-size servers, each with --dp-size 1 and GPUs of its own, and a router before "
    "them"
)


def grouped(
    words: Sequence[tuple[Value, Location | None]], origin_name: str
) -> tuple[ServerArg, ...]:
    """Split the words of a command line into flags and their values; no word is lost.

    Words that aren't known, and may be any number, are no value of what is a switch of the newest
    release.
    """
    args = group_args(words, origin_name)
    if not any(a.flag and isinstance(v, Unknown) and v.splits for a in args for v in a.values[:1]):
        return args
    return apart(args, load(releases()[-1]))


def without_own(config: LaunchConfig) -> LaunchConfig:
    """The launch with the words that its launcher takes itself beside the launcher's.

    What both it and SGLang know is given to SGLang in the end. A router's words are its own anyway.
    """
    if not config.command or not config.args or config.router:
        return config
    own_words = None
    if DYNAMO in config.command:
        own_words = _DYNAMO_WORDS
    elif config.command[-1] in (_ROUTED, GATEWAY_SERVERS):
        own_words = _ROUTER_WORDS
        config = replace(config, notes=(*config.notes, Note(_EACH_ALONE, config.location)))
    if own_words is None:
        return config
    own = [a for a in config.args or () if a.flag and own_words.fullmatch(a.flag)]
    words = (w for a in own for w in a.words)
    args = tuple(a for a in config.args or () if a not in own)
    return replace(config, command=(*config.command, *words), args=args)


def asks_for_help(config: LaunchConfig) -> bool:
    """Whether a command only prints its help: nothing is launched, whatever else it is given."""
    return any(a.flag in _HELP and a.condition is None for a in config.args or ())


def launcher_length(words: Sequence[tuple[Value, Location | None]], start: int = 0) -> int | None:
    """How many words from *start* on are the launcher, None where they launch nothing."""
    first = words[start][0]
    following = [v for v, _ in words[start + 1 : start + 4]]
    if not isinstance(first, str):
        if following[:1] == ["-m"] and following[1:2] and following[1] in MODULES:
            return 3
        # a program of that name in a folder that isn't known
        named = first.text.endswith("/sglang") and not first.splits
        return 2 if named and following[:1] == ["serve"] else None
    if first == "sglang" or first.endswith("/sglang"):
        return 2 if following[:1] == ["serve"] else None
    if GATEWAY.fullmatch(first):
        return _gateway(words, start + 1, start)
    if not _PYTHON.fullmatch(first):
        return None
    end = _launcher(words, start + 1)
    return None if end is None else end - start


def _gateway(words: Sequence[tuple[Value, Location | None]], i: int, start: int) -> int | None:
    """How many words from *start* on are a gateway's, whose own begin at *i*."""
    word = words[i][0] if i < len(words) else None
    if word in _LAUNCHES_ROUTER or word == GATEWAY_SERVERS:
        return i + 1 - start
    behind = [v for v, _ in words[i:]]
    told = any(isinstance(v, str) and _GATEWAY_WORDS.fullmatch(v) for v in behind)
    return i - start if told and isinstance(word, str) and word.startswith("--") else None


def _launcher(words: Sequence[tuple[Value, Location | None]], i: int) -> int | None:
    """Where the arguments begin behind ``python``, whose own begin at *i*."""
    while i < len(words):
        word = words[i][0]
        if not isinstance(word, str):
            return None
        if word in ("-X", "-W", "--check-hash-based-pycs"):
            i += 2
        elif word.startswith(("-X", "-W")) or _FLAGS.fullmatch(word):
            i += 1
        elif m := re.fullmatch(r"-[bBdEiIOPqsSuvx]*m(.*)", word):
            module, i = (m[1], i + 1) if m[1] else (None, i + 2)
            if module is None and i <= len(words):
                module = words[i - 1][0]
            if module in GATEWAY_MODULES:
                size = _gateway(words, i, i)
                return i + size if size else None
            return i if module in MODULES else None
        elif _SCRIPT.fullmatch(word):
            return i + 1
        else:
            return None
    return None
