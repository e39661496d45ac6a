"""Conditions of the Python reader: for every outcome of unknown tests, what it says is true."""

from __future__ import annotations

import itertools
import types
from typing import Any

from hypothesis import Phase, given, settings, strategies as st

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.condition import Condition
from dsv4_env.readers import python

from .test_python_reader import MORE

FLAGS = 3
STEPS = 20_000  # a launch of which ways are left out is partial: all that it says must still hold
QUICK = [Phase.explicit, Phase.reuse, Phase.generate]  # shrinking takes longer than it helps
HEAD = """from somewhere import flag, popen_launch_server
E = {"A": "0"}
F = {}
L = ["--l"]
K = []
def change(target, key, value="c"):
    if flag(0):
        return target
    target[key] = value
    return F
def words(*given):
    found = []
    for word in given:
        if flag(1) and word == "x":
            continue
        if word == "stop":
            break
        found.append(word)
    return found
class Box:
    shared = ["--s"]
    def __init__(self, name, more=()):
        self.name = name
        self.more = [*more]
    def both(self):
        if self.name == "a" or flag(2):
            return self.more + self.shared
        self.more += ["--m"]
        return self.more
BOX = Box("a")
"""
LAUNCH = 'popen_launch_server("m", "u", 1, other_args=L, env=E)\n'

name = st.sampled_from(["A", "B", "C"])
test = st.sampled_from(
    [
        "flag(0)",
        "not flag(1)",
        "flag(0) and flag(2)",
        "flag(1) or not flag(2)",
        "'A' in F",
        "E.get('B') == '1'",
        "len(L) > 2",
        "K",
        "flag(2) and 'A' in E",
        "'--x' in L",
    ]
)
simple = st.one_of(
    st.builds("E[{!r}] = '1'".format, name),
    st.builds("F[{!r}] = '2'".format, name),
    st.builds("E.pop({!r}, None)".format, name),
    st.builds("E = {{**F, {!r}: '3'}}".format, name),
    st.builds("change(E, {!r})".format, name),
    st.builds("E = change(F, {!r}, value='d') or E".format, name),
    st.builds("E.update({{k: v for k, v in F.items() if {}}})".format, test),
    st.builds("E[{!r}] = 'y' if {} else 'n'".format, name, test),
    st.builds("L = words('x', '--y', {!r}, 'stop', 'z') + K".format, name),
    st.builds("K.append({!r})".format, name),
    st.builds("BOX = Box({!r}, L)".format, st.sampled_from("ab")),
    st.sampled_from(
        [
            "L += ['--x']",
            "L = BOX.both()",
            "K = L",
            "K = L + K",
            "BOX.shared.append('--t')",
            "Box.shared = ['--u']",
            "BOX.more = K",
            "L.extend(w for w in K if w not in L)",
            "L += (w for w in K if w not in L)",
            "L = [w for w in L if w != '--x' or flag(1)]",
            "for w in L:\n    if w == '--x': L.remove(w)",
            "for w in L:\n    if len(K) < 4: K.append(w)",
            "E = dict(F)",
            "F = E",
        ]
    ),
)


def indented(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for block in lines for line in block.splitlines())


statement = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds(
            lambda t, a, b: f"if {t}:\n{indented(a)}else:\n{indented(b)}",
            test,
            st.lists(inner, min_size=1, max_size=3),
            st.lists(inner, min_size=1, max_size=2),
        ),
        st.builds(
            lambda t, a: f"for i in range(3):\n{indented(a)}    if {t} and i:\n        break\n",
            test,
            st.lists(inner, min_size=1, max_size=2),
        ),
        st.builds(
            lambda a: (
                f"try:\n{indented(a)}    if flag(1): raise ValueError\n"
                f"except ValueError:\n    E['T'] = 't'\n"
            ),
            st.lists(inner, min_size=1, max_size=2),
        ),
    ),
    max_leaves=6,
)


def ran(text: str, flags: tuple[bool, ...]) -> list[tuple[dict[str, str], list[str]]]:
    found: list[tuple[dict[str, str], list[str]]] = []

    def launch(*_: Any, other_args: list[str], env: dict[str, str]) -> None:
        found.append((dict(env), list(other_args)))

    plain = text.replace(HEAD.splitlines()[0], "")
    scope = {"flag": lambda i: flags[i], "popen_launch_server": launch}
    exec(compile(plain, "f.py", "exec"), types.ModuleType("f").__dict__ | scope)
    return found


def holds(condition: Condition | None, flags: tuple[bool, ...]) -> bool | None:
    """Whether a condition holds; None where it isn't one that Python can tell."""
    try:
        return condition is None or bool(eval(str(condition), {"flag": lambda i: flags[i]}))
    except (NameError, SyntaxError):
        return None


def checked(launch: LaunchConfig, text: str) -> bool:
    """Compare with every outcome; whether anything was known at all."""
    told = False
    for flags in itertools.product([True, False], repeat=FLAGS):
        truth = ran(text, flags)
        here = holds(launch.condition, flags)
        if here is None or any(holds(e.condition, flags) is None for e in launch.env):
            continue
        if launch.partial and not here:
            continue
        assert bool(truth) is here, (text, flags)
        if not truth:
            continue
        env, args = truth[0]
        live = {
            e.name: e.value for e in launch.env if not e.superseded and holds(e.condition, flags)
        }
        vague = any("may set any variable" in n.message for n in launch.notes)
        known = {n: v for n, v in live.items() if not isinstance(v, Unknown)}
        assert known.items() <= env.items(), (text, flags, launch)
        if not vague:
            assert env.keys() == live.keys(), (text, flags, launch)
        given = [a for a in launch.args or () if holds(a.condition, flags) is not False][1:]
        said = [w for a in given for w in a.words]
        if any(isinstance(w, Unknown) for w in said) or any(
            holds(a.condition, flags) is None for a in given
        ):
            continue
        told = True
        assert said == args, (text, flags, launch)
    return told


@given(st.lists(statement, min_size=1, max_size=5))
@settings(max_examples=max(100, MORE), deadline=None, phases=QUICK)
def test_every_outcome(body: list[str]) -> None:
    text = HEAD + "".join(f"{line}\n" for line in body) + LAUNCH
    for launch in python.read_all(text, steps=STEPS):
        checked(launch, text)


@given(st.lists(statement, min_size=1, max_size=4))
@settings(max_examples=max(50, MORE), deadline=None, phases=QUICK)
def test_every_outcome_within_a_function(body: list[str]) -> None:
    inner = indented(["global E, F, L, K, BOX", *body, LAUNCH])
    text = f"{HEAD}def test_it():\n{inner}"
    for launch in python.read_all(text, steps=STEPS):
        checked(launch, f"{text}test_it()\n")


def test_the_check_can_fail() -> None:
    text = HEAD + "if flag(0):\n    E['A'] = '1'\n" + LAUNCH
    (launch,) = python.read_all(text)
    assert checked(launch, text)
    try:
        checked(launch, text.replace("'1'", "'2'"))
    except AssertionError:
        return
    raise RuntimeError("a wrong answer was taken for a true one")
