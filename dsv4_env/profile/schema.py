"""What a profile layer may hold, typed: the pydantic models behind ``profiles/*.toml``.

Importing this costs pydantic and pydantic-settings (about 150 ms): only the layers' loader does.
"""

from __future__ import annotations

import datetime
import enum
import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, get_args, get_origin

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from dsv4_env.catalogue.images import families
from dsv4_env.model import ENV_NAME, FROM_ENVIRONMENT
from dsv4_env.model.errors import did_you_mean
from dsv4_env.model.hardware import canonical

FLAG_NAME = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]*")
_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)
_PATTERNS = {"env": ENV_NAME, "args": FLAG_NAME}
LAYER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class FromEnvironment(enum.Enum):
    """What a layer says of a variable instead of a value."""

    REQUIRED = FROM_ENVIRONMENT

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Default:
    """The value of a variable where the environment of the launch has none."""

    value: str

    def __str__(self) -> str:
        return f"{{default = {json.dumps(self.value, ensure_ascii=False)}}}"


EnvValue: TypeAlias = str | FromEnvironment | Default
ArgValues: TypeAlias = list[list[str]]
"""Each occurrence of a flag with its values: ``[[]]`` for a bare flag, ``[["8"]]`` for one."""


def _wrong(found: str, expected: str) -> PydanticCustomError:
    """An error of ours; ``{spelled}`` stands for the value as the file spells it."""
    return PydanticCustomError("dsv4", "{found}", {"found": found, "expected": expected})


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise _wrong("text with a NUL byte", "text without: no process can receive one")
    return text


def _string(value: Any) -> Any:
    if isinstance(value, str):
        return _no_nul(value)
    if isinstance(value, bool):
        return_as = f'"{str(value).lower()}" or "{int(value)}"'
        raise _wrong(f"a boolean ({str(value).lower()})", f"a string, such as {return_as}")
    if isinstance(value, int | float):
        raise _wrong("the number {spelled}", 'a string, such as "{spelled}"')
    raise _wrong(_toml_type(value), "a string")


def _env_value(value: Any) -> EnvValue:
    """A string, or the table that says where the value comes from."""
    if isinstance(value, FromEnvironment | Default):
        return value
    if isinstance(value, dict):
        if list(value) == ["from-environment"] and value["from-environment"] is True:
            return FromEnvironment.REQUIRED
        if list(value) == ["default"] and isinstance(value["default"], str) and value["default"]:
            return Default(_no_nul(value["default"]))
        raise _wrong(_found_of(value), f'a string, {{default = "…"}} or {FROM_ENVIRONMENT}')
    text: str = _string(value)
    return text


def _found_of(table: dict[str, Any]) -> str:
    """What is wrong with a table that says where a variable's value comes from."""
    known = ("default", "from-environment")
    other = [key for key in table if key not in known]
    if not table:
        return "an empty table"
    if other:
        guess = did_you_mean(other[0], known)
        return f"a table with {other[0]!r}" + (f" (did you mean {guess}?)" if guess else "")
    if len(table) > 1:
        return "a table with both default and from-environment"
    if "from-environment" in table:
        return "a table whose from-environment isn't true"
    if table["default"] == "":
        return "a table whose default is empty, which is as good as none"
    return f"a table whose default is {_toml_type(table['default'])}"


def _toml_type(value: object) -> str:
    names = {"dict": "a table", "list": "an array", "str": "a string", "bool": "a boolean"}
    names |= {"int": "a number", "float": "a number"}
    return names.get(type(value).__name__, "a " + type(value).__name__)


def _env_name(name: str) -> str:
    if not ENV_NAME.fullmatch(name):
        raise _wrong(f"bad variable name {name!r}", "letters, digits and _, not a digit first")
    return name


def _flag(name: str) -> str:
    if not FLAG_NAME.fullmatch(name):
        expected = "a flag such as --page-size, without its value"
        raise _wrong(f"bad flag {name!r}", expected)
    return name


def _arg_values(value: Any) -> ArgValues:
    expected = 'true (no value), "8" (one), ["a", "b"] (several) or [["a"], ["b"]] (repeated)'
    if value is True:
        return [[]]
    if value is False:
        raise _wrong("false", "the flag under [unset] args to drop it, or true to set it")
    if isinstance(value, str):
        return [[_no_nul(value)]]
    if isinstance(value, dict):
        raise _wrong("a table", expected)
    if isinstance(value, list) and value:
        if all(isinstance(v, str) for v in value):
            return [[_no_nul(v) for v in value]]
        if all(isinstance(v, list) and all(isinstance(w, str) for w in v) for v in value):
            return [[_no_nul(w) for w in v] for v in value]
    if isinstance(value, int | float):
        raise _wrong("the number {spelled}", 'a string, such as "{spelled}"')
    raise _wrong("an array of several types" if value else "an empty array", expected)


def _specifiers(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise _wrong(f"bad version range {text!r}", 'a range such as ">=0.5.13,<0.5.18"') from None
    return text


def _family(name: str) -> str:
    if name not in families():
        guess = did_you_mean(name, families())
        hint = f" (did you mean {guess}?)" if guess else ""
        raise _wrong(f"bad image family {name!r}", "one of " + ", ".join(families()) + hint)
    return name


def _strings(value: Any) -> Any:
    if not isinstance(value, list):
        raise _wrong("{spelled}", 'an array of strings, such as ["a", "b"]')
    return value


def _one_or_several(value: Any) -> Any:
    """A condition's values: a string alone stands for a list of one."""
    found = [value] if isinstance(value, str) else value
    if isinstance(found, list) and found and all(isinstance(v, str) and v for v in found):
        return found
    raise _wrong("{spelled}", 'a string, or several: "mi355x" or ["mi300x", "mi355x"]')


def _small(values: list[str]) -> list[str]:
    return [value.lower() for value in values]


def _factors(names: list[str]) -> list[str]:
    for name in names:
        if not any(p.fullmatch(name) for p in (ENV_NAME, FLAG_NAME, _WHOLE)):
            raise _wrong(f"bad name {name!r}", "variables, flags and whole numbers")
    return names


def _accelerators(names: list[str]) -> list[str]:
    return list(map(canonical, names))


def _numbers(value: Any) -> Any:
    found = [value] if isinstance(value, int) else value
    if (
        isinstance(found, list)
        and found
        and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in found)
    ):
        return found
    raise _wrong("{spelled}", "a number of nodes, or several: 1 or [1, 2]")


def _day(value: Any) -> Any:
    """A day, which TOML has a type for, as text."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    return _string(value)


def _ratio(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong("{spelled}", "a number from 0 to 1")
    return value


def _tokens(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _wrong("{spelled}", "a number above 0")
    return value


def _seconds(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _wrong("{spelled}", "a whole number of seconds above 0")
    return value


# What a JSON Schema can say of each type; a validator may refuse more, never less.
_TEXT: dict[str, Any] = {"type": "string", "pattern": r"^[^\u0000]*$"}
_NAMES = {env: {"type": "string", "pattern": f"^{p.pattern}$"} for env, p in _PATTERNS.items()}
_WORDS: dict[str, Any] = {"type": "array", "items": _TEXT}
_ENV_VALUE: dict[str, Any] = {
    "anyOf": [
        {**_TEXT, "description": "The value."},
        {
            "type": "object",
            "properties": {"from-environment": {"const": True}},
            "required": ["from-environment"],
            "additionalProperties": False,
            "description": "The value comes from outside, and has to be set at launch: a secret.",
        },
        {
            "type": "object",
            "properties": {"default": {**_TEXT, "minLength": 1}},
            "required": ["default"],
            "additionalProperties": False,
            "description": "The value where the environment of the launch has none, or an empty "
            "one.",
        },
    ]
}
_OCCURRENCES: dict[str, Any] = {
    "anyOf": [
        {"const": True, "description": "No value."},
        {**_TEXT, "description": "One value."},
        {**_WORDS, "minItems": 1, "description": "Several values."},
        {"type": "array", "items": _WORDS, "minItems": 1, "description": "A repeated flag."},
    ]
}


def _list_of(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": item, "uniqueItems": True})


TomlText = Annotated[str, BeforeValidator(_string), WithJsonSchema(_TEXT)]
Small = Annotated[TomlText, AfterValidator(str.lower)]
EnvText = Annotated[EnvValue, BeforeValidator(_env_value), WithJsonSchema(_ENV_VALUE)]
EnvName = Annotated[TomlText, AfterValidator(_env_name), WithJsonSchema(_NAMES["env"])]
Flag = Annotated[TomlText, AfterValidator(_flag), WithJsonSchema(_NAMES["args"])]
Occurrences = Annotated[ArgValues, BeforeValidator(_arg_values), WithJsonSchema(_OCCURRENCES)]
_WORD: dict[str, Any] = {"type": "string", "minLength": 1}
_ANY: dict[str, Any] = {"anyOf": [_WORD, {"type": "array", "items": _WORD, "minItems": 1}]}
Names = Annotated[list[str], BeforeValidator(_one_or_several), WithJsonSchema(_ANY)]
AnyOf = Annotated[Names, AfterValidator(_small)]
Factors = Annotated[Names, AfterValidator(_factors)]
Accelerators = Annotated[Names, AfterValidator(_accelerators)]
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 1}
Nodes = Annotated[
    list[int],
    BeforeValidator(_numbers),
    WithJsonSchema({"anyOf": [_COUNT, {"type": "array", "items": _COUNT, "minItems": 1}]}),
]
Seconds = Annotated[
    int, BeforeValidator(_seconds), WithJsonSchema({"type": "integer", "minimum": 1})
]
Tokens = Annotated[
    float,
    BeforeValidator(_tokens),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
]
Ratio = Annotated[
    float, BeforeValidator(_ratio), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})
]


class Table(BaseModel):
    """A TOML table: kebab-case keys, nothing unknown, nothing converted."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-")
    )


class ModelTable(Table):
    """Which weights are served."""

    path: TomlText | None = Field(
        default=None,
        description="The model when nothing overrides it: a folder, or org/name on the hub.",
    )
    path_variable: EnvName | None = Field(
        default=None, description="The environment variable that overrides the path."
    )


class LaunchTable(Table):
    """How a launch is written and waited for."""

    timeout_seconds: Seconds | None = Field(
        default=None, description="How long the server may take until it answers, in seconds."
    )
    argument_order: (
        Annotated[list[Flag], BeforeValidator(_strings), _list_of(_NAMES["args"])] | None
    ) = Field(
        default=None,
        description="The order of the flags; one that isn't named stays behind the one before it.",
    )


class CiTable(Table):
    """Where CI runs the test."""

    suite: TomlText | None = Field(
        default=None, description="The CI suite that runs the profile's test."
    )
    estimated_seconds: Seconds | None = Field(
        default=None, description="The time that CI plans for the test, in seconds."
    )
    nightly: Annotated[bool, Field(description="Whether it runs at night only.")] | None = None


class QualityTable(Table):
    """What the test accepts."""

    gsm8k_threshold: Ratio | None = Field(
        default=None, description="The least GSM8K accuracy that the test accepts, from 0 to 1."
    )
    accept_length_threshold: Tokens | None = Field(
        default=None,
        description="The least mean number of tokens that a step of speculative decoding accepts.",
    )


class HardwareTable(Table):
    """What the launch is meant to run on."""

    accelerator: TomlText | None = Field(
        default=None, description="The kind of accelerator, such as MI35x."
    )
    count: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many accelerators."
    )
    rocm: TomlText | None = Field(default=None, description="The version of ROCm.")


class ImageTable(Table):
    """The container image that the launch runs in: what nothing else sets has its values."""

    name: TomlText | None = Field(
        default=None,
        description="The image, as org/name:tag: what `export` puts into manifests by default.",
    )
    family: (
        Annotated[
            TomlText,
            AfterValidator(_family),
            WithJsonSchema({"type": "string", "enum": list(families())}),
        ]
        | None
    ) = Field(
        default=None,
        description="Its family, whose variables are known; needed where no name tells it.",
    )
    env: dict[EnvName, TomlText] = Field(
        default_factory=dict,
        description="Variables that the image sets, beside or instead of those of its family.",
    )


class SglangTable(Table):
    """The SGLang that the values are meant for."""

    range: Annotated[TomlText, AfterValidator(_specifiers)] | None = Field(
        default=None, description='Its releases, as a PEP 440 range such as ">=0.5.13,<0.5.18".'
    )


class SourceTable(Table):
    """Where the values were taken from."""

    repository: TomlText | None = Field(
        default=None, description="A repository, such as sgl-project/sglang."
    )
    path: TomlText | None = Field(default=None, description="A file in it.")
    pull_request: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The number of a pull request."
    )
    commit: TomlText | None = Field(default=None, description="The commit, in full.")
    date: Annotated[str, BeforeValidator(_day), WithJsonSchema(_TEXT)] | None = Field(
        default=None, description="The day, as YYYY-MM-DD."
    )


class Resolved(BaseModel):
    """The part of a layer that is merged with other layers."""

    model_config = Table.model_config

    env: dict[EnvName, EnvText] = Field(
        default_factory=dict,
        description=f"Environment variables, in order: strings, or {FROM_ENVIRONMENT}.",
    )
    args: dict[Flag, Occurrences] = Field(
        default_factory=dict,
        description='Server arguments: flag = true, "8", ["a", "b"] or [["a"], ["b"]].',
    )
    model: ModelTable = Field(default_factory=ModelTable)
    launch: LaunchTable = Field(default_factory=LaunchTable)
    ci: CiTable = Field(default_factory=CiTable)
    quality: QualityTable = Field(default_factory=QualityTable)
    hardware: HardwareTable = Field(default_factory=HardwareTable)
    image: ImageTable = Field(default_factory=ImageTable)
    sglang: SglangTable = Field(default_factory=SglangTable)
    source: SourceTable = Field(default_factory=SourceTable)


def _keys_gone(table: type[BaseModel]) -> Any:
    """A list of a table's own keys."""
    known = [f.alias or name for name, f in table.model_fields.items()]

    def check(names: list[str]) -> list[str]:
        for name in names:
            if name not in known:
                guess = did_you_mean(name, known)
                hint = f" (did you mean {guess}?)" if guess else ""
                raise _wrong(f"no key {name!r}", "one of " + ", ".join(known) + hint)
        return names

    item = {"type": "string", "enum": known}
    return Annotated[list[str], BeforeValidator(_strings), AfterValidator(check), _list_of(item)]


class UnsetTable(Table):
    """Settings of lower layers that this one takes away."""

    env: Annotated[list[EnvName], BeforeValidator(_strings), _list_of(_NAMES["env"])] = Field(
        description="Variables to take away.", default_factory=list
    )
    args: Annotated[list[Flag], BeforeValidator(_strings), _list_of(_NAMES["args"])] = Field(
        description="Flags to take away.", default_factory=list
    )
    model: _keys_gone(ModelTable) = Field(  # type: ignore[valid-type]
        description="Keys of [model] to take away.", default_factory=list
    )
    launch: _keys_gone(LaunchTable) = Field(  # type: ignore[valid-type]
        description="Keys of [launch] to take away.", default_factory=list
    )
    ci: _keys_gone(CiTable) = Field(  # type: ignore[valid-type]
        description="Keys of [ci] to take away.", default_factory=list
    )
    quality: _keys_gone(QualityTable) = Field(  # type: ignore[valid-type]
        description="Keys of [quality] to take away.", default_factory=list
    )


class AxesTable(Table):
    """What every target of a profile has in common."""

    model: Small | None = Field(default=None, description="Which model: flash, pro, …")
    precision: Small | None = Field(default=None, description="Its precision: fp4, fp8, …")


class TargetTable(Table):
    """Targets that a profile is for: every combination of the given values."""

    hardware: Accelerators = Field(description="What it runs on, such as mi355x.")
    strategy: AnyOf | None = Field(
        default=None, description="What it is tuned for; without it all that the layer is only for."
    )
    nodes: Nodes = Field(default=[1], description="On how many nodes.")
    role: AnyOf | None = Field(default=None, description="Its part in disaggregated serving.")
    with_: Names | None = Field(
        default=None, alias="with", description="The overlays that are taken with it."
    )
    model: AnyOf | None = Field(default=None, description="Only for these models.")
    precision: AnyOf | None = Field(default=None, description="Only for these precisions.")
    verified: Annotated[bool, Field(description="Whether somebody saw it run.")] = True
    source: SourceTable = Field(default_factory=SourceTable, description="Who says so.")


class Conditions(Table):
    """What has to hold of a target: all that is given."""

    sglang: Annotated[TomlText, AfterValidator(_specifiers)] | None = Field(
        default=None, description='For these releases, such as ">=0.5.14".'
    )
    hardware: Accelerators | None = Field(default=None, description="On one of these.")
    strategy: AnyOf | None = Field(default=None, description="For one of these strategies.")
    nodes: Nodes | None = Field(default=None, description="On one of these numbers of nodes.")
    role: AnyOf | None = Field(default=None, description="In one of these roles.")
    precision: AnyOf | None = Field(default=None, description="For one of these precisions.")
    model: AnyOf | None = Field(default=None, description="For one of these models.")
    with_: Names | None = Field(
        default=None, alias="with", description="Where all these overlays are taken."
    )
    without: Names | None = Field(
        default=None, description="Where none of these overlays is taken."
    )


class LimitTable(Conditions):
    """A limit between settings, which holds where they are all made."""

    product: Factors = Field(description='The product of these, such as ["--tp", "--dp"], …')
    at_most: Factors = Field(description="… is at most the product of these, or a number.")
    source: SourceTable = Field(default_factory=SourceTable, description="Who says so.")


class WhenTable(Conditions):
    """Settings that hold under conditions on the target."""

    source: SourceTable = Field(
        default_factory=SourceTable,
        description="Where the values were taken from; in a block without any, the launch itself.",
    )
    env: dict[EnvName, EnvText] = Field(default_factory=dict, description="As in the layer.")
    args: dict[Flag, Occurrences] = Field(default_factory=dict, description="As in the layer.")
    image: ImageTable = Field(default_factory=ImageTable)
    weights: ModelTable = Field(default_factory=ModelTable, description="As [model] of the layer.")
    launch: LaunchTable = Field(default_factory=LaunchTable)
    ci: CiTable = Field(default_factory=CiTable)
    quality: QualityTable = Field(default_factory=QualityTable)
    unset: UnsetTable = Field(default_factory=UnsetTable)


class LayerFile(Resolved):
    """One ``profiles/NAME.toml``. An *abstract* layer is only there to be extended."""

    description: TomlText = Field(default="", description="What the profile is, in a few words.")
    abstract: bool = Field(
        default=False, description="Only there to be extended: no profile by itself."
    )
    extends: Annotated[list[TomlText], BeforeValidator(_strings), _list_of(_TEXT)] = Field(
        default_factory=list,
        description="The layers below this one, lowest first, by the names of their files.",
    )
    unset: UnsetTable = Field(default_factory=UnsetTable)
    overlay: bool = Field(
        default=False, description="A layer that any profile can take: PROFILE+NAME."
    )
    needs: Annotated[list[TomlText], BeforeValidator(_strings), _list_of(_TEXT)] = Field(
        default_factory=list, description="The overlays that this one needs."
    )
    excludes: Annotated[list[TomlText], BeforeValidator(_strings), _list_of(_TEXT)] = Field(
        default_factory=list, description="The overlays that it can't be taken with."
    )
    limits: list[LimitTable] = Field(
        default_factory=list, description="What its settings, with those of others, may be at most."
    )
    axes: AxesTable = Field(default_factory=AxesTable)
    only: Conditions = Field(
        default_factory=Conditions, description="For which targets all that it sets holds."
    )
    targets: list[TargetTable] = Field(
        default_factory=list, description="What the profile is for, the usual one first."
    )
    when: list[WhenTable] = Field(
        default_factory=list, description="Settings that hold under conditions on the target."
    )


def keys_of(model: type[BaseModel], path: Sequence[str | int] = ()) -> list[str]:
    """The keys that a table may have, as the TOML spells them; none where it isn't one of ours."""
    current: Any = model
    for part in path:
        current = _inner(current, part)
        if get_origin(current) is list:
            continue
        if not inspect.isclass(current) or not issubclass(current, BaseModel):
            return []
    return [f.alias or n for n, f in current.model_fields.items()]


def described(model: type[BaseModel], path: Sequence[str | int]) -> str | None:
    """What the schema says of a key; None where it isn't one of ours, or nothing is said."""
    current: Any = model
    for part in path[:-1]:
        current = _inner(current, part)
    field = _field(current, path[-1])
    return field.description if field else None


def _inner(current: Any, part: str | int) -> Any:
    """What stands behind a key of a table, or is an item of an array of tables."""
    if isinstance(part, int):
        return next(iter(get_args(current)), None)
    field = _field(current, part)
    return field.annotation if field else None


def _field(current: Any, part: str | int) -> Any:
    if not inspect.isclass(current) or not issubclass(current, BaseModel):
        return None
    return next((f for n, f in current.model_fields.items() if part in (n, f.alias)), None)


NESTED = ("image.env",)
"""Tables within tables whose keys anyone chooses: each key is merged by itself, as in env."""

TABLES = {
    name: [key for key in keys if f"{name}.{key}" not in NESTED]
    for name in Resolved.model_fields
    if (keys := keys_of(Resolved, (name,)))
}
"""What else is merged beside env and args: each table with its keys, in their order."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of a layer's TOML, for editors and other programs.

    What it refuses the loader refuses too; the loader knows more (circles, version ranges).
    """
    plain = LayerFile.model_json_schema(by_alias=True)
    found: dict[str, Any] = _plain(plain, plain["$defs"])
    del found["description"]  # which is for readers of this module
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A layer of a profile of dsv4-env (profiles/NAME.toml)",
    }
    return head | found


_NULL = {"type": "null"}
_UNTOLD = ("title", "default", "$defs")


def _plain(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """A node with its references filled in, without defaults, null (TOML has none) and titles."""
    if "$ref" in node:
        node = {**defs[node["$ref"].rpartition("/")[2]], **node}
        del node["$ref"]
    if _NULL in (choices := node.get("anyOf", ())):
        left = [x for x in choices if x != _NULL]
        rest = {k: v for k, v in node.items() if k != "anyOf"}
        node = rest | ({"anyOf": left} if len(left) > 1 else left[0])
        if "$ref" in node:
            return _plain(node, defs)
    kept = {k: node[k] for k in sorted(node, key="description".__ne__) if k not in _UNTOLD}
    if "properties" in kept:
        kept["properties"] = {k: _plain(v, defs) for k, v in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _plain(kept["items"], defs)
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    return kept
