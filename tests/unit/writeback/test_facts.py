"""What a test says beside its settings, written: only literals, and nothing else with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsv4_env.model import Fact, LaunchConfig
from dsv4_env.readers import python
from dsv4_env.writeback.edits import Outcome, Refused
from dsv4_env.writeback.facts import edit_facts, layer_values

PROFILE = LaunchConfig(
    "v4",
    "profile",
    (),
    (),
    facts=(
        Fact("model", "path", "org/V4"),
        Fact("launch", "timeout-seconds", 5400),
        Fact("ci", "suite", 'a "b"', None, "amd"),
        Fact("ci", "nightly", True, None, "amd"),
        Fact("quality", "gsm8k-threshold", 0.92),
    ),
)
SERVER = """\
class {name}(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        popen_launch_server({model}, "u", timeout={timeout}, other_args=["--tp", "8"])
    def test_gsm8k(self):
        self.assertGreater(score(), {least})
"""


def written(name: str = "TestV4", **given: str) -> str:
    return SERVER.format(name=name, **{"model": "'m/V4'", "timeout": "1", "least": "0.5"} | given)


def read(text: str) -> list[LaunchConfig]:
    return python.read_all(text, "t.py")


def edited(
    text: str, *, profile: LaunchConfig = PROFILE, shared: bool = False, index: int = 0
) -> tuple[str, list[Refused]]:
    outcome = Outcome(text, read(text)[index])
    left = edit_facts(profile, outcome, read, index, shared=shared)
    return outcome.text, left


NAMED = replace(
    PROFILE, facts=(Fact("model", "path", "org/V4"), Fact("model", "path-variable", "V4_PATH"))
)


@pytest.mark.parametrize("call", ["os.environ.get", "environ.get", "os.getenv", "getenv"])
def test_a_model_and_its_variable_are_written_where_it_is_taken(call: str) -> None:
    text = f"import os\nfrom os import environ, getenv\n{written(model=call + '(WORDS)')}"
    other = text.replace("WORDS", "'V4_PATH', \n 'org/V3'  ")
    assert edited(other, profile=NAMED) == (other.replace("V3", "V4"), [])
    other = text.replace("WORDS", "\"OTHER\", 'org/V4'")
    assert edited(other, profile=NAMED) == (other.replace("OTHER", "V4_PATH"), [])


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("os.environ.get(NAME, 'org/V3')", "`os.environ.get(NAME, 'org/V3')"),
        ("os.environ.get('V4_PATH', OLD)", "`os.environ.get('V4_PATH', OLD)"),
        ("'org/V4'", "no variable overrides the model here, and V4_PATH does that of the profile"),
    ],
)
def test_what_is_to_stand_instead_is_told(model: str, told: str) -> None:
    text = f"import os\nNAME, OLD = 'V4_PATH', 'org/' + 'V3'\n{written(model=model)}"
    after, (left,) = edited(text, profile=NAMED)
    assert after == text
    assert told in str(left)
    assert '"org/V4"' in str(left)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (written(), written(timeout="5400", least="0.92")),
        (written(model="'org/V3'"), written(model="'org/V4'", timeout="5400", least="0.92")),
        (
            f"T = 1  # s\n{written(timeout='T')}",
            f"T = 5400  # s\n{written(timeout='T', least='0.92')}",
        ),
        (
            f'register_amd_ci(7, "x", nightly=False)\n{written(timeout="5400", least="0.92")}',
            'register_amd_ci(7, "a \\"b\\"", nightly=True)\n'
            + written(timeout="5400", least="0.92"),
        ),
    ],
)
def test_literals_are_written(before: str, after: str) -> None:
    assert edited(before) == (after, [])


def test_what_is_not_written_is_told() -> None:
    text = (
        "register_amd_ci(7, SUITE)\n"
        f"{written(timeout='60 * minutes()', least='limit()', model='path()')}"
    )
    after, left = edited(text)
    assert after == text
    assert [str(one) for one in left] == [
        "t.py:1:1: ci.nightly: `register_amd_ci(7, SUITE)` stands there and no plain value; true "
        "is to be what comes of it",
        "t.py:5:50: launch.timeout-seconds: `60 * minutes()` can't be known: not a constant",
        "t.py:1:20: ci.suite: `SUITE` can't be known: not a constant, which is all that SGLang's "
        "CI reads",
        "t.py:7:37: quality.gsm8k-threshold: `limit()` can't be known: not a number that stands "
        "there",
        "t.py:5:29: model.path: `path()` can't be known: a call that isn't followed",
    ]


def test_a_constant_of_two_classes_is_shared() -> None:
    one, two = (written(n, timeout="T", least="0.92") for n in ("TestOne", "TestTwo"))
    text = f"T = 1\n{one}{two}"
    after, (refused,) = edited(text)
    assert after == text
    assert refused.reason == "the edit would change launch #2 (line 11) as well: --shared"
    assert edited(text, shared=True) == (text.replace("T = 1", "T = 5400"), [])


def test_a_constant_that_is_also_a_setting_is_left() -> None:
    text = "N = 8\n" + written(timeout="N", least="0.92").replace('"8"', "str(N)")
    after, (refused,) = edited(text)
    assert after == text
    assert refused.reason == "the edit would change --tp as well"


def test_the_model_of_the_same_name_is_left() -> None:
    text = written(timeout="5400", least="0.92")
    assert edited(text) == (text, [])


def test_what_the_layers_are_to_say() -> None:
    text = "register_amd_ci(7.5, 'x')\n" + written(model="'org/V3'", timeout="60", least="0.5")
    more = (*PROFILE.facts, Fact("ci", "estimated-seconds", 9, None, "amd"))
    profile = LaunchConfig("v4", "profile", (), (), facts=more)
    (launch,) = read(text)
    assert list(layer_values(profile, launch, ["ci.suite"])) == [
        ("launch", "timeout-seconds", 60),
        ("ci", "estimated-seconds", 8),
        ("ci", "nightly", False),
        ("quality", "gsm8k-threshold", 0.5),
        ("model", "path", "org/V3"),
    ]


def test_a_variable_of_the_model_is_no_literal() -> None:
    facts = (*PROFILE.facts, Fact("model", "path-variable", "V4_PATH"))
    profile = LaunchConfig("v4", "profile", (), (), facts=facts)
    text = written(timeout="5400", least="0.92")
    after, (refused,) = edited(text, profile=profile)
    assert (after, refused.name) == (text, "model.path-variable")
    (launch,) = read(text)
    assert list(layer_values(profile, launch, [])) == [("model", "path-variable", None)]
