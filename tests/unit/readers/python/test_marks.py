"""Which servers the pytest plugin starts for tests, and of which profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.readers import python

HEAD = """import unittest
import pytest
from dsv4_env import load_profile
Q = load_profile("flash-fp4").changed(args=["--tp", "2"])
mark = pytest.mark.dsv4_profile
"""


def read(text: str, folder: Path) -> list[LaunchConfig]:
    return python.read_all(HEAD + text, str(folder / "test_v4.py"), root=folder)


def told(launch: LaunchConfig) -> str:
    """The profile of a launch and its --tp; ``?`` where nothing of it is known."""
    if any(isinstance(w, Unknown) and w.splits for w in launch.argv):
        assert any(n.opens for n in launch.notes)
        return "?"
    profile = next(n.profile for n in launch.notes if n.profile)
    return f"{profile} {launch.argv[launch.argv.index('--tp') + 1]}"


SERVED = {
    # what `usefixtures` and `getfixturevalue` start
    "@pytest.mark.usefixtures('dsv4_class_server')\n@mark('flash-fp8')\n"
    "class TestX(unittest.TestCase):\n def test_x(self): pass\n def test_y(self): pass": [
        "flash-fp8 8"
    ],
    "@mark('flash-fp8')\n@pytest.mark.usefixtures('dsv4_server')\ndef test_a(): pass": [
        "flash-fp8 8"
    ],
    "pytestmark = pytest.mark.usefixtures('dsv4_module_server')\n@mark(Q)\ndef test_a(): pass\n"
    "@mark(Q)\ndef test_b(): pass\n@mark('pro-fp4')\ndef test_c(): pass": [
        "flash-fp4 2",
        "pro-fp4 8",
    ],
    "class TestX:\n pytestmark = [mark(Q), pytest.mark.usefixtures('dsv4_server')]\n"
    " def test_x(self): pass": ["flash-fp4 2"],
    "@mark('flash-fp8')\ndef test_a(request): request.getfixturevalue('dsv4_server')": [
        "flash-fp8 8"
    ],
    "def f(request): request.getfixturevalue('dsv4_server')\n@mark(Q)\ndef test_a(request):\n"
    " f(request)": ["flash-fp4 2"],
    "@pytest.fixture\ndef own(dsv4_server): yield\n@pytest.mark.usefixtures('own')\n@mark(Q)\n"
    "def test_a(): pass": ["flash-fp4 2"],
    "pytestmark = mark('flash-fp8')\n@pytest.fixture(autouse=True)\ndef own(dsv4_server): yield\n"
    "@mark(Q)\ndef test_a(): pass": ["flash-fp4 2"],
    # several marks, and those that a variable holds
    "@mark('flash-fp4')\n@mark(Q)\ndef test_a(dsv4_server): pass": ["flash-fp4 2", "flash-fp4 8"],
    "@mark('flash-fp4', Q)\ndef test_a(dsv4_server): pass": ["flash-fp4 8", "flash-fp4 2"],
    "class TestX:\n @mark(Q)\n def test_x(self, dsv4_server): pass": ["flash-fp4 2"],
    "H = pytest.mark.dsv4_profile(Q)\n@H\ndef test_a(dsv4_server): pass": ["flash-fp4 2"],
    "H = mark(Q)\n@mark('flash-fp4')\nclass TestX:\n @H\n def test_x(self, dsv4_server): pass": [
        "flash-fp4 2"
    ],
    "from pytest import mark as m2\n@m2.dsv4_profile(Q)\ndef test_a(dsv4_server): pass": [
        "flash-fp4 2"
    ],
    "pytestmark = mark('flash-fp8')\nH = mark(Q)\n@H\ndef test_a(dsv4_server): pass": [
        "flash-fp4 2"
    ],
    "pytestmark = [mark('flash-fp8'), mark(Q)]\ndef test_a(dsv4_server): pass": [
        "flash-fp8 8",
        "flash-fp4 2",
    ],
    "def on(name): return pytest.mark.dsv4_profile(name)\n@on(Q)\ndef test_a(dsv4_server): pass": [
        "flash-fp4 2"
    ],
    "@pytest.mark.parametrize('x, dsv4_profile', [(1, Q)], indirect=['dsv4_profile'])\n"
    "@mark('flash-fp8')\ndef test_a(dsv4_server, x): pass": ["flash-fp4 2"],
    # what isn't followed is unknown
    "@mark(Q)\ndef test_a(dsv4_server): pass\nQ = load_profile('flash-fp8')": ["?"],
    "from elsewhere import H\n@H\n@mark(Q)\ndef test_a(dsv4_server): pass": ["flash-fp4 2", "?"],
    "from elsewhere import H\npytestmark = [H]\ndef test_a(dsv4_server): pass": ["?"],
    "def own(f): return pytest.mark.dsv4_profile('flash-fp8')(f)\n@own\n"
    "def test_a(dsv4_server): pass": ["?"],
    # fixtures in the place of the plugin's
    "@pytest.fixture(scope='session')\ndef dsv4_profile_name():\n name = 'flash-fp8'\n"
    " return name\n@mark('flash-fp4')\ndef test_a(dsv4_server): pass": ["flash-fp8 8"],
    "@pytest.fixture(name='dsv4_profile_name')\ndef own(): return Q\n@mark('flash-fp4')\n"
    "def test_a(dsv4_server): pass": ["flash-fp4 2"],
    "from elsewhere import dsv4_profile_name\n@mark('flash-fp4')\ndef test_a(dsv4_server): pass": [
        "?"
    ],
    "@pytest.fixture\ndef dsv4_profile_name(request): return request.param\n@mark('flash-fp4')\n"
    "def test_a(dsv4_server): pass": ["?"],
    "class TestX:\n @pytest.fixture\n def dsv4_profile_name(self): return 'flash-fp8'\n"
    " @mark('flash-fp4')\n def test_a(self, dsv4_server): pass": ["flash-fp8 8"],
    "@pytest.fixture\ndef dsv4_launch(): return own\n@mark('flash-fp4')\n"
    "def test_a(dsv4_server): pass": ["?"],
}


@pytest.mark.parametrize("text", SERVED)
def test_servers_and_their_profiles(text: str, tmp_path: Path) -> None:
    assert [told(found) for found in read(f"{text}\n", tmp_path)] == SERVED[text]


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.mark.parametrize('name', ['dsv4_server'])\n"
        "def test_b(request, name): request.getfixturevalue(name)",
        "from elsewhere import NAME\n@pytest.mark.usefixtures(NAME)\ndef test_b(): pass",
        "from elsewhere import Base\n@pytest.mark.usefixtures('dsv4_class_server')\n"
        "@mark('flash-fp8')\nclass TestX(Base): pass",
    ],
)
def test_a_server_that_may_be_missed_is_told(text: str, tmp_path: Path) -> None:
    known = "@mark(Q)\ndef test_a(dsv4_server): pass\n"
    (found,) = read(f"{known}{text}\n", tmp_path)
    assert found.partial
    assert any(note.lost for note in found.notes)
