"""Values that break quoting: generated, the same ones every time, and many of them."""

from __future__ import annotations

import os
import random
import re

from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg, group_args

# Values for each consumer: CI asks for more.
COUNT = max(1000, int(os.environ.get("DSV4_DIFFERENTIAL_EXAMPLES", "0")))
BATCH = 200  # variables for one process

FIXED = [
    "", " ", "  ", "\t", "\n", "\n\n", "\r", "\r\n", "a\r", "\ra", "a\nb", "a\n", "\na",
    "a\\\nb", "'", '"', "''", '""', "'\\''", "\\'", "\\", "\\\\", "a\\", "\\a", "\\n", "\\$",
    "\\!", "\\`", "$", "$$", "$$$", "$HOME", "${HOME}", "${HOME:-x}", "$(id)", "$(HOME)",
    "$$(HOME)", "`id`", "$1", "$é", "$'x'", "${", "$${X}", "${X", "$}", "${}", "${:-x}", "a$",
    "$((1))", "%HOME%", "%s%n%%", "!", "!!", "!x", "a!b", "!$", "^a^b", "\\!x", "'!'", "*", "?",
    "[a]", "{a,b}", "~", "~root", "=ls", "-n", "--", "-e x", "--flag=x", "#", "# x", "a #b",
    "a#b", ";", "a;b", "|", "&", "<", ">", "()", "@x", "yes", "no", "on", "null", "~", "1_000",
    "0x10", "1e3", "0755", ".inf", "- a", "a: b", "&a", "*a", "!t", "é", "日本語", "😀",
    "‘’‚‛“”", "a‘b", "\u00a0", "\u0085", "\u2028", "\ufeff", "\ufeffa", "\ufffd", "\u200b",
    "\u202e", "e\u0301", "\x01", "\x1b[31m", "\x7f", "\x08", "\x0b", "\x0c", "\x1c", "\x80",
    "\x9f", "\ufffe", "\uffff", "\ufdd0", "\U0001ffff", "\ue000", "EOF", "x=y", "=x", " x", "x ",
    '{"a": "b\'c"}', "\udcff", "a\udc80b", "\udcc3(", "a" * 100_000, "é'\n" * 5_000, "\\" * 999,
    "'" * 999,
]  # fmt: skip
_ALPHABETS = [
    "'\"\\$`!*?[]{}()<>|&;#~=%^@:, \t\n-ab",
    "'\\\n!$",
    "${}:-ab()$",
    "\r\n\t 'a\"",
    "‘’‚‛'“”\"–—é日😀a ",
    "\x01\x02\x07\x0b\x0c\x1b\x1c\x1e\x7f\x80\x85\x9f\u2028\u2029\ufeffa'",
    "\udc80\udcc3\udcff\udce2a'\\",
    "abcXYZ019_./:,+-",
]


def values(count: int = COUNT, cannot: str = "(?!)") -> list[str]:
    """So many values, without those in which *cannot* matches."""
    random_ = random.Random(f"{count} hostile values")
    refused = re.compile(cannot)
    found = [v for v in FIXED if not refused.search(v)]
    while len(found) < count:
        alphabet = random_.choice(_ALPHABETS)
        size = random_.choice((1, 2, 3, 5, 8, 13, 40))
        text = "".join(random_.choice(alphabet) for _ in range(size))
        if not refused.search(text):
            found.append(text)
    return found[:count]


def batches(count: int = COUNT, cannot: str = "(?!)") -> list[dict[str, str]]:
    """The values as the variables of one process after the other."""
    found = values(count, cannot)
    return [
        {f"V{i}": v for i, v in enumerate(found[start : start + BATCH])}
        for start in range(0, len(found), BATCH)
    ]


def config(env: dict[str, str], words: list[str] | None = None, **flags: str) -> LaunchConfig:
    """A launch with these variables and arguments; *flags* have one value each."""
    origin = Origin("test")
    args = group_args([(word, None) for word in words or []], "test")
    args += tuple(ServerArg(f"--{flag}", (value,), origin) for flag, value in flags.items())
    return LaunchConfig("t", "test", tuple(EnvVar(n, v, origin) for n, v in env.items()), args)


def as_bytes(env: dict[str, str]) -> dict[str, bytes]:
    """The same variables as a process gets them."""
    return {n: os.fsencode(v) for n, v in env.items()}
