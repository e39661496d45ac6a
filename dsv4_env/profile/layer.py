"""One layer: its file read, and what it says under which conditions, each thing with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from dsv4_env.catalogue.history import flag_in
from dsv4_env.catalogue.releases import load
from dsv4_env.lang import toml as toml_source
from dsv4_env.lang.toml import KeyPath, TomlSource
from dsv4_env.model import Location, Origin
from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.model.secrets import masked
from dsv4_env.profile.conditions import Situation, holds, told
from dsv4_env.profile.profile import layer_bytes, local_name
from dsv4_env.profile.schema import (
    LAYER_NAME,
    NESTED,
    Default,
    FromEnvironment,
    LayerFile,
    Resolved,
    SourceTable,
    UnsetTable,
    keys_of,
)

SettingKey: TypeAlias = tuple[str, str]
"""A section of the TOML (``env``, ``image.env``), and a key in it."""

LAYER_SECTIONS = tuple(Resolved.model_fields)
BLOCK_SECTIONS = {
    **{s: s for s in ("env", "args", "launch", "ci", "quality", "image")},
    "model": "weights",
}
"""What a block may set, and what it calls each table: ``model`` is a condition there."""

_SETTING = {*BLOCK_SECTIONS.values(), "unset"}
_EXPECTED = {  # what pydantic calls an error, and what a reader of TOML should have written
    "bool_type": "true or false",
    "dict_type": "a table",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "model_type": "a table",
}


@dataclass(frozen=True, slots=True)
class LayerSetting:
    """What a layer says of one key: its *value* (None: it unsets it), and where.

    *path* is the key in the TOML, *when* are the conditions, *source* says in a block where it
    has its values from, *over* are the overlays that the block asks for, and so settles.
    """

    value: Any
    location: Location
    path: KeyPath
    when: str = ""
    source: SourceTable | None = None
    over: tuple[str, ...] = ()


LayerSettings: TypeAlias = dict[SettingKey, LayerSetting]


@dataclass(slots=True)
class Layer:
    """One file of a folder of profiles: its typed content and where each part stands."""

    name: str
    file: LayerFile
    source: TomlSource

    def settings(self, now: Situation) -> LayerSettings:
        """What it says for a target: a block that holds wins over the tables that always do.

        Raises ProfileError where two blocks say different things of one key.
        """
        if not holds(self.file.only, now):
            return {}
        found = dict(self.always())
        blocks: LayerSettings = {}
        for index, block in enumerate(self.file.when):
            if not holds(block, now):
                continue
            for key, given in self.block(index):
                other = blocks.setdefault(key, given)
                if other.value != given.value:
                    raise ProfileError(
                        f"layer {self.name} says two things of {key[1]} for {now.target} on SGLang "
                        f"{now.sglang}: {value_said(key[1], other.value)} at {other.location}, "
                        f"{value_said(key[1], given.value)} at {given.location}",
                        where=given.location,
                        expected="blocks that say the same, or that never hold together",
                    )
        return found | blocks

    def always(self) -> Iterator[tuple[SettingKey, LayerSetting]]:
        """What its tables say, which hold for every target that the layer is for."""
        when = told(self.file.only)
        for section in LAYER_SECTIONS:
            if section != "source" or not self.file.overlay:  # a profile is its own layers'
                yield from self._table(section, (section,), getattr(self.file, section), when)
        yield from self._unset(self.file.unset, (), when)

    def block(self, index: int) -> Iterator[tuple[SettingKey, LayerSetting]]:
        """What a block says, whether it holds or not."""
        block = self.file.when[index]
        when, source = told(self.file.only, block), block.source
        for section, key in BLOCK_SECTIONS.items():
            path = ("when", index, key)
            for setting, given in self._table(section, path, getattr(block, key), when, source):
                yield setting, replace(given, over=tuple(block.with_ or ()))
        for setting, given in self._unset(block.unset, ("when", index), when, source):
            yield setting, replace(given, over=tuple(block.with_ or ()))
        if not block.model_fields_set & _SETTING:  # then it says where the launch itself is from
            yield from self._table("source", ("when", index, "source"), source, when, source)

    def sets(self) -> set[SettingKey]:
        """The keys that it gives a value to, for one target or another."""
        return {key for key, given in self.every() if given.value is not None}

    def every(self) -> Iterator[tuple[SettingKey, LayerSetting]]:
        """What its tables and all of its blocks say."""
        yield from self.always()
        for index in range(len(self.file.when)):
            yield from self.block(index)

    def _table(
        self,
        section: str,
        path: KeyPath,
        table: Any,
        when: str,
        source: SourceTable | None = None,
    ) -> Iterator[tuple[SettingKey, LayerSetting]]:
        if isinstance(table, BaseModel):
            table = table.model_dump(by_alias=True, exclude_unset=True)
        for key, value in table.items():
            inner = f"{section}.{key}"
            if inner not in NESTED:
                place = (*path, key)
                yield (
                    (section, key),
                    LayerSetting(value, self.source.key(place), place, when, source),
                )
                continue
            for name, text in value.items():
                place = (*path, key, name)
                yield (inner, name), LayerSetting(text, self.source.key(place), place, when, source)

    def _unset(
        self, table: UnsetTable, path: KeyPath, when: str, source: SourceTable | None = None
    ) -> Iterator[tuple[SettingKey, LayerSetting]]:
        for section in UnsetTable.model_fields:
            for index, key in enumerate(getattr(table, section)):
                place = (*path, "unset", section, index)
                yield (
                    (section, key),
                    LayerSetting(None, self.source.value(place), place, when, source),
                )


def respelled(
    said: LayerSettings, sglang: str, apart: Collection[SettingKey] = ()
) -> LayerSettings:
    """Settings of a layer with each flag as a release knows it: layers may spell one differently.

    One that is set under one name and unset under another is set; those of *apart* stay as they
    are.
    """
    found: LayerSettings = {}
    for key, given in said.items():
        spelled = spelled_key(key, sglang)
        spelled = key if spelled in apart else spelled
        if given.value is not None or spelled not in found:
            found[spelled] = given
    return found


def twice(said: LayerSettings, sglang: str) -> set[SettingKey]:
    """The flags that a layer gives under two names, as a command line may."""
    names = [key for key, given in said.items() if given.value is not None]
    count = Counter(spelled_key(key, sglang) for key in names)
    return {key for key, number in count.items() if number > 1}


def read_layer(path: Path, data: bytes | None = None) -> Layer:
    """Read one layer, or *data* as if it were in the file.

    Raises ProfileError with the place of what is wrong.
    """
    if not LAYER_NAME.fullmatch(path.stem):
        raise ProfileError(
            f"bad layer name {path.stem!r}",
            where=str(path),
            expected="a file name of letters, digits, '.', '_' and '-'",
        )
    return _parsed(path, layer_bytes(path) if data is None else data)


@lru_cache(maxsize=64)  # what an edit leaves alone is read once
def _parsed(path: Path, data: bytes) -> Layer:
    shown = str(path)
    source = toml_source.parse(data, shown, ProfileError)
    try:
        file = LayerFile.model_validate(source.data)
    except ValidationError as exc:
        raise located(exc, LayerFile, source, ProfileError) from None
    layer = Layer(path.stem, file, source)
    for index, parent in enumerate(file.extends):
        if (first := file.extends.index(parent)) < index:
            raise ProfileError(
                f"layer {layer.name} extends {parent} twice",
                where=source.value(("extends", index)),
                expected=f"it once; it is first given at {source.value(('extends', first))}",
            )
    _no_contradiction(layer)
    return layer


def _no_contradiction(layer: Layer) -> None:
    for said in (layer.always(), *map(layer.block, range(len(layer.file.when)))):
        seen: LayerSettings = {}
        for key, given in said:
            if key in seen:
                found = "sets and unsets" if seen[key].value is not None else "unsets twice"
                raise ProfileError(
                    f"layer {layer.name} {found} {key[1]}",
                    where=given.location,
                    expected=f"one of the two; the other is at {seen[key].location}",
                )
            seen[key] = given


def located(
    exc: ValidationError, model: type[BaseModel], source: TomlSource, error: type[ProfileError]
) -> ProfileError:
    """The first thing wrong (by position) of a pydantic error, with its place in the TOML."""

    def place(item: Any) -> tuple[KeyPath, Location]:
        loc: KeyPath = tuple(p for p in item["loc"] if p != "[key]")
        at_key = item["type"] == "extra_forbidden" or item["loc"][-1] == "[key]"
        return loc, source.key(loc) if at_key else source.value(loc)

    def order(item: Any) -> tuple[bool, int, int]:
        at = place(item)[1]
        return item["type"] == "missing", at.line or 0, at.column or 0  # it may be misspelled

    item = min(exc.errors(), key=order)
    loc, where = place(item)
    name = ".".join(map(str, loc))
    if item["type"] == "missing":
        whole = ".".join(map(str, loc[:-1]))
        return error(f"{whole or 'it'} has no {loc[-1]}", where=where, expected=f"{loc[-1]} = …")
    if item["type"] == "extra_forbidden":
        known = keys_of(model, loc[:-1])
        return error(
            f"unknown key {loc[-1]!r}" + (f" in [{'.'.join(map(str, loc[:-1]))}]" * (len(loc) > 1)),
            where=where,
            expected="one of " + ", ".join(known),
            hint=did_you_mean(str(loc[-1]), known),
        )
    ctx = item.get("ctx", {})
    if item["type"] == "dsv4":
        spelled = source.spelled.get(loc, "")
        found, expected = (str(ctx[k]).replace("{spelled}", spelled) for k in ("found", "expected"))
        prefix = "" if found.startswith("bad ") else f"{name} is "
        return error(prefix + found, where=where, expected=expected)
    expected = _EXPECTED.get(item["type"], item["msg"].removeprefix("Input should be "))
    expected = expected.format_map(ctx)
    return error(f"{name} is {source.spelled.get(loc, 'a table')}", where=where, expected=expected)


def read_local(name: str, path: Path, index: int) -> Layer:
    """A layer that this host lays over another one. Raises ProfileError where it says more."""
    layer = read_layer(path)
    said = layer.file.model_fields_set & _NOT_LOCAL
    if said:
        key = min(said)
        raise ProfileError(
            f"{key} in what this host lays over {name}",
            where=layer.source.key((key,)),
            expected="settings alone; a profile of another name can extend it",
        )
    # The user's own and the project's: each of the two has a name of its own.
    return replace(layer, name=local_name(name, index))


_NOT_LOCAL = {"extends", "abstract", "overlay", "needs", "excludes", "targets", "limits"}


@dataclass(frozen=True, slots=True)
class Merged:
    """What layers make of one key: the value that counts (None: unset), and who set it."""

    value: Any
    origin: Origin


def value_said(name: str, value: Any) -> str:
    """A value as messages show it, a secret masked."""
    if value is None:
        return "unset"
    return (
        str(value)
        if isinstance(value, FromEnvironment | Default)
        else f'"{masked(name, spelled_setting(value))}"'
    )


def spelled_key(key: SettingKey, sglang: str) -> SettingKey:
    """A setting by the name that a release has for it."""
    return (key[0], spelled_flag(key[1], sglang)) if key[0] == "args" else key


@lru_cache(maxsize=1024)  # of a flag that a release doesn't know all others are asked
def spelled_flag(flag: str, sglang: str) -> str:
    """A flag by the name that a release has for it."""
    return flag_in(load(sglang), flag)


def spelled_setting(value: Any) -> str:
    """A setting's value as one line of text."""
    if isinstance(value, list):
        return " ; ".join(w if isinstance(w, str) else " ".join(w) for w in value)
    return str(value)
