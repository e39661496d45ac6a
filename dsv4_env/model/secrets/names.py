"""Names that hold secrets: by their words, and by what SGLang's own releases know of them."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

from dsv4_env.model.secrets.forms import form_spans

# The words of a name: api_key, apiKey2, API-KEY. Digits at the end of a word are none of it.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONGEST = 300  # characters of a name that are looked at: its end

# Wherever one of these stands, the name is a secret's, unless its last word is of _ABOUT.
_STRONG = set(
    """password passwords passwd passphrase passphrases secret secrets credential credentials creds
    passcode""".split()
)
_LAST = {"token", "key", "pass", "pwd", "dsn", "webhook", "webhooks", "cookie", "cookies", "auth"}
_LAST |= {"authorization", "apikey", "apikeys", "keys", "tokens", "pat", "oauth", "pin"}
# Written in one word: APIKEY, HFTOKEN, MYSECRET, but neither MONKEY nor PUBKEY.
_JOINED = re.compile(
    r"(?:api|access|admin|app|auth|bearer|client|db|encryption|hf|master|my|private|root|secret"
    r"|service|session|shared|signing|ssh|ssl|user|webhook)"
    r"(keys?|tokens?|pass(?:word|wd|phrase)?s?|secrets?|creds|auth)"
)
# Behind the word that counts, these say which secret it is.
_WHICH = set(
    """value str string text raw plain b64 base64 prod production dev test testing staging stage
    live sandbox default old new backup main alt header url uri json id base""".split()
)
_VERSION = re.compile(r"[a-z]|\d+")  # TOKEN_2, KEY_V2, API_KEY_A
# Whatever stands behind such a pair: HF_TOKEN_FOR_CI.
_PAIRS = {
    *((a, "key") for a in ("access", "api", "encryption", "private", "signing", "ssh")),
    *((a, "token") for a in ("access", "api", "auth", "bearer", "bot", "github", "hf", "refresh")),
}
# What is sorted, cached or counted by a key, and the tokens that a model reads and writes.
_OF_DATA = set(
    """sort sorting order partition cache caching routing route public pub foreign primary unique
    index lookup map dict hash row column group grouping join block shard cluster shortcut hot
    registry dedup merge message item object attribute config setting label metric graph""".split()
)
_OF_TEXT = set(
    """bos eos pad unk sep cls mask image video audio special per to think stop draft eot eom eoh
    decoder extra patch placeholder im tool verify next last first reserved""".split()
)
# Tokens are counted far more often than kept: only what has a holder is secret.
_HOLDERS = set("api auth access hf secret bearer refresh admin user users valid allowed gh".split())
# Where a secret lies isn't one; a file's content sometimes is.
_PLACES = {"file", "files", "path", "paths", "dir", "folder"}
_ABOUT = _PLACES | set(
    """environment name type mode length len size policy prefix suffix format dtype limit count ttl
    expiry timeout enabled secure provider store backend auth ref sock socket version rotation
    manager namespace""".split()
)
_NO_NAMES = {"key", "keys"}  # a lone key is that of a mapping
_NUMBER = re.compile(r"[-+]?[0-9][0-9_]*[kKmMgG]?|[-+]?[0-9]*\.[0-9]*(?:[eE][-+]?[0-9]+)?")
_KEYWORD = re.compile(
    r"(?i)(?:true|false|yes|no|none|null|nil|auto|on|off|basic|y|n|enabled?|disabled?)?"
)
_PATH = re.compile(r"/(?:[\w.@%+,=-]++/?)*+")
_RANDOM = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Z])(?=[^/]*[a-z])[^/]{16,}")
# Digits may be a password, of such words.
_DIGITS = {"password", "passwd", "passphrase", "pass", "pwd", "passcode", "pin", "secret"}

# What SGLang declares as a number, a switch, a choice or a path although its name has such a
# word. A test holds this to the catalogue of every release.
_OPEN = frozenset(
    """
    SGLANG_FLASHINFER_NVFP4_PER_TOKEN_ACTIVATION SGLANG_LOG_DECODE_GRAPH_KEY
    SGLANG_USE_AITER_FP8_PER_TOKEN
    """.split()
)
# SGLang's secret flags, and the shortest beginning that argparse takes for no other.
_FLAGS = {
    "--admin-api-key": "--ad",
    "--api-key": "--ap",
    "--ssl-keyfile-password": "--ssl-keyfile-",
}
_OLD_PREFIX, _PREFIX = "SGL_", "SGLANG_"  # SGLang takes the first for the second


def is_secret(name: str, value: str = "?") -> bool:
    """Whether a variable or flag of this name, with this value, holds a secret.

    By its name, unless SGLang declares that as something else; or by the form of its value.
    """
    return secret_name(name, value) or bool(form_spans(value, loose=True))


def secret_name(name: str, value: str = "?") -> bool:
    """Whether the name alone says so: of a value that is no number, switch or absolute path."""
    kind, digits = _by_words(name[-_LONGEST:])
    if not kind or _KEYWORD.fullmatch(value):
        return False
    if _NUMBER.fullmatch(value):
        return digits and sum(map(str.isdigit, value)) >= 6
    if kind == "pin":
        return False
    if kind == "place" and (value == "?" or any(c in value for c in "/.\\~$")):
        return False
    return not is_path(value) or (digits and value.count("/") < 2)


def may_be_secret(name: str) -> bool:
    """Whether there are values with which a name holds a secret."""
    return _by_words(name[-_LONGEST:])[0] != ""


def is_plain(value: str) -> bool:
    """Whether a value is a number, a switch or an absolute path: no secret by its name alone."""
    return bool(_KEYWORD.fullmatch(value) or _NUMBER.fullmatch(value)) or is_path(value)


def is_path(value: str) -> bool:
    """Whether a value is an absolute path, rather than a random text that begins with a slash."""
    if not value.startswith("/") or not _PATH.fullmatch(value):
        return False
    return not any(map(_RANDOM.fullmatch, value.split("/")))


@lru_cache(maxsize=4096)
def _by_words(name: str) -> tuple[str, bool]:
    """What the words of a name say of it, and whether its digits may be a password.

    ``""``: it is no secret's; ``"secret"``; ``"place"``: where one lies; ``"pin"``: digits alone.
    """
    none = "", False
    if name in _NO_NAMES or name.lower() in ("pwd", "oldpwd") or _open(name):
        return none
    if name.startswith("--") and any(
        flag.startswith(name) and name.startswith(least) for flag, least in _FLAGS.items()
    ):
        return "secret", "password" in name
    words = [w.lower() for w in _WORDS.findall(name)]
    if not words:
        return none
    strong = any(map(_strong, words)) or not _PAIRS.isdisjoint(itertools.pairwise(words))
    digits = any(w in _DIGITS or (_strong(w) and "pass" in w) for w in words)
    if words[-1] in _ABOUT and not (words[-1] == "auth" and not strong):
        place = words[-1] in _PLACES and (strong or words[-2:-1] == ["token"])
        return ("place", False) if place else none
    if strong:
        return "secret", digits
    while len(words) > 1 and (words[-1] in _WHICH or _VERSION.fullmatch(words[-1])):
        which = words.pop()
        if which == "id":
            return none
        if which in ("url", "uri", "base", "json") and words[-1] in ("key", "token"):
            return none
        if which == "url" and words[-1] == "auth":
            return none
    last, before = words[-1], words[-2:-1]
    if last not in _LAST and not _JOINED.fullmatch(last):
        return none
    if last == "pin":
        return "pin", True
    if last in ("key", "keys") and before and before[0] in _OF_DATA:
        return none
    if last == "token" and before and before[0] in _OF_TEXT:
        return none
    if last == "tokens" and before and before[0] not in _HOLDERS:
        return none
    if last == "pass" and before and before[0] in ("forward", "backward", "single", "multi", "two"):
        return none
    return "secret", digits


def _strong(word: str) -> bool:
    if word in _STRONG:
        return True
    joined = _JOINED.fullmatch(word)
    return joined is not None and joined[1].startswith(("pass", "secret", "creds"))


def _open(name: str) -> bool:
    """Whether SGLang declares a name as no secret."""
    if name.startswith(_OLD_PREFIX):
        name = _PREFIX + name.removeprefix(_OLD_PREFIX)
    return name in _OPEN
