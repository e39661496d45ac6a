"""No launch of a test's ``setUpClass`` is lost silently: real tests, run with stand-ins.

``DSV4_CHECKOUT`` names a checkout of SGLang, of which all of ``test/registered`` and
``test/manual`` is run; without it the project's own tests are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsv4_env.readers import python

CHECKOUT = os.environ.get("DSV4_CHECKOUT")
OWN = Path(__file__).parent.parent / "cases" / "python"
TOP = Path(CHECKOUT) if CHECKOUT else OWN

# Runs setUpClass of each test class of a file; whatever it imports is made up.
STAND_INS = """
import importlib.abc, importlib.machinery, json, os, sys, types, unittest
names = []
def launch(*args, **keywords):
    names.append(current)
    return Made()
class Made:
    def __init__(self, *args, **keywords): pass
    def __init_subclass__(cls, **keywords): pass
    def __call__(self, *args, **keywords): return Made()
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return Made()
    def __getitem__(self, key): return Made()
    def __iter__(self): return iter(())
    def __str__(self): return "made"
    __enter__ = __add__ = __radd__ = __call__
    def __exit__(self, *args): return None
    def __lt__(self, other): return False
    __gt__ = __le__ = __ge__ = __lt__
    def __bool__(self): return True
class Module(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        if name.endswith("popen_launch_server"): return launch
        if name == "CustomTestCase": return unittest.TestCase
        if name.isupper(): return "http://127.0.0.1:30000" if "URL" in name else "made"
        if name[:1].isupper(): return type(name, (Made,), {})
        if name == "is_in_ci": return lambda: False
        return Made()
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.stdlib_module_names: return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec): return Module(spec.name)
    def exec_module(self, module): pass
sys.meta_path.insert(0, Finder())
import subprocess
subprocess.Popen = subprocess.run = subprocess.check_output = lambda *a, **k: Made()
path, current = sys.argv[1], None
module = types.ModuleType("test_file")
sys.modules["test_file"] = module
module.__file__ = path
found = {}
try:
    exec(compile(open(path).read(), path, "exec"), module.__dict__)
    classes = [c for c in vars(module).values() if isinstance(c, type)]
    for cls in classes:
        if cls.__module__ != "test_file" or not issubclass(cls, unittest.TestCase): continue
        made = any(b is not Made and issubclass(b, Made) for b in cls.__mro__)  # has tests, too
        if made or unittest.TestLoader().getTestCaseNames(cls):
            current, before = cls.__name__, len(names)
            try: cls.setUpClass()
            except BaseException: pass
finally:
    sys.__stdout__.write(json.dumps(sorted(set(names))))
    sys.__stdout__.flush()
    os._exit(0)
"""


def files() -> list[Path]:
    """The files that are run."""
    if not CHECKOUT:
        return sorted(TOP.rglob("*.py"))
    found = [*TOP.glob("test/registered/**/*.py"), *TOP.glob("test/manual/**/*.py")]
    return sorted(f for f in found if b"setUpClass" in f.read_bytes())


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(TOP)))
def test_no_launch_of_set_up_class_is_lost(path: Path) -> None:
    words = [sys.executable, "-c", STAND_INS, str(path)]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
            cwd=path.parent,
            env={"PATH": os.environ["PATH"]},
        )
    except subprocess.TimeoutExpired:
        pytest.skip("it waits for what a stand-in never says")
    launched = json.loads(done.stdout.rpartition("\n")[2] or "[]")
    if not launched:
        return
    found = python.read_all(path.read_bytes(), str(path), root=TOP if CHECKOUT else None)
    told = {(c.symbol or "").partition("[")[0].partition(".")[0] for c in found}
    lost = {n.lost for c in found for n in c.notes if n.lost}
    silent = [n for n in launched if n not in told and not any(n in why for why in lost)]
    assert not silent or any(c.partial for c in found)
