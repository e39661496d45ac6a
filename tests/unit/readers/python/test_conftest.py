"""What conftest.py files around a test change of the servers that the pytest plugin starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.guard.files import looking
from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.readers import python

TEST = """import pytest
@pytest.mark.dsv4_profile("flash-fp4")
def test_a(dsv4_server, asked): pass
"""
HEAD = "import os\nimport pytest\n"


def read(folder: Path, conftest: str, test: str = TEST) -> LaunchConfig:
    (folder / "pyproject.toml").write_text("")
    (folder / "conftest.py").write_text(HEAD + conftest)
    (folder / "sub").mkdir()
    file = folder / "sub" / "test_v4.py"
    file.write_text(test)
    (found,) = python.read_all(test, str(file), root=folder)
    return found


def fixture(body: str, options: str = "") -> str:
    return f"@pytest.fixture{options}\ndef own(monkeypatch):\n    {body}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("os.environ['X'] = '1'", 3),
        ("env = os.environ\nenv['X'] = '1'", 4),
        ("os.environ.setdefault('X', '1')", 3),
        ("os.environ.update({'X': '1'})", 3),
        ("os.environ.update(X='1')", 3),
        ("os.environ |= {'X': '1'}", 3),
        ("if a():\n    os.environ['X'] = '1'", 4),
        (fixture("monkeypatch.setenv('X', '1')", "(autouse=True)"), 5),
        (fixture("monkeypatch.setenv('X', '1')", "(name='asked')"), 5),
        (fixture("monkeypatch.setitem(os.environ, 'X', '1')", "(autouse=True)"), 5),
        ("def pytest_configure(config):\n    os.environ['X'] = '1'", 4),
    ],
)
def test_what_it_sets_is_a_variable_that_isnt_known(text: str, line: int, tmp_path: Path) -> None:
    found = read(tmp_path, f"{text}\n")
    value = found.effective_env["X"].value
    assert isinstance(value, Unknown)
    assert value.location is not None
    assert (Path(value.location.path).name, value.location.line) == ("conftest.py", line)


@pytest.mark.parametrize(
    "text",
    [
        "os.environ.update(more())",
        "os.environ[name()] = '1'",
        "fill(os.environ)",
        "load_dotenv()",
        "from fixtures import *",
        "pytest_plugins = ['fixtures']",
        "def pytest_collection_modifyitems(items):\n"
        "    items[0].add_marker(pytest.mark.dsv4_profile('flash-fp8'))",
        "def broken(:",
        "\0",
    ],
)
def test_who_knows_what_makes_the_launch_a_partial_one(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"{text}\n")
    assert found.partial
    (note,) = (n for n in found.notes if n.lost)
    assert note.location is not None
    assert Path(note.location.path).name == "conftest.py"


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.fixture(scope='session')\ndef dsv4_server_command(): return f",
        "@pytest.fixture(name='dsv4_profile_name')\ndef own(): return 'flash-fp8'",
        "@pytest.fixture\ndef dsv4_launch(): return f",
        "@pytest.fixture\ndef dsv4_server(): return f",
        "from fixtures import dsv4_profile_name",
        "dsv4_profile_name = pytest.fixture(f)",
    ],
)
def test_an_override_leaves_the_command_unknown(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"{text}\n")
    assert any(isinstance(word, Unknown) and word.splits for word in found.argv)


def test_the_nearest_override_counts(tmp_path: Path) -> None:
    own = "@pytest.fixture\ndef dsv4_profile_name(): return 'flash-fp4'\n"
    found = read(tmp_path, own.replace("flash-fp4", "flash-fp8"), TEST + own)
    assert [n.profile for n in found.notes] == ["flash-fp4"]


@pytest.mark.parametrize(
    "text",
    [
        "x = os.environ.get('X')",
        "x = dict(os.environ)",
        "os.environ.pop('X', None)",
        fixture("monkeypatch.setenv('X', '1')"),  # no test asks for it
        "from dsv4_env.pytest.plugin import *\nfrom dsv4_env.pytest.plugin import dsv4_server",
        "pytest_plugins = 'dsv4_env.pytest.plugin'",
    ],
)
def test_all_else_changes_nothing(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"{text}\n")
    assert not found.partial
    assert "X" not in found.effective_env
    assert [n.profile for n in found.notes] == ["flash-fp4"]


def test_where_one_may_come_to_be_is_told(tmp_path: Path) -> None:
    with looking() as seen:
        read(tmp_path, "")
    folder = tmp_path.resolve()
    assert {str(folder / "conftest.py"), str(folder / "sub" / "conftest.py")} <= seen
