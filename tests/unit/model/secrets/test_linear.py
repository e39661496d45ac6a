"""Masking takes a time that grows with the text alone, however hostile the text is."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

SIZE = 500_000
LIMIT = 20  # seconds of CPU for all of a group: a quadratic pattern takes hours for one
HOSTILE = [
    "sk-",
    "://",
    "://a:",
    "://aaaa.",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "-eyJaaaaaaaa",
    "eyJaaaaaaaa.",
    "Bearer ",
    "TOKEN=",
    "TOKEN: ",
    "TOKENS: 1,",
    '"',
    "TOKEN ",
    '"TOKEN: ',
    'TOKEN=\\"',
    "${TOKEN:-",
    "TOKEN=${A:?",
    "TOKEN=[[[",
    "TOKEN=$A ",
    '"api_key": {',
    "(",
    "\\",
    "-",
    "_KEY",
    "ENV TOKEN ",
    "--api-key ",
    "curl -u ",
    "docker login ",
    "# HF_TOKEN ",
    'case "$TOKEN" in ',
    'get("TOKEN") or ',
]
TAILS = [
    ("Bearer ", "a"),
    ("TOKEN=", "\\"),
    ("TOKEN=", '"'),
    ("TOKEN=", "("),
    ("TOKEN", " "),
    ("TOKEN", "="),
    ("-----BEGIN PRIVATE KEY-----", "a-"),
    ("https://", "a"),
    ("curl ", "-a "),
    ("docker login ", "-a "),
    ("curl -u", " "),
]
PROGRAM = f"""
import sys
from dsv4_env.model.secrets import scrubbed
for line in sys.stdin.read().split("\\0"):
    head, unit = line.split("\\1")
    text = head + unit * ({SIZE} // len(unit))
    assert len(scrubbed(text)) < 2 * {SIZE} * 8
    print("done")
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))


@pytest.mark.parametrize("part", range(4))
def test_hostile_text_is_masked_in_linear_time(part: int) -> None:
    texts = [("", unit) for unit in HOSTILE] + TAILS
    given = texts[part::4]
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input="\0".join("\1".join(pair) for pair in given),
        text=True,
        capture_output=True,
        check=False,
        preexec_fn=limited,  # no threads here
    )
    number = found.stdout.count("done")
    assert number == len(given), (given[number], found.returncode, found.stderr)
