"""What the Python reader says of odd files, of single constructs and of CI suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.model import Location, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import python
from tests.told import told

LAUNCH = 'popen_launch_server("m", "u", 1, other_args=args, env=env)'


CLEARED = "with mock.patch.dict(os.environ, clear=True):\n"
COPY = "copy = os.environ.copy()\n"


def read(text: str, **environ: str) -> tuple[list[object], dict[str, object]]:
    """The words after the model and the environment of the only launch."""
    launch = python.read(f"import os\nenv = {{}}\nargs = []\n{text}\n{LAUNCH}\n", inputs=environ)
    values = {n: e.value for n, e in launch.effective_env.items()}
    return list(launch.argv[2:]), dict(values)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("args = [1, -2, 0.5, 1e5]", ["1", "-2", "0.5", "100000.0"]),
        ("args = 'a b'.split() * 2", ["a", "b", "a", "b"]),
        ("args = ('--a', '--b')", ["--a", "--b"]),
        ("args = [x for x in 'ab']", ["a", "b"]),
        ("a, *args = ['1', '2', '3']", ["2", "3"]),
        ("args = sorted({'b', 'a'})", ["a", "b"]),
        ("args = [f'{1:03d}', f'{\"x\"!r}', '%d' % 3]", ["001", "'x'", "3"]),
        ("args = list({'a': 1, 'b': 2})", ["a", "b"]),
        ("args = list(map_free)[:0]", None),
        ("n = 0\nwhile n < 2:\n    args.append(str(n))\n    n += 1", ["0", "1"]),
        ("for i in range(3):\n    if i == 1: continue\n    args.append(str(i))", ["0", "2"]),
        ("for i in range(9):\n    if i == 2: break\n    args.append(str(i))", ["0", "1"]),
        ("args = (lambda x: [x, x])('a')", ["a", "a"]),
        ("args = ['a'] if 'A' not in env else ['b']", ["a"]),
        ("args = ['a', 'b']\ndel args[0]", ["b"]),
        ("args = ['a', 'b', 'c']\nargs[1] = 'x'\nargs.remove('a')", ["x", "c"]),
        ("args = ['a', 'b', 'c']\ni = args.index('b')\nargs[i + 1] = 'x'", ["a", "b", "x"]),
        ("args = list('abcd')\ni = args.index('b')\ndel args[i : i + 2]", ["a", "d"]),
        ("args = list('abcd')\ni = 1\nargs[i:3] = ['x', *args[i:], 'y']", list("axbcdyd")),
        ("args = list('abcd')\ndel args[::2]", ["b", "d"]),
        ("args = list('abcd')\nargs[::2] = 'xy'", None),
        ("args = list('ab')\nargs[: len(env)] = ['x']", ["x", "a", "b"]),
        ("args = list('ab')\ndel args[unknown:]", None),
        ("import json\nargs = [json.dumps({'a': [1, True]}, indent=None)]", ['{"a": [1, true]}']),
        ("if (n := 3) > 2: args = [str(n)]", ["3"]),
        ("args = [str(p) for p in zip('a', 'b')]", ["('a', 'b')"]),
        ("global_args = args\nglobal_args += ['--x']", ["--x"]),
        ("def f(): args.append('a')\nf()", ["a"]),
        ("args = other = []\nother.append('a')", ["a"]),
        ("args = other = ['a']\nother *= 2", ["a", "a"]),
        ("args = [str(len({'a', 'b', 'a'}))]", ["2"]),
        ("def f():\n    global args\n    args = ['a']\ndef g(): f()\ng()", ["a"]),
        ("class C:\n    def __init__(self): args.append('a')\nclass D(C): pass\nD()", ["a"]),
        ("import copy\nb = copy.deepcopy([args])\nb[0].append('a')", []),
        ("import copy\nb = copy.deepcopy({'a': args})\nb['a'].append('a')", []),
        (
            "try:\n    raise KeyError\nexcept ValueError:\n    args = ['v']\nexcept KeyError: pass",
            [],
        ),
        ("try:\n    raise KeyError(1)\nexcept (OSError, LookupError): args = ['l']", ["l"]),
        ("args.extend(w for w in 'aab' if w not in args)", ["a", "b"]),
        ("args += (w for w in 'aab' if w not in args)", ["a", "b"]),
        ("args = ['a', 'b']\nfor w in args:\n    if len(args) < 4: args.append(w)", [*"abab"]),
        ("args = ['a', 'a', 'b']\nfor w in args: args.remove(w)", ["a"]),
    ],
)
def test_lists(text: str, args: list[str] | None) -> None:
    found = read(text)[0]
    if args is None:
        assert isinstance(found[0], Unknown)
        assert found[0].splits
    else:
        assert found == args


@pytest.mark.parametrize(
    ("text", "environ", "env"),
    [
        ("env['A'] = os.environ.get('X', 'd')", {"X": "x"}, {"A": "x"}),
        ("env['A'] = os.environ['X']", {"X": "x"}, {"A": "x"}),
        ("env['A'] = os.getenv('X') or 'd'", {"X": ""}, {"A": "d"}),
        ("env = os.environ.copy()\nenv.setdefault('X', 'd')", {"X": "x"}, {"X": "x"}),
        ("env['A'] = '1' if 'X' in os.environ else '2'", {"X": "x"}, {"A": "1"}),
        ("env['A'] = str(int(os.environ.get('X', '8')) * 2)", {"X": "4"}, {"A": "8"}),
        ("env = dict([('A', '1'), ('B', '2')])", {}, {"A": "1", "B": "2"}),
        ("env = {'A': '1'}\nenv |= {'B': '2'}\nenv.pop('A')", {}, {"B": "2"}),
        ("name = 'A'\nother = 'B'\nenv = {other: '1'}\nenv[name] = '2'", {}, {"B": "1", "A": "2"}),
        ("name = 'A'\nenv = {'A': '1', 'B': '2'}\ndel env[name]", {}, {"B": "2"}),
        ("env = {'A': '1'}\nother = env.copy()\nother['A'] = '2'", {}, {"A": "1"}),
        ("env = {'A': '1'}\nother = env\nother['A'] = '2'", {}, {"A": "2"}),
        ("os.environ['A'] = '1'\nenv = {'A': '2'}", {}, {"A": "2"}),
        ("os.environ['A'] = '1'\ndel os.environ['A']", {}, {}),
        (f"{CLEARED}    env['A'] = os.environ.get('X', 'd')", {"X": "x"}, {"A": "d"}),
        (
            f"{COPY}os.environ['X'] = '1'\nenv = {{'A': copy.get('X')}}",
            {"X": "x"},
            {"X": "1", "A": "x"},
        ),
        (f"{COPY}env = {{**copy, 'X': '1'}}\nenv.update(copy)", {"X": "x"}, {"X": "x"}),
        (f"{COPY}copy.pop('X')\nenv = {{'X': '1', **copy}}", {"X": "x"}, {"X": "1"}),
        (
            f"{COPY}env = {{**copy}}\nenv.pop('X')\nenv |= copy\nenv['A'] = env['X']",
            {"X": "x"},
            {"A": "x"},
        ),
    ],
)
def test_environments(text: str, environ: dict[str, str], env: dict[str, str]) -> None:
    assert read(text, **environ)[1] == env


def test_a_value_from_outside_names_its_variable() -> None:
    value = read("env['A'] = f\"{os.environ.get('X', 'd')}/e\"")[1]["A"]
    assert isinstance(value, Unknown)
    assert (value.names, value.default) == (("X",), "d/e")
    assert value.location == Location("<file>", 4, 12)


def test_a_copy_laid_over_a_copy_may_override() -> None:
    text = f"{COPY}env = {{**copy, 'X': '1'}}\nenv.update(copy)"
    value = read(text)[1]["X"]
    assert isinstance(value, Unknown)
    assert (value.names, value.default) == (("X",), "1")


def test_a_copy_does_not_hold_what_is_set_after_it() -> None:
    value = read(f"{COPY}os.environ['X'] = '1'\nenv['A'] = copy.get('X', 'd')")[1]["A"]
    assert isinstance(value, Unknown)
    assert (value.names, value.default) == (("X",), "d")


def test_what_may_have_been_cleared_is_not_known() -> None:
    text = f"{CLEARED.replace('True', 'flag()')}    env['A'] = os.environ.get('X', 'd')"
    assert isinstance(read(text, X="x")[1]["A"], Unknown)


def test_a_deleted_variable_is_not_read_from_outside() -> None:
    text = "copy = os.environ.copy()\ncopy.pop('X')\nenv['A'] = copy.get('X', 'gone')"
    assert read(text, X="x")[1] == {"A": "gone"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("x = (\n", "f.py:1:5: syntax error: '(' was never closed; expected a file"),
        ("a = 1\nb = \0", "f.py:2:5: a NUL byte; expected a Python file"),
        (b"a = '\xe9'\n", "f.py:1:6: byte 0xe9 isn't utf-8; expected text in utf-8"),
        (b"# coding: nope\n", "f.py:1:1: unknown encoding: nope; expected an encoding"),
        (b"# coding: rot13\n", "f.py:1:1: the encoding rot13; expected an encoding of text"),
        ("x = '\ud800'", "f.py:1:6: a lone surrogate; expected text in UTF-8"),
        ("x = " + "-" * 100_000 + "1", "f.py:1:1: nested too deeply; expected"),
        (b" " * 5_000_001, "f.py: 5,000,001 bytes; expected a Python file of at most"),
        ("for i in range(9000):\n" + "  for i in range(9000): i\n", None),
    ],
)
def test_files_that_cannot_be_read(data: str | bytes, message: str | None) -> None:
    if message is None:
        assert python.read_all(data, "f.py") == []
        return
    with pytest.raises(ReadError) as caught:
        python.read_all(data, "f.py")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "args = ['%1000000000d' % 1, f'{1:1000000000}', 'a' * 10**10, '{:>999999999}'.format(1)]",
        "for i in range(100):\n    args = args + args + ['a']",
        "x = 'a'\nfor i in range(100):\n    x += x\nargs = [x]",
        "def f(): return f()\nargs = f()",
        "while True:\n    args.append('a')",
        "args = ['a']\nfor w in args: args.append(w)",
        "class A(A): pass\nargs = [A.x]",
    ],
)
def test_bombs_are_not_known(text: str) -> None:
    assert any(isinstance(w, Unknown) for w in read(text)[0])


@pytest.mark.parametrize(
    "text",
    [
        "def f(*a): return ['a', *a]\nargs = f('b', *some())",
        "def f(**k): return [*k]\nargs = f(**some())",
        "args = [str({'a', 'b', 'a'} == {'b', 'a'})]",
        "args = [str({'a', 'b'})]",
    ],
)
def test_what_is_not_known_stays_so(text: str) -> None:
    assert isinstance(read(text)[0][-1], Unknown)


ADD = "def add():\n    env['A'] = '1'\n    args.append('a')\n"
MAYBE = [
    "for x in some(): add()",
    "while some(): add()",
    "while add() or some(): pass",
    "for x in some():\n    e = env\n    e['A'] = '1'\n    a = args\n    a.append('a')",
    "e, a = {}, []\nfor x in some():\n    e['A'] = '1'\n    a.append('a')\n    e, a = env, args",
    "n = 0\nfor x in some():\n    if n: add()\n    n = 1",
    "for x in some():\n    while some(): [add, len][0]() if x else add()",
    "def f():\n    for x in some(): add()\n[f() for x in 'ab']",
    "class C:\n    def up(self): add()\nc = C()\nfor x in some(): c.up()",
    "class C:\n    e, a = env, args\n    def up(self): self.e['A'] = self.a.append('a') or '1'\n"
    "for x in some(): C().up()",
    "x = some() and add()",
    "x = some() or add()",
    "x = [add() for y in some()]",
    "x = [y for y in 'ab' if some() and add()]",
    "def f():\n    yield\n    add()\nx = f()",
    "match some():\n    case 1: add()\n    case _: pass",
]
EITHER = [
    "if some(): add()",
    "x = add() if some() else None",
    "def f():\n    if some(): return\n    add()\nf()",
    "def f():\n    with some():\n        if some(): return 1\n    add()\nx = f()",
    "try:\n    import torch\n    add()\nexcept ImportError: pass",
    "try:\n    some()\n    add()\nexcept ValueError: print()\nfinally:\n    if some(): add()",
]


@pytest.mark.parametrize("text", MAYBE)
def test_what_may_be_called_may_change_all_that_it_changes(text: str) -> None:
    args, env = read(f"{ADD}{text}")
    assert isinstance(args[-1], Unknown)
    assert isinstance(env.get("A", args[-1]), Unknown)
    notes = python.read(f"env = {{}}\nargs = []\n{ADD}{text}\n{LAUNCH}").notes
    assert any(note.opens for note in notes)


@pytest.mark.parametrize("text", [*MAYBE, *EITHER])
def test_an_imported_module_is_not_known_better(tmp_path: Path, text: str) -> None:
    (tmp_path / "beside.py").write_text(f"env = {{}}\nargs = []\n{ADD}{text}\n")
    path = tmp_path / "test_x.py"
    found = python.read(f"from beside import args, env\n{LAUNCH}", str(path), root=tmp_path)
    assert isinstance(found.argv[-1], Unknown)
    assert all(isinstance(e.value, Unknown) for e in found.env)
    assert any(note.opens for note in found.notes)


@pytest.mark.parametrize("text", EITHER[:3])
def test_one_side_has_its_condition(text: str) -> None:
    found = python.read(f"env = {{}}\nargs = []\n{ADD}{text}\n{LAUNCH}")
    assert [(e.value, told(e.condition)) for e in found.env] == [
        ("1", "not (some())" if "return" in text else "some()")
    ]


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("try:\n    import torch\n    add()\nexcept ImportError: pass", "`import torch` works"),
        ("try:\n    add()\n    import torch\n    print()\nexcept ImportError: pass", None),
        ("try:\n    import json\n    add()\nexcept ImportError: pass", None),
    ],
)
def test_an_import_of_what_is_not_read_may_fail(text: str, condition: str | None) -> None:
    found = python.read(f"env = {{}}\nargs = []\n{ADD}{text}\n{LAUNCH}")
    assert [(e.value, told(e.condition)) for e in found.env] == [("1", condition)]


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("args = given()", ["a", "h"]),
        ("some()\n    args = given()\n    found = True\n    pass", ["a", "h"]),
        ("args = given()\n    some()", None),  # this may raise once args is another
        ("args = given()\n    n = len(args)", None),
        ("args = some(args)", None),
        ("args = (args := given())", None),
        ("args += given()", None),
        ("args.append(given())", None),
        ("args[0] = given()", None),
    ],
)
def test_what_raised_was_not_assigned(body: str, known: list[str] | None) -> None:
    head = "def given():\n    return ['b', os.environ['X']]\nargs = ['a']\n"
    text = f"{head}try:\n    {body}\nexcept KeyError:\n    args = [*args, 'h']\n"
    text += "popen_launch_server('m', 'u', 1, other_args=args)\n"
    (config,) = python.read_all(f"import os\n{text}", "t.py")
    failed = [a for a in config.args or () if a.condition and "not (" in str(a.condition)]
    words = [w for a in failed for w in a.words]
    assert (words == known) if known else any(isinstance(w, Unknown) for w in words)


def test_helpers_named_as_methods_of_python_are_followed() -> None:
    assert read(f"{ADD}def f(): add()\nf()") == (["a"], {"A": "1"})


def test_what_a_method_changes_is_reached_through_its_object() -> None:
    assert read(f"{ADD}class C:\n    def up(self): add()\nc = C()\nc.up()")[1] == {"A": "1"}


def test_where_too_much_may_change_nothing_is_known() -> None:
    text = "def f(n):\n    if n:\n        f(n - 1)\n        f(n - 1)\n    add()\n"
    args, env = read(f"{ADD}{text}args.append('b')\nfor x in some(): f(12)")
    assert [type(a) for a in args] == [Unknown]
    assert env == {}


def test_a_method_may_add_to_its_object() -> None:
    text = (
        "class TestA(TestCase):\n"
        "    def setUp(self):\n"
        "        self.env = {}\n"
        "        self.add()\n"
        "        popen_launch_server('m', 'u', 1, env=self.env)\n"
        "    def add(self):\n"
        "        self.env['A'] = '1'\n"
    )
    assert [(e.name, e.value) for e in python.read(text).env] == [("A", "1")]


def test_byte_order_marks_are_skipped() -> None:
    text = '\ufeffpopen_launch_server("m", "u", 1)\n'
    for data in (text, text.encode()):
        assert python.read(data).location == Location("<file>", 1, 1)


def test_a_launch_is_chosen_by_number_line_or_symbol() -> None:
    text = "class TestA(TestCase):\n" + "".join(
        f'    def test_{n}(self):\n        popen_launch_server("{n}", "u", 1)\n' for n in "ab"
    )
    assert [c.symbol for c in python.read_all(text)] == ["TestA.test_a", "TestA.test_b"]
    assert python.read(text, symbol="TestA.test_b").argv == ["--model-path", "b"]
    assert python.read(text, launch=1).argv == ["--model-path", "a"]
    assert python.read(text, line=5).argv == ["--model-path", "b"]
    with pytest.raises(
        ReadError, match=r"no launch is called TestB; expected one of TestA\.test_a, "
    ):
        python.read(text, symbol="TestB")


def test_imports_stay_below_the_root(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "above.py").write_text('ARGS = ["--above"]\n')
    (inner / "beside.py").write_text('ARGS = ["--beside"]\n')
    path = inner / "test_x.py"
    text = "from beside import ARGS as A\nfrom above import ARGS as B\n"
    text += 'popen_launch_server("m", "u", 1, other_args=A + B)\n'
    path.write_text(text)
    words = python.read(text, str(path)).argv
    assert words[2] == "--beside"
    assert isinstance(words[3], Unknown)
    assert python.read(text, str(path), root=tmp_path).argv[2:] == ["--beside", "--above"]


def test_the_same_file_reads_the_same_twice() -> None:
    text = "args = []\nif a():\n    args += ['--a']\npopen_launch_server('m', 'u', 1, None, args)\n"
    assert python.read_all(text) == python.read_all(text)


def test_a_module_that_a_function_of_another_imports_is_found(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("def up():\n    from second import launch\n    launch()\n")
    launch = (
        "import subprocess\ndef launch():\n    subprocess.run(['sglang', 'serve', '--tp', '2'])\n"
    )
    (tmp_path / "second.py").write_text(launch)
    (found,) = python.read_all(
        "from first import up\ndef test_it(): up()\n", str(tmp_path / "test_x.py"), root=tmp_path
    )
    assert found.argv == ["--tp", "2"]
