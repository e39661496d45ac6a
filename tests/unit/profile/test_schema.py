"""The JSON Schema of a layer: as published, as the models are, and never stricter than they."""

from __future__ import annotations

import datetime
import json
import math
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

import dsv4_env
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import layer_files, shipped_dir
from dsv4_env.profile.layer import read_layer
from dsv4_env.profile.schema import LayerFile, json_schema
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result

PUBLISHED = Path(dsv4_env.__file__).parent / "profile" / "profile.schema.json"
SCHEMA = json_schema()
CHECK = jsonschema.Draft7Validator(SCHEMA)


def parsed(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = as_json(tomllib.loads(path.read_bytes().decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    return found


def as_json(value: Any) -> Any:
    """TOML as editors hand it to a schema: a day, which JSON has no type for, is text."""
    if isinstance(value, dict):
        return {k: as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def test_it_is_a_schema_and_the_published_one_is_of_these_models(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert json.loads(PUBLISHED.read_text()) == SCHEMA
    assert run("schema").out == PUBLISHED.read_text()
    assert run("schema", "-o", str(tmp_path / "s.json")).code == 0
    assert (tmp_path / "s.json").read_text() == PUBLISHED.read_text()


@pytest.mark.parametrize("path", sorted(shipped_dir().glob("*.toml")), ids=lambda p: p.stem)
def test_shipped_layers_name_it_and_pass(path: Path) -> None:
    first = path.read_text().partition("\n")[0]
    named = re.fullmatch(r"#:schema (\S+)", first)
    assert named
    assert (ROOT / "profiles" / named[1]).resolve() == PUBLISHED.resolve()
    CHECK.validate(parsed(path))


def test_every_shipped_layer_is_looked_at() -> None:
    assert len(layer_files()) == len(list(shipped_dir().glob("*.toml"))) > 8


INPUTS = {
    path.parent.name: data
    for path in sorted((ROOT / "tests" / "cases" / "layer").glob("*/input.toml"))
    if (data := parsed(path)) is not None  # of what is no TOML a schema sees nothing
}


@pytest.mark.parametrize(("name", "data"), INPUTS.items(), ids=list(INPUTS))
def test_it_refuses_nothing_that_the_loader_takes(name: str, data: dict[str, Any]) -> None:
    path = ROOT / "tests" / "cases" / "layer" / name / "input.toml"
    try:
        read_layer(path)
    except ProfileError:
        return
    assert list(CHECK.iter_errors(data)) == []


REFUSED = """abstract-text bad-flag bad-threshold bad-timeout bad-variable-name boolean-in-env
count-text count-zero env-no-table extends-twice flag-false flag-with-value mixed-argument
nul-byte nul-in-argument number-argument number-in-env section-no-table table-in-env
unset-no-array wrong-key wrong-key-in-table wrong-section"""


@pytest.mark.parametrize("name", REFUSED.split())
def test_what_can_be_seen_in_an_editor_is(name: str) -> None:
    assert not CHECK.is_valid(INPUTS[name])


def described(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str | None]]:
    for name, inner in node.get("properties", {}).items():
        yield f"{path}{name}", inner.get("description")
        yield from described(inner, f"{path}{name}.")


def test_every_key_is_described_once() -> None:
    texts = dict(described(SCHEMA))
    assert {"env", "model.path", "launch.timeout-seconds"} <= set(texts)
    assert None not in texts.values()
    assert len(set(texts.values())) == len(texts)


WORD = st.text(max_size=3) | st.sampled_from(["A", "--tp", "-x", "1", ">=0.5", "a=b", "--tp 8"])
LEAF = (
    WORD | st.booleans() | st.integers(-2, 9000) | st.floats(-1, 2) | st.lists(WORD, max_size=3)
    | st.lists(st.lists(WORD, max_size=2), max_size=2)
)  # fmt: skip
TABLES = {
    **{name: st.dictionaries(WORD, LEAF, max_size=2) for name in ("env", "args")},
    **{
        name: st.dictionaries(st.sampled_from([*inner["properties"], "wrong"]), LEAF, max_size=3)
        for name, inner in SCHEMA["properties"].items()
        if "properties" in inner
    },
    **dict.fromkeys(("description", "abstract", "extends", "wrong"), LEAF),
}
DOCUMENT = st.fixed_dictionaries({}, optional=TABLES)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENT)
@example({"quality": {"gsm8k-threshold": 1}})
@example({"quality": {"gsm8k-threshold": math.nan}})
@example({"env": {"A\n": "x"}})
@example({"args": {"--x": [[]]}})
@example({"args": {"--x": [["a"], []]}})
@example({"unset": {"env": ["A", "B"]}})
def test_what_the_schema_refuses_the_loader_refuses(data: dict[str, Any]) -> None:
    if not CHECK.is_valid(data) and not repeated(data):
        with pytest.raises(ValueError):
            LayerFile.model_validate(data)


def repeated(data: dict[str, Any]) -> bool:
    """Whether a name comes twice in a list: the loader sees to that after the models."""
    unset = data.get("unset", {})
    lists = [data.get("extends"), unset.get("env"), unset.get("args")]
    return any(isinstance(x, list) and any(x.count(i) > 1 for i in x) for x in lists)
