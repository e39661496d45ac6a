from __future__ import annotations

import pytest

from dsv4_env.catalogue import Catalogue, OwnSetting, Variable, VariableReading, load
from dsv4_env.catalogue.semantics import Understood, equals_default, invalid, same_value, understand

ENVS = [
    Variable("FLAG", (VariableReading("Envs", "bool", "true"),)),
    Variable("COUNT", (VariableReading("Envs", "int", "8"),)),
    Variable("RATIO", (VariableReading("Envs", "float", "0.7"),)),
    Variable("NAME", (VariableReading("Envs", "str", "auto"),)),
    Variable("NONE", (VariableReading("Envs", "int"),)),
    Variable("LIST", (VariableReading("Envs", "tuple", "a,b"),)),
    Variable("JSON", (VariableReading("Envs", "json"),)),
    Variable("ODD", (VariableReading("Envs", "Odd", "3"),)),
    Variable("HIP", (VariableReading("Envs", "bool", None, "_default_hip"),)),
    Variable("HELPED", (VariableReading("get_bool_env_var", "bool", "false", files=("a.py",)),)),
    Variable("DIFFUSION", (VariableReading("multimodal_gen.get_bool_env_var", "bool", "false"),)),
    Variable("HELPED_INT", (VariableReading("get_int_env_var", "int", "4"),)),
    Variable(
        "BOTH",
        (
            VariableReading("Envs", "bool", "false"),
            VariableReading("get_bool_env_var", "bool", "false"),
        ),
    ),
    Variable("OS_INT", (VariableReading("os", "int", "5", files=("a.py",)),)),
    Variable("ONE", (VariableReading("os", "one of", "0", None, ("1",)),)),
    Variable("FOLDED", (VariableReading("os", "one of", None, None, ("1", "true"), True, True),)),
    Variable("EMPTY", (VariableReading("os", "nonempty"),)),
    Variable("RAW", (VariableReading("os", "raw", "x"),)),
    Variable("OTHER", (VariableReading("_flag", "raw", "x"),)),
    Variable("ASKED", (VariableReading("Envs", "bool", "true"), VariableReading("is_set", "set"))),
    Variable("SET", (VariableReading("Envs", "bool", "true"),), set_by=(OwnSetting("a.py", "1"),)),
    Variable("API_KEY", (VariableReading("Envs", "str", ""),)),
    Variable("OLD", deprecated=True, renamed_to="FLAG", wins="old"),
    Variable("OLD_MS", deprecated=True, renamed_to="RATIO", wins="old", transform="ms_to_s"),
    Variable("GONE", deprecated=True),
]
CATALOGUE = Catalogue("1.0", {v.name: v for v in ENVS}, {}, prefixes=(("SGL_", ""),))


@pytest.mark.parametrize("true", ["true", "1", "yes", "y", "TRUE", "Yes", "Y"])
@pytest.mark.parametrize("false", ["false", "0", "no", "n", "FALSE", "No", "N"])
def test_the_boolean_rule(true: str, false: str) -> None:
    reading = CATALOGUE.variables["FLAG"].readings[0]
    assert understand(reading, true) == Understood(True)
    assert understand(reading, false) == Understood(False)
    assert same_value(CATALOGUE, "FLAG", true, false) is None


@pytest.mark.parametrize(
    ("name", "a", "b", "reason"),
    [
        ("FLAG", "true", "1", 'SGLang reads "true" and "1" as the same boolean'),
        ("FLAG", "on", "1", 'SGLang can\'t read "on" and uses what the other value means'),
        ("FLAG", "on", "", 'SGLang can read neither "on" nor "" and treats them the same'),
        ("FLAG", "1", "1", "both are spelled the same"),
        ("COUNT", "8", "08", 'SGLang reads "8" and "08" as the same whole number'),
        ("RATIO", "0.9", "0.90", 'SGLang reads "0.9" and "0.90" as the same number'),
        ("LIST", "a, b", "a,b,", 'SGLang reads "a, b" and "a,b," as the same list'),
        ("JSON", '{"a": 1,"b":2}', '{"b":2,"a":1}', "as the same JSON"),
        ("HELPED", "true", "1", 'SGLang reads "true" and "1" as the same boolean'),
        ("HELPED", "yes", "0", 'SGLang can\'t read "yes" and uses what the other value means'),
        ("BOTH", "true", "1", 'SGLang reads "true" and "1" as the same boolean'),
        ("DIFFUSION", "on", "1", 'SGLang reads "on" and "1" as the same boolean'),
        ("DIFFUSION", "", " Off", 'SGLang reads "" and " Off" as the same boolean'),
        ("HELPED_INT", "", "4", 'SGLang reads "" and "4" as the same whole number'),
        ("OS_INT", "5", "+5", 'SGLang reads "5" and "+5" as the same whole number'),
        ("ONE", "0", "true", 'SGLang makes no difference between "0" and "true"'),
        ("FOLDED", " True", "1", 'SGLang makes no difference between " True" and "1"'),
        ("EMPTY", "0", "1", 'SGLang makes no difference between "0" and "1"'),
        ("OLD", "true", "1", 'SGLang reads "true" and "1" as the same boolean'),
        ("SGL_FLAG", "true", "1", 'SGLang reads "true" and "1" as the same boolean'),
    ],
)
def test_values_that_are_read_the_same(name: str, a: str, b: str, reason: str) -> None:
    found = same_value(CATALOGUE, name, a, b)
    assert found is not None
    assert reason in found
    assert same_value(CATALOGUE, name, b, a) is not None


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("FLAG", "on", "0"),
        ("NAME", "A", "a"),
        ("NAME", "a", "a "),
        ("BOTH", "yes", "1"),
        ("JSON", "a.json", "b.json"),
        ("JSON", "[1,2]", "[2,1]"),
        ("OS_INT", "x", "y"),
        ("ONE", "1", "true"),
        ("EMPTY", "", "0"),
        ("RAW", "1", "true"),
        ("OTHER", "1", "true"),
        ("ODD", "1", "true"),
        ("HIP", "on", "0"),
        ("OLD_MS", "1000", "1"),
        ("GONE", "1", "true"),
        ("UNHEARD_OF", "1", "true"),
    ],
)
def test_values_that_arent_or_may_not_be(name: str, a: str, b: str) -> None:
    assert same_value(CATALOGUE, name, a, b) is None


def test_two_values_that_fall_back_to_the_same_computed_default() -> None:
    assert same_value(CATALOGUE, "HIP", "on", "off") is not None


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("FLAG", "1", 'SGLang 1.0 reads "1" as its default, true'),
        ("FLAG", "true", '"true" is SGLang 1.0\'s default'),
        ("RATIO", "0.70", 'SGLang 1.0 reads "0.70" as its default, 0.7'),
        ("LIST", "a, b", 'SGLang 1.0 reads "a, b" as its default, a,b'),
        ("BOTH", "0", 'SGLang 1.0 reads "0" as its default, false'),
        ("ONE", "false", 'SGLang 1.0 reads "false" as its default, 0'),
        ("FOLDED", "0", '"0" is SGLang 1.0\'s default'),
        ("EMPTY", "", '"" is SGLang 1.0\'s default'),
        ("RAW", "x", '"x" is SGLang 1.0\'s default'),
    ],
)
def test_setting_the_default(name: str, text: str, reason: str) -> None:
    assert equals_default(CATALOGUE, name, text) == reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FLAG", "0"),
        ("FLAG", "on"),  # the same in effect, but it is a mistake and SGLang warns
        ("NONE", "0"),
        ("JSON", ""),
        ("HIP", "0"),
        ("ASKED", "1"),
        ("SET", "1"),
        ("OTHER", "x"),
        ("ODD", "3"),
        ("OLD", "1"),
        ("GONE", "1"),
        ("UNHEARD_OF", "1"),
    ],
)
def test_what_isnt_like_leaving_it_out(name: str, text: str) -> None:
    assert equals_default(CATALOGUE, name, text) is None


@pytest.mark.parametrize(
    ("name", "text", "reason", "fallback", "stops"),
    [
        (
            "FLAG",
            "on",
            'can\'t read "on" and uses the default, true; expected true, 1',
            "true",
            False,
        ),
        ("FLAG", "", 'can\'t read "" and uses the default, true', "true", False),
        ("COUNT", "1.5", "uses the default, 8; expected a whole number", "8", False),
        ("NONE", "x", "uses the default, none", None, False),
        ("HIP", "on", "uses the default that it computes", None, False),
        ("HELPED", "yes", 'reads "yes" as false in a.py', "false", False),
        ("BOTH", "yes", 'reads "yes" as false', "false", False),
        ("DIFFUSION", "2", 'reads "2" as false', "false", False),
        ("OS_INT", "x", 'fails in a.py on "x"; expected a whole number', None, True),
    ],
)
def test_an_invalid_value_says_what_happens(
    name: str, text: str, reason: str, fallback: str | None, stops: bool
) -> None:
    found = invalid(CATALOGUE.variables[name], text)
    assert found is not None
    assert reason in found.reason
    assert (found.fallback, found.stops) == (fallback, stops)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FLAG", "Yes"),
        ("NAME", ""),
        ("JSON", "file.json"),
        ("ONE", "true"),
        ("RAW", "?"),
        ("GONE", ""),
    ],
)
def test_what_isnt_invalid(name: str, text: str) -> None:
    assert invalid(CATALOGUE.variables[name], text) is None


def test_secrets_stay_hidden() -> None:
    found = equals_default(
        Catalogue(
            "1", {"API_KEY": Variable("API_KEY", (VariableReading("Envs", "str", "abc"),))}, {}
        ),
        "API_KEY",
        "abc",
    )
    assert found is not None
    assert "abc" not in found


def test_what_the_caller_has_followed_does_not_count() -> None:
    name, catalogue = "SGLANG_OPT_USE_TILELANG_INDEXER", load("0.5.23")
    variable = catalogue.variable(name)
    assert variable is not None
    files = {s.file for s in variable.set_by}
    assert equals_default(catalogue, name, "false") is None
    assert equals_default(catalogue, name, "false", files) == '"false" is SGLang 0.5.23\'s default'
    assert equals_default(catalogue, name, "true", files) is None
    assert equals_default(catalogue, name, "false", {"srt/elsewhere.py"}) is None
