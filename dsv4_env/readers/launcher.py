"""The words of a command that launch a server.

Source of Dynamo's own words: components/src/dynamo/common/configuration/groups/runtime_args.py and
router_args.py, components/src/dynamo/sglang/backend_args.py; ``dynamo.sglang`` takes them first,
and gives all others to SGLang's parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dsv4_env.catalogue import load, releases
from dsv4_env.catalogue.arguments import apart
from dsv4_env.model import LaunchConfig, Location, ServerArg, Unknown, Value, group_args

_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)(?:\d+(?:\.\d+)*)?t?")
_FLAGS = re.compile(r"-[bBdEhiIOPqsSuvVx?]+")
_SCRIPT = re.compile(r"(?:.*/)?launch_server\.py")
MODULE = "sglang.launch_server"
DYNAMO = "dynamo.sglang"
_MODULES = (MODULE, DYNAMO)
# Dynamo's own words, which SGLang doesn't have; those that both know reach SGLang in the end.
_OWN_WORDS = re.compile(
    r"--(?:no-)?(?:dyn-[\w-]+|router-[\w-]+|afd-[\w-]+|(?:tcp|nats)-tls-[\w-]+|namespace|endpoint"
    r"|endpoint-types|kv-state-endpoint|discovery-backend|store-kv|request-plane|response-plane"
    r"|event-plane|fpm-trace|connector|exclude-tools-when-tool-choice-none|custom-jinja-template"
    r"|dump-config-to|multimodal-embedding-cache-[\w-]+|output-modalities|media-output-[\w-]+"
    r"|health-check-payload|engine-request-limit|migration-limit|enable-local-indexer"
    r"|durable-kv-events|use-sglang-tokenizer|multimodal-(?:processor|encode-worker|worker)"
    r"|dedicated-mm-encoder|embedding-worker|image-diffusion-worker|video-generation-worker"
    r"|disagg-config|disagg-config-key)"
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
    """The launch with the words that its launcher takes itself beside the launcher's."""
    if DYNAMO not in config.command or not config.args:
        return config
    own = [a for a in config.args if a.flag and _OWN_WORDS.fullmatch(a.flag)]
    words = (w for a in own for w in a.words)
    args = tuple(a for a in config.args if a not in own)
    return replace(config, command=(*config.command, *words), args=args)


def launcher_length(words: Sequence[tuple[Value, Location | None]], start: int = 0) -> int | None:
    """How many words from *start* on are the launcher, None where they don't launch a server."""
    first = words[start][0]
    if not isinstance(first, str):
        texts = [v for v, _ in words[start + 1 : start + 3]]
        return 3 if texts in [["-m", m] for m in _MODULES] else None
    if first == "sglang" or first.endswith("/sglang"):
        return 2 if len(words) > start + 1 and words[start + 1][0] == "serve" else None
    if not _PYTHON.fullmatch(first):
        return None
    size = _launcher(words, start + 1)
    return None if size is None else size - start


def _launcher(words: Sequence[tuple[Value, Location | None]], i: int) -> int | None:
    while i < len(words):
        word = words[i][0]
        if not isinstance(word, str):
            return None
        if word in ("-X", "-W", "--check-hash-based-pycs"):
            i += 2
        elif word.startswith(("-X", "-W")) or _FLAGS.fullmatch(word):
            i += 1
        elif m := re.fullmatch(r"-[bBdEiIOPqsSuvx]*m(.*)", word):
            if m[1]:
                return i + 1 if m[1] in _MODULES else None
            return i + 2 if i + 1 < len(words) and words[i + 1][0] in _MODULES else None
        elif _SCRIPT.fullmatch(word):
            return i + 1
        else:
            return None
    return None
