"""What bash takes is read, and what it refuses is refused: asked of `bash -n`."""

from __future__ import annotations

import os
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dsv4_env.lang.bash.syntax.tree import parse

from .bash_oracle import BASH

# One text a line, in which ⏎ is a newline and \r a carriage return.
TEXTS = [
    line.replace("⏎", "\n").replace("\\r", "\r")
    for line in (Path(__file__).parent / "syntax.txt").read_text(encoding="utf-8").splitlines()
]
COUNT = max(600, int(os.environ.get("DSV4_DIFFERENTIAL_EXAMPLES", "0")))

# bash 5.2 takes these for the end of the script, without a word.
_NO_OPERAND = re.compile(r"(?:\[\[|&&|\|\||!|\()[ \t\n]*\]\]")
_TOKENS = (
    r"a b x=1 x=(1) { } ( ) ((1)) [[ ]] if then elif else fi while until do done for case in esac "
    r"a) b|c) ;; ;& ; & && || | |& ! time -p function f() coproc select >x <x 2>&1 <<<a 3<<<a "
    r"<<E $( ` ' ${x:- ${x$y} $(( )) <( # x[1]=2 x+=( $x {a,b} =~ == -f export eval > < <&- \a 'q' "
    r"{fd}>x &>x"
).split()
_WHOLE = (
    "a", "a b", "x=1", "x=(1 2)", "x=1 a >y", "! a", "time a", "[[ -f a && b == c* ]]", "((1))",
    "a $(b)", "a `b`", 'a <<<"$b"', "export x=(1)", "{a,b}", "cat <<E\nx\nE\n",
)  # fmt: skip
_AROUND = (
    "if @; then @; fi", "if @\nthen @\nelse @; fi", "while @; do @; done", "{ @; }", "(@)",
    "for i in a b; do @; done", "for i\ndo @\ndone", "case x in a) @ ;; (b|c) @ ;& esac",
    "f() { @; }", "function f { @; }", "x=$(@)", "@ | @", "@ && @", "@ & @", "@\n@", "@ || @; @",
    "time { @; }", "{ (@) }", "for ((;;)) { @; }", "until @; do @; done >x", "! { @; } 2>&1 | @",
)  # fmt: skip


def _command(random_: random.Random, depth: int) -> str:
    if depth == 0 or random_.random() < 0.3:
        return random_.choice(_WHOLE)
    parts = random_.choice(_AROUND).split("@")
    return parts[0] + "".join(_command(random_, depth - 1) + p for p in parts[1:])


def _generated(count: int) -> list[str]:
    """Tokens in any order, and commands of which one token was dropped, added or changed."""
    random_ = random.Random("valid or not")
    found: list[str] = []
    while len(found) < count:
        if random_.random() < 0.4:
            words = random_.choices([*_TOKENS, "\n"], k=random_.randrange(1, 9))
        else:
            words = _command(random_, random_.randrange(3)).split(" ")
            at = random_.randrange(len(words))
            change = random_.randrange(4)
            if change:
                words[at : at + (change != 1)] = [random_.choice(_TOKENS)] * (change != 2)
        text = " ".join(words)
        if not _NO_OPERAND.search(text):
            found.append(text)
    return found


def _takes(text: str) -> bool:
    """Whether bash reads it; some errors in conditions it only tells of."""
    assert BASH is not None
    done = subprocess.run(
        [BASH, "-n"], input=text.encode() + b"\n:\n", capture_output=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if b"warning:" not in line]
    return done.returncode == 0 and not told


@pytest.mark.usefixtures("oracle")
@pytest.mark.parametrize("texts", [TEXTS, _generated(COUNT)], ids=["written", "generated"])
def test_what_bash_takes_is_read(texts: list[str]) -> None:
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        taken = list(pool.map(_takes, texts))
    assert min(taken.count(True), taken.count(False)) > len(texts) // 5  # both kinds are asked
    wrong: list[str] = []
    for text, takes in zip(texts, taken, strict=True):
        problem = parse(text + "\n:\n")[1]
        if takes != (problem is None):
            wrong.append(f"{text!r}: bash {'takes' if takes else 'refuses'} it; {problem!r}")
    assert wrong == []
