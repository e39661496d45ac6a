"""The Python reader against Python itself: files are run with launchers that only record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.readers import python

MORE = int(os.environ.get("DSV4_PYTHON_EXAMPLES", "0"))
"""How many random examples are tried at least, for a long hunt."""

STUB = """
import json, os, sys, types, unittest
DUMP = os.environ["DUMP"]
class Absent(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *a, **k: None
def popen_launch_server(model, base_url, timeout=None, api_key=None, other_args=None, env=None):
    merged = {**os.environ, **(env or {})}
    record(model, [str(a) for a in other_args or ()], merged)
def record(model, args, env):
    with open(DUMP, "a") as file:
        file.write(json.dumps([model, args, dict(env)]) + "\\n")
def process(args, env=None, **_):
    record(None, list(args), os.environ if env is None else env)
import subprocess
subprocess.Popen = subprocess.run = process
for name in ("sglang", "sglang.test", "sglang.test.test_utils", "sglang.srt", "sglang.srt.utils"):
    sys.modules[name] = Absent(name)
utils = sys.modules["sglang.test.test_utils"]
utils.popen_launch_server = popen_launch_server
utils.CustomTestCase = unittest.TestCase
utils.DEFAULT_URL_FOR_TEST = "http://127.0.0.1:30000"
path = sys.argv[1]
sys.path.insert(0, os.path.dirname(path))
module = types.ModuleType("test_file")
sys.modules["test_file"] = module
module.__file__ = path
exec(compile(open(path).read(), path, "exec"), module.__dict__)
unittest.TextTestRunner(stream=open(os.devnull, "w")).run(
    unittest.defaultTestLoader.loadTestsFromModule(module)
)
"""
HEAD = """import json, os, copy, shlex, subprocess, unittest
from dataclasses import dataclass, field
from sglang.test.test_utils import CustomTestCase, DEFAULT_URL_FOR_TEST, popen_launch_server
"""


def ran(path: Path, environ: dict[str, str]) -> list[tuple[str | None, list[str], dict[str, str]]]:
    """What a file launches when it is run."""
    dump = path.parent / "dump.jsonl"
    dump.unlink(missing_ok=True)
    base = {"PATH": os.environ["PATH"], "DUMP": str(dump), "LC_CTYPE": "C.UTF-8"}
    subprocess.run(
        [sys.executable, "-c", STUB, str(path)], env={**base, **environ}, check=True, timeout=60
    )
    rows = dump.read_text().splitlines() if dump.exists() else []
    return [
        (m, a, {k: v for k, v in e.items() if k not in base}) for m, a, e in map(json.loads, rows)
    ]


def agree(launch: LaunchConfig, truth: tuple[str | None, list[str], dict[str, str]]) -> None:
    """Every known answer is the true one; nothing is missing but what notes speak of."""
    model, args, env = truth
    expected: list[Any] = ["--model-path", model, *args] if model is not None else args
    said = launch.argv
    if not any(isinstance(w, Unknown) and w.splits for w in said):
        assert len(said) == len(expected), (said, expected)
        for word, true in zip(said, expected, strict=True):
            assert (word.default if isinstance(word, Unknown) else word) == true
    vague = any("may set any variable" in n.message for n in launch.notes)
    for name, setting in launch.effective_env.items():
        value = setting.value
        assert env.get(name) == (value.default if isinstance(value, Unknown) else value), name
    if not vague:
        assert set(env) == set(launch.effective_env)


SCRIPTS = {
    "plain": """
COMMON = {"A": "1", "B": "2"}
FP4 = {"C": "3", "A": "4"}
class TestA(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = "m"
        env = os.environ.copy()
        env.update(COMMON)
        env.update(FP4)
        cls.process = popen_launch_server(
            cls.model, DEFAULT_URL_FOR_TEST, timeout=9, other_args=["--tp", "8"], env=env)
    def test_a(self):
        pass
""",
    "dataclasses in a loop": """
@dataclass
class Config:
    model_path: str
    tp_size: int = 8
    other_args: list = None
    env_vars: dict = field(default_factory=dict)
    def __post_init__(self):
        if self.other_args is None:
            self.other_args = []
MODELS = [Config("a", other_args=["--x"], env_vars={"A": "1"}), Config("b", tp_size=4)]
class TestA(unittest.TestCase):
    def test_a(self):
        for config in MODELS:
            with self.subTest(model=config.model_path):
                env = os.environ.copy()
                for key, value in config.env_vars.items():
                    env[key] = value
                args = list(config.other_args)
                args.extend(["--tp", str(config.tp_size)])
                try:
                    p = popen_launch_server(model=config.model_path, base_url="u", timeout=1,
                                            other_args=args, env=env)
                    if p is None:
                        self.assertTrue(True)
                except Exception as e:
                    print(e)
""",
    "inheritance": """
class Base(CustomTestCase):
    extra = []
    env = {"A": "1"}
    @classmethod
    def arguments(cls):
        return ["--base", *cls.extra]
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(cls.model, "u", 3, None, cls.arguments(), cls.env)
class TestOne(Base):
    model = "one"
    def test_a(self):
        pass
class TestTwo(Base):
    model = "two"
    extra = ["--two", 2, 0.5]
    env = {**Base.env, "B": "2"}
    @classmethod
    def setUpClass(cls):
        os.environ["C"] = "3"
        super().setUpClass()
    def test_a(self):
        pass
""",
    "helpers": """
def build(tp, *flags, cuda_graph=True, **more):
    args = ["--tp", str(tp)] + list(flags)
    if not cuda_graph:
        args.append("--disable-cuda-graph")
    for key, value in more.items():
        args += ["--" + key.replace("_", "-"), f"{value}"]
    return args
def launch(model, args, extra=None):
    env = dict(os.environ)
    env.update(extra or {"DEFAULT": "1"})
    return popen_launch_server(model, "u", timeout=1, other_args=args, env=env)
class TestA(unittest.TestCase):
    def test_a(self):
        launch("a", build(8, "--x", cuda_graph=False, page_size=64))
    def test_b(self):
        launch("b", build(4), extra=dict(A="1", **{"B": "2"}))
""",
    "operators": """
A = {"A": "1"} | {"B": "2"}
A |= {"C": "3"}
B = {k: v.upper() for k, v in {"X": "x", "Y": "y"}.items() if k != "Y"}
ENV = {**A, **B, "D": "%s-%d" % ("a", 3)}
ENV.setdefault("A", "9")
ENV.setdefault("E", "5")
del ENV["B"]
ENV.pop("nope", None)
ARGS = "--a b".split() + ["--c"] * 2 + shlex.split("--d 'e f'")
ARGS.insert(0, "--first")
ARGS += [f"--n={i}" for i in range(2)]
ARGS = ARGS[:-1] + [w for p in zip(["--p", "--q"], ["1", "2"]) for w in p]
ARGS.extend(("--j", json.dumps({"k": [1, None, True]})))
first, *rest = ARGS
class TestA(unittest.TestCase):
    def test_a(self):
        popen_launch_server("m", "u", 1, other_args=[*rest, first], env=ENV)
""",
    "subprocess": """
MODEL = "m"
CMD = ["python3", "-m", "sglang.launch_server", "--model-path", MODEL]
class TestA(unittest.TestCase):
    def test_a(self):
        env = os.environ.copy()
        env["A"] = "1"
        subprocess.Popen(CMD + ["--port", str(30000)], env=env)
""",
    "order of the environment": """
os.environ["A"] = "1"
os.environ.setdefault("B", "2")
BEFORE = os.environ.copy()
os.environ["A"] = "3"
os.environ["C"] = "4"
class TestA(unittest.TestCase):
    def test_a(self):
        env = dict(BEFORE)
        env.pop("B")
        popen_launch_server("m", "u", 1, other_args=(), env=env)
    def test_b(self):
        os.environ.pop("C")
        popen_launch_server("m", "u", 1, other_args=["--x"])
""",
    "aliases": """
ENV = {"A": "1"}
OTHER = ENV
OTHER["B"] = "2"
LIST = [["--a"], ["--b"]]
def change(target):
    target["C"] = "3"
change(OTHER)
def wrap(items):
    inner = items
    inner.append("--c")
for one in LIST:
    wrap(one)
class TestA(unittest.TestCase):
    args = LIST[0]
    def test_a(self):
        mine = self.args
        mine += ["--d"]
        popen_launch_server("m", "u", 1, other_args=LIST[0] + LIST[1], env=ENV)
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_known_answers_are_true(name: str, tmp_path: Path) -> None:
    path = tmp_path / "test_file.py"
    path.write_text(HEAD + SCRIPTS[name])
    found = python.read_all(path.read_text(), str(path))
    launched = ran(path, {})
    launched = [(m, strip(a) if m is None else a, e) for m, a, e in launched]
    assert len(found) == len(launched)
    for launch, truth in zip(found, launched, strict=True):
        agree(launch, truth)


def strip(words: list[str]) -> list[str]:
    """The words after the command of a server."""
    return words[words.index("sglang.launch_server") + 1 :]


NAMES = st.sampled_from(["A", "B", "C", "GIVEN"])
TEXTS = st.sampled_from(["0", "1", "x y", "é", ""])
DICTS = st.sampled_from(["E", "F", "os.environ"])


@st.composite
def operation(draw: st.DrawFn) -> str:
    """One statement on the dicts E and F, the environment or the lists L and K."""
    one, two = draw(DICTS), draw(DICTS)
    name, other, text = draw(NAMES), draw(NAMES), draw(TEXTS)
    lists = draw(st.sampled_from([("L", "K"), ("K", "L"), ("L", "L")]))
    number = draw(st.integers(-2, 3))
    return draw(
        st.sampled_from(
            [
                f"{one}[{name!r}] = {text!r}",
                f"{one}.setdefault({name!r}, {text!r})",
                f"{one}.pop({name!r}, None)",
                f"{one}.update({two})",
                f"{one}.update({{{name!r}: {text!r}}}, {other}={text!r})",
                f"E = {{**{one}, {name!r}: {text!r}}}",
                f"F = dict({one}, {name}={text!r})",
                f"F = {one}.copy()",
                f"E = F | {{{name!r}: {text!r}}}",
                "E = F",
                f"F[{name!r}] = {one}.get({other!r}, {text!r})",
                f"F[{name!r}] = {one}.get({other!r}) or {text!r}",
                f"if {name!r} in {one}: F[{other!r}] = {text!r}",
                f"if {one}.get({name!r}) == {text!r}: E[{other!r}] = 'if'\nelse: L.append('else')",
                f"E[{name!r}] = 'a' if {one}.get({other!r}) else 'b'",
                f"for k, v in list(F.items()): E[k] = v + {text!r}",
                f"E = {{k: v for k, v in F.items() if k != {name!r}}}",
                f"{lists[0]} += {lists[1]}",
                f"{lists[0]} = {lists[0]} + [{text!r}]",
                f"{lists[0]}.append({one}.get({name!r}, {text!r}))",
                f"{lists[0]}.extend([{text!r}] * {number})",
                f"{lists[0]}.insert({number}, {name!r})",
                f"{lists[0]} = {lists[1]}[{number}:]",
                f"{lists[0]} = {lists[1]}",
                f"{lists[0]} = [*{lists[1]}, f'--{{len({lists[0]})}}']",
                f"if {name!r} in {lists[1]}: {lists[1]}.remove({name!r})",
                f"{lists[0]} = [w for w in {lists[1]} if w != {text!r}]",
                f"{lists[0]}.extend(w for w in {lists[1]} if w not in {lists[0]})",
                f"for w in {lists[0]}:\n    if len({lists[1]}) < 6: {lists[1]}.append(w)",
                f"for w in {lists[0]}:\n    if w == {name!r}: {lists[0]}.remove(w)",
            ]
        )
    )


@given(
    body=st.lists(operation(), min_size=1, max_size=7),
    outside=st.sampled_from([{}, {"GIVEN": "1"}, {"A": "0", "GIVEN": "x y"}]),
)
@settings(max_examples=max(40, MORE), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_operations(body: list[str], outside: dict[str, str], tmp_path: Path) -> None:
    text = HEAD + 'E = {"A": "e"}\nF = os.environ.copy()\nL = ["--l", "A"]\nK = ["--k"]\n'
    text += "\n".join(body) + '\npopen_launch_server("m", "u", 1, other_args=L, env=E)\n'
    path = tmp_path / "test_file.py"
    path.write_text(text)
    truth = ran(path, outside)[0]
    known = python.read_all(text, str(path), inputs=outside)
    assert len(known) == 1
    free = python.read_all(text, str(path))
    for launch in (*known, *free):
        possible(launch, truth, outside)


def possible(
    launch: LaunchConfig,
    truth: tuple[str | None, list[str], dict[str, str]],
    outside: dict[str, str],
) -> None:
    """What always holds is true; what depends on conditions is one of the alternatives."""
    _, args, env = truth
    text = f"{launch}\n{truth}"
    settings_ = launch.effective_env.values()
    vague = any("may set any variable" in n.message for n in launch.notes)
    for name in {e.name for e in launch.env}:
        live = [e for e in launch.env if e.name == name and not e.superseded]
        always = [e for e in live if e.condition is None]
        if len(live) == 1 and always and not isinstance(live[0].value, Unknown):
            assert env.get(name) == live[0].value, text
        elif not vague and all(not isinstance(e.value, Unknown) for e in live):
            others = set() if always else {outside.get(name), None}
            assert env.get(name) in {e.value for e in live} | others, text
    if not vague:
        assert set(env) - set(outside) <= {e.name for e in settings_}, text
    if all(a.condition is None for a in launch.args or ()):
        words = launch.argv[2:]
        if not any(isinstance(w, Unknown) and w.splits for w in words):
            assert len(words) == len(args), text
            for word, true in zip(words, args, strict=True):
                assert isinstance(word, Unknown) or word == true, text
