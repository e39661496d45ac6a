"""How the Python reader spends: values tell their size first, and nothing found is lost."""

from __future__ import annotations

import pytest

from dsv4_env.model import Unknown
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import python
from tests.unit.readers.hostile import POPEN, body, nested_loops, value

SHARED = "a0=['x']\n" + "\n".join(
    f"a{i}=[a{i - 1},a{i - 1},a{i - 1},a{i - 1}]" for i in range(1, 41)
)


@pytest.mark.parametrize(
    ("expression", "before"),
    [
        ("a40", SHARED),
        ("repr(a40)", SHARED),
        ("len(str(a40))", SHARED),
        ("sorted([a40, a40])", SHARED),
        ("a40 == a39", SHARED),
        ("f'{a40}'", SHARED),
        ("'%s' % a40", SHARED),
        ("'{}'.format(a40)", SHARED),
        ("json.dumps(a40)", f"import json\n{SHARED}"),
        ("json.dumps([1] * 99, separators=('x' * 9999, ':'))", "import json"),
        ("json.dumps([1] * 99, indent='x' * 9999)", "import json"),
        ("a", "a = []\na.append(a)\na.append(a)"),
        ("'x' * 10**9", ""),
        ("b'x' * 10**9", ""),
        ("['x'] * 10**9", ""),
        ("2 ** 10**9", ""),
        ("1 << 10**9", ""),
        ("'%999999999d' % 1", ""),
        ("f'{1:>999999999}'", ""),
        ("'x'.ljust(10**9)", ""),
        ("'x'.center(999999999)", ""),
        ("'1'.zfill(999999999)", ""),
        ("('x' * 9999).replace('', 'y' * 9999)", ""),
        ("0x" + "f" * 20_000, ""),
        ("-0x" + "f" * 20_000, ""),
        ("int('9' * 5000)", ""),
        (
            "a39 + a39",
            "a0 = 'x'\n" + "\n".join(f"a{i} = a{i - 1} + a{i - 1}" for i in range(1, 40)),
        ),
    ],
)
def test_what_would_be_too_large_is_unknown(expression: str, before: str) -> None:
    """It is never made, so it costs next to nothing; the launch itself is read."""
    budget = Budget()
    (config,) = python.read_all(value(expression, before), "f", budget=budget)
    assert not config.partial
    (setting,) = config.env
    assert isinstance(setting.value, Unknown)
    assert budget.spent_steps < 20_000
    assert budget.spent_bytes < 3_000_000


def test_values_of_a_sensible_size_are_known() -> None:
    """Lists that share their items are written out as Python does."""
    (config,) = python.read_all(value("a3", "a0=['x']\na1=[a0,a0]\na2=[a1,a1]\na3={'k': a2}"), "f")
    assert config.env[0].value == "{'k': [[['x'], ['x']], [['x'], ['x']]]}"


def test_a_dict_that_is_merged_with_itself_stays_one() -> None:
    """Each merge sets the same again; of absurdly many settings nothing is known."""
    budget = Budget()
    text = "ENV = {'A': '1', 'B': '2'}\n" + "ENV.update(ENV)\n" * 60 + POPEN
    (config,) = python.read_all(text, "f", budget=budget)
    assert len(config.env) < 200_000
    assert any(n.opens for n in config.notes)


@pytest.mark.parametrize("dialect", ["items", "copies"])
def test_settings_of_a_dict_are_independent_of_its_copies(dialect: str) -> None:
    """Copies share what was there when they were made, and nothing more."""
    text = (
        "base = {'A': '1'}\nENV = dict(base)\nENV['B'] = '2'\nbase['C'] = '3'\n"
        "other = dict(base)\nother['A'] = '9'\n" + POPEN
    )
    if dialect == "copies":
        text = text.replace("dict(base)", "{**base}")
    (config,) = python.read_all(text, "f")
    assert [(e.name, e.value) for e in config.env] == [("A", "1"), ("B", "2")]


FIRST = '        popen_launch_server("a", "u", timeout=1)\n'


def test_launches_before_the_end_are_kept() -> None:
    """They are partial; the note says where most of the steps went."""
    text = body(nested_loops(15)).replace(
        "    def test_x(self):\n", f"    def test_x(self):\n{FIRST}"
    )
    budget = Budget()
    (config,) = python.read_all(text, "f", budget=budget)
    assert config.partial
    (note,) = [n for n in config.notes if n.message.startswith("the file is read in part")]
    assert note.opens
    assert note.location is not None
    assert "i0" in text.splitlines()[(note.location.line or 0) - 1]
    assert budget.spent_steps <= budget.steps + 100


def test_classes_before_and_after_the_end_are_not_lost_silently() -> None:
    """Each has its own share; what was found says that there may be another."""
    before = POPEN.replace("TestX", "TestA").replace("ENV", "{}")
    after = POPEN.replace("TestX", "TestZ").replace("ENV", "{}")
    text = before + body(nested_loops(15)) + after
    found = python.read_all(text, "f")
    assert [c.symbol for c in found] == ["TestA.test_x", "TestZ.test_x"]
    assert all(
        c.partial and any(n.lost and "TestX.test_x" in n.lost for n in c.notes) for c in found
    )


def test_nothing_found_is_one_located_error() -> None:
    """It says what was found, where, and what was expected."""
    with pytest.raises(ReadError) as caught:
        python.read_all("ENV = {}\n" + nested_loops(15) + "\n" + POPEN, "f")
    assert (caught.value.where or "").startswith("f:")
    assert (caught.value.where or "").count(":") == 2
    assert "more than 800,000 steps" in caught.value.found
    assert caught.value.expected


def test_steps_make_a_smaller_budget() -> None:
    """`discover` follows a file less far than `check`."""
    text = body("for i in range(9000):\n    ENV['A'] = str(i)")
    (whole,) = python.read_all(text, "f")
    assert not whole.partial
    with pytest.raises(ReadError):
        python.read_all(text, "f", steps=500)


def test_a_unit_that_was_cut_before_it_launched_is_told() -> None:
    """Other launches of the file say that it isn't there."""
    tests = "".join(f"        if g({i}) and h({i}):\n            return\n" for i in range(60))
    lost = f"class TestY:\n    def test_y(self):\n{tests}"
    lost = lost.replace("return", "raise E") + '        popen_launch_server("m", "u", timeout=1)\n'
    found = python.read_all(POPEN.replace("ENV", "{}") + lost, "f")
    symbols = [c.symbol for c in found]
    assert "TestX.test_x" in symbols
    if "TestY.test_y" not in symbols:
        assert all(any("TestY.test_y" in n.message and n.opens for n in c.notes) for c in found)


@pytest.mark.parametrize("count", [1, 10])
def test_what_is_spent_grows_with_the_file(count: int) -> None:
    """Ten times as many tests cost ten times as much, not a hundred."""
    one = (
        "class Test{0}:\n    def test_a(self):\n        env = {{'A': '{0}'}}\n"
        "        popen_launch_server('m', 'u', 1, env=env)\n"
    )
    few, many = Budget(), Budget()
    python.read_all("".join(one.format(i) for i in range(10 * count)), "f", budget=few)
    python.read_all("".join(one.format(i) for i in range(100 * count)), "f", budget=many)
    assert many.spent_steps < 12 * few.spent_steps
