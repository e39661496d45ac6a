"""Many independent optional settings: for each outcome of their tests, what bash makes of them."""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from dsv4_env.model import EnvVar, LaunchConfig, Unknown
from dsv4_env.readers import bash

from .bash_oracle import OWN_NAMES, SCRIPT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dsv4_env.model.condition import Condition

    from .bash_oracle import Oracle
    from .judge import Shares

_SCRIPTS = max(10, int(os.environ.get("DSV4_DIFFERENTIAL_EXAMPLES", "0")) // 40)
_RUNS = 4  # of each script, with other outcomes
_CHANGES = (
    "A+=(--a{n})",
    "A+=(--a{n} {n} 'two words')",
    'A=(--first{n} "${{A[@]}}")',
    "export E{n}=on",
    "export COMMON={n}",
    "unset COMMON",
    "COMMON=plain{n}",
    "E{n}=off; export E{n}",
    'S="$S --s{n}"',
    'S+=" --s{n}={n} "',
    'S+="--s{n} {n} "',
    "S=",
    "TP={n}",
    "TP=$TP{n}",
    'TP="{n}-$TP"',
    "export TP",
    'TEXT="$TEXT {n}"',
    "Q+=.{n}",
    "N=set{n}",
    "unset N",
    "N=",
)
_TESTS = (
    'if [ "$T{n}" = x ]; then {do}; fi',
    "[[ $T{n} == x ]] && {{ {do}; }}",
    'if [ "$T{n}" != x ]; then :; else {do}; fi',
    "case $T{n} in x) {do};; y) {other};; esac",
    'if [ "$T{n}" = x ]; then {do}; else {other}; fi',
)
_LAUNCHES = (
    'sglang serve --tp $TP --s "${A[@]}" $S --text "$TEXT" --quiet=$Q',
    'sglang serve --tp "$TP" $S --q$Q "${A[@]}"',
    'sglang serve "$N" $N ${N-unset} ${N:+--is "$N"} ${N:-empty} ${#A[@]} "${A[0]}" "$N-$Q"',
    'if [ -n "$N" ]; then A+=("$N"); fi\nsglang serve "${A[@]}" --n=$N',
    'export N\nF="$N/$TP"\nsglang serve "${A[*]}" $F ${F#*/} ${TP%-*}',
    'COMMON=last sglang serve "${A[@]}" --more ${S} --tp=${TP}',
)


def _made(random: Random) -> tuple[str, int]:
    count = random.randint(5, 12)
    lines = ["N=", "A=(--always)", "S=--string", "TP=8", "TEXT=t", "Q=q", "export COMMON=0"]
    if random.random() < 0.3:
        lines[2] = "S="
    for n in range(count):
        do, other = (random.choice(_CHANGES).format(n=n) for _ in range(2))
        lines.append(random.choice(_TESTS).format(n=n, do=do, other=other))
    lines.append(random.choice(_LAUNCHES))
    return "\n".join(lines) + "\n", count


def _holds(condition: Condition | None, inputs: dict[str, str]) -> bool | None:
    """Whether it holds; None where other tests decide than the inputs."""
    if condition is None:
        return True
    tests = list(condition.tests())
    if any(t.operator != "=" or t.subject not in inputs for t in tests):
        return None
    return condition.holds({t: inputs[t.subject] == t.operand.strip('"') for t in tests})


def _wrong_env(config: LaunchConfig, environ: Mapping[str, str], inputs: dict[str, str]) -> str:
    settings: dict[str, list[EnvVar]] = {}
    for setting in config.env:
        if not setting.superseded:
            settings.setdefault(setting.name, []).append(setting)
    for name in {*settings, *environ} - OWN_NAMES - {*inputs}:
        held = [(e, _holds(e.condition, inputs)) for e in settings.get(name, ())]
        if any(
            holds is None or isinstance(e.value, Unknown) for e, holds in held if holds is not False
        ):
            continue
        values = [e.value for e, holds in held if holds]
        if values != ([environ[name]] if name in environ else []):
            return f"{name} is {values}, bash: {environ.get(name)}"
    return ""


@pytest.mark.long
@pytest.mark.parametrize("number", range(_SCRIPTS))
def test_every_outcome(number: int, oracle: Oracle, root: Path, shares: Shares) -> None:
    """What is known and holds is bash's own."""
    random = Random(f"choices {number}")
    text, count = _made(random)
    (config,) = bash.read_all(text, SCRIPT, root=root)
    for _ in range(_RUNS):
        inputs = {f"T{n}": random.choice("xyz") for n in range(count)}
        (launch,) = oracle.run(text, inputs).launches
        words: list[str | None] = []
        for arg in config.args or ():
            holds = _holds(arg.condition, inputs)
            if holds is not False:
                words += [w if isinstance(w, str) and holds else None for w in arg.words]
        shares.add("choices", len(words) - words.count(None), len(words))
        if None not in words:
            assert words == launch.server_args, f"{text}\nwith {inputs}"
        wrong = _wrong_env(config, launch.environ, inputs)
        assert not wrong, f"{wrong} in\n{text}\nwith {inputs}"


@pytest.mark.parametrize("count", [10, 20, 40])
def test_independent_flags(count: int) -> None:
    """Each costs one condition."""
    lines = ["A=(--tp 8)"]
    for n in range(count):
        lines.append(f'[ "$T{n}" = x ] && A+=(--flag{n} {n})' if n % 2 else "")
        lines.append(f'if [ "$T{n}" = y ]; then export V{n}={n}; fi')
    text = "\n".join([*lines, 'sglang serve "${A[@]}" --last'])
    (config,) = bash.read_all(text, SCRIPT)
    env = {e.name: (e.value, str(e.condition)) for e in config.env}
    assert env == {f"V{n}": (str(n), f'T{n} = "y"') for n in range(count)}
    args = [(a.flag, a.values, str(a.condition)) for a in config.args or ()]
    flags = [(f"--flag{n}", (str(n),), f'T{n} = "x"') for n in range(1, count, 2)]
    assert args == [("--tp", ("8",), "None"), *flags, ("--last", (), "None")]
    assert not config.notes
