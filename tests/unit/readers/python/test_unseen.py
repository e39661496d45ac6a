"""What changes an environment in ways that aren't seen: from there on, no value of it is known."""

from __future__ import annotations

import pytest

from dsv4_env.model import Unknown
from dsv4_env.readers import python

TEST = """\
import builtins
import functools
import inspect
import itertools
import operator
import os
import sys
from functools import partial

MORE = {"A": "1"}


class TestX:
    model = "m"
    words = ["--tp", "8"]

    @classmethod
    def setUpClass(cls):
        env = {"B": "1"}
        env.update(MORE)
        CHANGE
        cls.process = popen_launch_server(cls.model, "u", 60, other_args=cls.words, env=env)
"""


def read(change: str) -> tuple[str | None, str, list[str]]:
    """What A is (``?`` where that isn't known), the model and the words."""
    (found,) = python.read_all(TEST.replace("CHANGE", change), "t.py")
    settings = found.effective_env
    value = settings["A"].value if "A" in settings else None
    opened = any(n.opens for n in found.notes)
    shown = "?" if isinstance(value, Unknown) or opened else value
    model, *rest = ("?" if isinstance(w, Unknown) else w for w in found.argv[1:])
    return shown, model, rest


@pytest.mark.parametrize(
    "change",
    [
        """exec('env["A"] = "2"')""",
        "exec(CODE)",
        "eval('env.clear()')",
        "builtins.exec(CODE)",
        "run = exec\n        run(CODE)",
        "sys._getframe().f_locals['env']['A'] = '2'",
        "inspect.currentframe().f_locals['env']['A'] = '2'",
        "list(map(lambda k: env.__setitem__(k, '2'), ['A']))",
        "for _ in map(env.pop, ['A']): pass",
        "list(filter(env.pop, ['A']))",
        "sorted(['A'], key=env.pop)",
        "max(['A'], key=lambda k: env.pop(k))",
        "list(itertools.starmap(env.__setitem__, [('A', '2')]))",
        "print(*map(env.pop, ['A']))",
        "dict.update(env, A='2')",
        "dict.__setitem__(env, 'A', '2')",
        "env.__init__(A='2')",
        "operator.ior(env, {'A': '2'})",
        "operator.methodcaller('update', {'A': '2'})(env)",
        "def change(): env['A'] = '2'\n        call(change)",
        "if os.path.exists('x'): exec(CODE)",
        "env.popitem()",
    ],
)
def test_it_is_not_known(change: str) -> None:
    assert read(change)[0] == "?"


@pytest.mark.parametrize(
    "change",
    [
        "locals()['env']['A'] = '2'",
        "locals().get('env')['A'] = '2'",
        "vars()['env'].update(A='2')",
        "found = locals()['env']\n        found['A'] = '2'",
        "globals()['MORE']['A'] = '2'\n        env.update(MORE)",
        "env.__setitem__('A', '2')",
        "env.__ior__({'A': '2'})",
        "[env.__setitem__(k, '2') for k in ('A',)]",
        "for k in ['A']: env.__setitem__(k, '2')",
        "functools.partial(env.__setitem__, 'A')('2')",
        "partial(env.update, A='2')()",
        "put = env.__setitem__\n        put('A', '2')",
        "put = env.update\n        put(A='2')",
        "getattr(env, '__setitem__')('A', '2')",
        "operator.setitem(env, 'A', '2')",
        "setattr(cls, 'e', env)\n        cls.e['A'] = '2'",
    ],
)
def test_it_is_what_python_makes_of_it(change: str) -> None:
    assert read(change)[0] == "2"


def test_a_key_that_is_deleted_is_gone() -> None:
    assert read("env.__delitem__('A')")[0] is None


@pytest.mark.parametrize(
    "change",
    [
        "eval('8 * 2')",
        "print('{model}'.format(**vars(cls)))",
        "found = globals()['MORE']",
        "'env' in locals()",
        "sorted(['A'], key=lambda k: len(k))",
        "print(env.__len__(), env.__contains__('A'))",
    ],
)
def test_what_only_reads_changes_nothing(change: str) -> None:
    assert read(change) == ("1", "m", ["--tp", "8"])


@pytest.mark.parametrize(
    ("change", "model", "words"),
    [
        ("setattr(cls, 'model', 'n')", "n", ["--tp", "8"]),
        ("setattr(cls, NAME, 'n')", "?", ["?"]),
        ("delattr(cls, 'model')", "?", ["--tp", "8"]),
        ("exec('cls.model = 1')", "?", ["?"]),
        ("cls.words.__iadd__(['--dp', '2'])", "m", ["--tp", "8", "--dp", "2"]),
        ("cls.words.__setitem__(1, '4')", "m", ["?"]),
        ("list(map(cls.words.append, ['--x']))", "m", ["?"]),
    ],
)
def test_attributes_and_lists(change: str, model: str, words: list[str]) -> None:
    assert read(change)[1:] == (model, words)
