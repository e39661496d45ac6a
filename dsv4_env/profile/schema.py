"""What a profile layer may hold, typed: the pydantic models behind ``profiles/*.toml``.

Importing this costs pydantic and pydantic-settings (about 150 ms): only the layers' loader does.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from dsv4_env.model import ENV_NAME

FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9_-]*")
LAYER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

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


def _toml_type(value: object) -> str:
    names = {"dict": "a table", "list": "an array", "str": "a string", "bool": "a boolean"}
    return names.get(type(value).__name__, "a " + type(value).__name__)


def _env_name(name: str) -> str:
    if not ENV_NAME.fullmatch(name):
        raise _wrong(f"bad variable name {name!r}", "letters, digits and _, not a digit first")
    return name


def _flag(name: str) -> str:
    if not FLAG.fullmatch(name):
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


def _strings(value: Any) -> Any:
    if not isinstance(value, list):
        raise _wrong("{spelled}", 'an array of strings, such as ["a", "b"]')
    return value


def _ratio(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong("{spelled}", "a number from 0 to 1")
    return value


def _seconds(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _wrong("{spelled}", "a whole number of seconds above 0")
    return value


Text = Annotated[str, BeforeValidator(_string)]
EnvName = Annotated[Text, AfterValidator(_env_name)]
Flag = Annotated[Text, AfterValidator(_flag)]
Occurrences = Annotated[ArgValues, BeforeValidator(_arg_values)]
Seconds = Annotated[int, BeforeValidator(_seconds)]


class Table(BaseModel):
    """A TOML table: kebab-case keys, nothing unknown, nothing converted."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-")
    )


class ModelTable(Table):
    """Which weights: *path* is the default, *path_variable* the variable that overrides it."""

    path: Text | None = None
    path_variable: EnvName | None = None


class LaunchTable(Table):
    """How long the server may take to answer, in seconds."""

    timeout_seconds: Seconds | None = None


class CiTable(Table):
    """The CI suite that runs the test and its estimated time in seconds."""

    suite: Text | None = None
    estimated_seconds: Seconds | None = None


class QualityTable(Table):
    """The least GSM8K accuracy (0 to 1) that the nightly test accepts."""

    gsm8k_threshold: Annotated[float, BeforeValidator(_ratio)] | None = None


class HardwareTable(Table):
    """What the launch is meant to run on."""

    accelerator: Text | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    rocm: Text | None = None


class SglangTable(Table):
    """The SGLang releases the values are meant for, as a PEP 440 range."""

    range: Annotated[Text, AfterValidator(_specifiers)] | None = None


class SourceTable(Table):
    """Where the values were taken from."""

    repository: Text | None = None
    path: Text | None = None
    pull_request: Annotated[int, Field(ge=1)] | None = None
    commit: Text | None = None
    date: Text | None = None


class Resolved(BaseModel):
    """The part of a layer that is merged with other layers."""

    model_config = Table.model_config

    env: dict[EnvName, Text] = Field(default_factory=dict)
    args: dict[Flag, Occurrences] = Field(default_factory=dict)
    model: ModelTable = Field(default_factory=ModelTable)
    launch: LaunchTable = Field(default_factory=LaunchTable)
    ci: CiTable = Field(default_factory=CiTable)
    quality: QualityTable = Field(default_factory=QualityTable)
    hardware: HardwareTable = Field(default_factory=HardwareTable)
    sglang: SglangTable = Field(default_factory=SglangTable)
    source: SourceTable = Field(default_factory=SourceTable)


class UnsetTable(Table):
    """Settings of lower layers that this one takes away."""

    env: Annotated[list[EnvName], BeforeValidator(_strings)] = Field(default_factory=list)
    args: Annotated[list[Flag], BeforeValidator(_strings)] = Field(default_factory=list)


class LayerFile(Resolved):
    """One ``profiles/NAME.toml``. An *abstract* layer is only there to be extended."""

    description: Text = ""
    abstract: bool = False
    extends: Annotated[list[Text], BeforeValidator(_strings)] = Field(default_factory=list)
    unset: UnsetTable = Field(default_factory=UnsetTable)
