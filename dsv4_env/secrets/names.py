"""Names that hold secrets: by their words, and by what SGLang's own releases know of them."""

from __future__ import annotations

import re
from functools import cache

from dsv4_env.secrets.forms import form_spans

# A word has to end in one of these (APIKEY, OAUTH), so that --tokenizer-path stays readable.
# "Tokens" are counted, never kept secret.
_SECRET = re.compile(
    r"(?i)(?:TOKEN|(?:KEY|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|COOKIE|WEBHOOK)(?P<s>S?)"
    r"|(?P<auth>AUTH)|AUTHORIZATION)\Z"
)
_WHOLE = {"dsn", "pwd"}  # what other words end in by chance
# Where a secret lies isn't one.
_PLACES = {"file", "files", "path", "paths", "dir", "folder", "environment"}
_NO_NAMES = {"pwd", "oldpwd"}
_PLAIN = re.compile(r"(?i)[-+]?[0-9.]*|true|false|yes|no|none|auto|on|off|basic|null")

# What SGLang declares as a number, a switch, a choice or a path although its name has such a
# word. A test holds this to the catalogue of every release.
_OPEN = frozenset(
    """
    SGLANG_FLASHINFER_NVFP4_PER_TOKEN_ACTIVATION SGLANG_INIT_NEW_TOKEN_RATIO
    SGLANG_KV_CANARY_ENABLE_TOKEN_ORACLE SGLANG_KV_CANARY_ENABLE_VERIFY_TOKEN_ASSERT
    SGLANG_KV_CANARY_PERTURB_NEXT_TOKEN_SWAP_PROB SGLANG_KV_CANARY_PERTURB_REQ_TO_TOKEN_PROB
    SGLANG_LOG_DECODE_GRAPH_KEY SGLANG_MINIMAX_VIT_TOKEN_BLOCK SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR
    SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS SGLANG_PREFILL_DELAYER_TOKEN_USAGE_LOW_WATERMARK
    SGLANG_OPT_USE_JIT_PER_TOKEN_GROUP_QUANT SGLANG_PER_TOKEN_GROUP_QUANT_8BIT_V2
    SGLANG_ROUTING_KEY_POLICY_DEBUG_LOG
    SGLANG_SIMULATE_ACC_TOKEN_MODE SGLANG_SYNC_TOKEN_IDS_ACROSS_TP SGLANG_USE_AITER_FP8_PER_TOKEN
    SYNC_TOKEN_IDS_ACROSS_TP
    --bucket-inter-token-latency --bucket-time-to-first-token --kt-max-deferred-experts-per-token
    --prefill-delayer-token-usage-low-watermark --speculative-token-map
    --tbo-token-distribution-threshold
    """.split()
)
_OLD_PREFIX, _PREFIX = "SGL_", "SGLANG_"  # SGLang takes the first for the second


def is_secret(name: str, value: str = "?") -> bool:
    """Whether a variable or flag of this name, with this value, holds a secret.

    By its name, unless SGLang declares that as something else; or by the form of its value.
    """
    return secret_name(name, value) or bool(form_spans(value, loose=True))


def secret_name(name: str, value: str = "?") -> bool:
    """Whether the name alone says so; of a plural or ``AUTH`` not where the value is a switch."""
    sure, unsure = _by_words(name)
    return sure or (unsure and not _PLAIN.fullmatch(value))


@cache
def _by_words(name: str) -> tuple[bool, bool]:
    """Whether the words of a name say that it is secret for sure, or for want of a plain value."""
    words = [w for w in re.split(r"[^A-Za-z0-9]+", name) if w]
    if not words or words[-1].lower() in _PLACES or name.lower() in _NO_NAMES or _open(name):
        return False, False
    sure = unsure = False
    for word in words:
        match = _SECRET.search(word)
        if match is not None and (match["s"] or match["auth"]):
            unsure = True
        elif match is not None or word.lower() in _WHOLE:
            sure = True
    return sure, unsure


def _open(name: str) -> bool:
    """Whether SGLang declares a name as no secret, an abbreviated flag included."""
    if name.startswith("--"):
        flag = name.partition("=")[0]
        return any(known.startswith(flag) for known in _OPEN)
    if name.startswith(_OLD_PREFIX):
        name = _PREFIX + name.removeprefix(_OLD_PREFIX)
    return name in _OPEN
