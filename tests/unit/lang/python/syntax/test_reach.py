"""What leads to a call that is sought, and what that depends on."""

from __future__ import annotations

import ast

import pytest

from dsv4_env.lang.python.syntax.reach import Reach, Sought
from dsv4_env.lang.python.syntax.trees import callee

SOUGHT = Sought(
    certain=lambda node: callee(node) == "launch",
    starts={"run", "Popen"}.__contains__,
    words=lambda node: node.args,
    spells=lambda text: "server" in text,
    apart=lambda node: callee(node) == "launch",
    closed=lambda path, name: path == "closed.py",
)


def reach_of(*texts: str) -> tuple[Reach, ast.Module]:
    trees = [ast.parse(text) for text in texts]
    reach = Reach(SOUGHT)
    for at, tree in enumerate(trees):
        reach.add(tree, f"{at}.py")
    return reach, trees[0]


OBJECT = "class C:\n    def __init__(self, c): self.c = c\n    def go(self): run(self.c)\n"
WORDED = [
    "subprocess.run(['python', '-m', 'server'])",
    "c = ['server']\nsubprocess.run(c)",
    "c = []\nc.append('server')\nsubprocess.run(c)",
    "c = []\nd = c\nd += ['server']\nsubprocess.run(c)",
    "c = []\nc[0:0] = ['server']\nsubprocess.run(c)",
    "NAME = 'server'\ndef f():\n    run(f'python -m {NAME}')",
    "def f(c): run(c)\nf('server')",
    "def f(*c): run(c)\nf(1, 'server')",
    "def f(**c): run(c['x'])\nf(x='server')",
    "def f(a, c='server'): run(c)\nf(1)",
    "def f(c): c.append('server')\nd = []\nf(d)\nrun(d)",
    "def f(): return 'server'\nrun(f())",
    "def f(): yield 'server'\nfor c in f(): run(c)",
    "def f(c): run(c)\ng = f\ng('server')",
    "def f(c): run(c)\ndef g(h, c): h(c)\ng(f, 'server')",
    "def f(c): run(c)\nt = {'x': f}\nt['x']('server')",
    "def f(c): run(c)\npool.submit(f, 'server')",
    "start = run\nstart('server')",
    "from subprocess import run as start\nstart('server')",
    f"{OBJECT}C('server').go()",
    f"{OBJECT}class D(C): pass\nD('server').go()",
    "@dataclass\nclass C:\n    c: str\nrun(C('server').c)",
    "C = namedtuple('C', 'c d')\nrun(C('server', 1).c)",
    "class C:\n    c = 'server'\n    def go(self): run(self.c)",
    "o.c = 'server'\nrun(o.c)",
    "setattr(o, 'c', 'server')\nrun(o.c)",
    "o = SimpleNamespace(c='server')\nrun(o.c)",
    "f = lambda c: run(c)\nf('server')",
    "(lambda c: run(c))('server')",
    "def f():\n    c = []\n    def g(): c.append('server')\n    g()\n    run(c)",
    "def f():\n    global c\n    c = 'server'\ndef g(): run(c)",
    "os.environ['C'] = 'server'\nrun(os.environ['C'])",
    "run([w for w in ['server']])",
    "with open_it('server') as c: run(c)",
    "match 'server':\n    case c: run(c)",
    "@parametrize('c', ['server'])\ndef test(c): run(c)",
    "@fixture\ndef c(): return 'server'\ndef test(c): run(c)",
    "a = b = []\na.append('server')\nrun(b)",
    "def f(c):\n    if x: return\n    run(c)\ngetattr(o, 'f')('server')",
]


@pytest.mark.parametrize("text", WORDED)
def test_words_are_traced_to_the_call_that_gets_them(text: str) -> None:
    reach, tree = reach_of(text)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    assert any(reach.is_sought(n) for n in calls)


@pytest.mark.parametrize(
    "text",
    [
        "run(['ls'])",
        "c = 'server'\nd = 'ls'\nrun(d)",
        "def f():\n    c = 'server'\ndef g():\n    c = 'ls'\n    run(c)",
        "def f(a, c): run(c)\nf('server', 'ls')",
        "def f(a, c): run(c)\nf(a='server', c='ls')",
        "p = launch('server')\nrun(p)",
        "c = ','.join(['ls'])\n','.join(['server'])\nrun(c)",
        "import os\nos.remove('server')\nrun(os.getcwd())",
        "x.log('server')\nrun(y.c)",
    ],
)
def test_other_words_are_not(text: str) -> None:
    reach, tree = reach_of(text)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and callee(n) == "run"]
    assert calls
    assert not any(map(reach.is_sought, calls))


def test_what_nothing_names_in_another_module_does_not_run() -> None:
    other = "def used(): run('server')\ndef unused():\n    run('server')\n    launch()"
    reach, tree = reach_of("from other import used\nused()", other)
    assert reach.leads(tree.body[1])
    assert "unused" not in reach.reaching


def test_a_file_that_leads_nowhere_is_told() -> None:
    assert not reach_of("run('ls')\nprint('server')\nserve = f()")[0].leads_anywhere()
    assert reach_of("run('server')")[0].leads_anywhere()
    assert reach_of("launch()")[0].leads_anywhere()


def test_what_is_closed_is_not_looked_into() -> None:
    first, other = ast.parse("from closed import up\nup()"), ast.parse("def up(): run('server')")
    reach = Reach(SOUGHT)
    reach.add(first, "first.py")
    reach.add(other, "closed.py")
    assert not reach.leads(first.body[1])


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("a = 1\nlaunch(b)", True),
        ("b = 1\nlaunch(b)", False),
        ("a = 1\nb = a\nlaunch(b)", False),
        ("a = 1\nif a: b = 1\nlaunch(b)", False),
        ("a = 1\nif a: launch()", False),
        ("a = 1\nb[a] = 2\nlaunch(b)", False),
        ("a = 1\nb.c[a + 1:] = []\nlaunch(b)", False),
        ("a = 1\ndel b[a]\nlaunch(b)", False),
        ("a = 1\nc[a] = 2\nlaunch(b)", True),
        ("a = 1\nb = f(a)\nlaunch(c)", True),
        ("a = []\nb = [a]\nb[0].append(1)\nlaunch(a)", False),
        ("f = 1\ndef g():\n    f = 2\n    launch(f)", True),
        ("def g():\n    b.append(1)\na = g\na()\nlaunch(b)", False),
    ],
)
def test_what_a_launch_depends_on_is_not_skipped(text: str, skipped: bool) -> None:
    reach, tree = reach_of(text)
    first = next(n for n in tree.body if not isinstance(n, ast.FunctionDef))
    assert reach.skippable(first, lambda _: None) is skipped
