"""Layers read, put in order and merged, each value with the chain of layers that set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from dsv4_env.lang import toml as toml_source
from dsv4_env.lang.toml import KeyPath, TomlSource
from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, ServerArg, outside
from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.model.secrets import masked
from dsv4_env.profile.profile import Profile, image_of, layer_bytes
from dsv4_env.profile.schema import (
    LAYER_NAME,
    NESTED,
    TABLES,
    FromEnvironment,
    LayerFile,
    Resolved,
    keys_of,
)

SettingKey: TypeAlias = tuple[str, str]
"""A section of the TOML (``env``, ``image.env``), and a key in it."""

LAYER_SECTIONS = tuple(Resolved.model_fields)
_EXPECTED = {  # what pydantic calls an error, and what a reader of TOML should have written
    "bool_type": "true or false",
    "dict_type": "a table",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "model_type": "a table",
}


@dataclass(slots=True)
class Layer:
    """One file of a folder of profiles: its typed content and where each part stands."""

    name: str
    file: LayerFile
    source: TomlSource

    def settings(self) -> Iterator[tuple[SettingKey, Any, Location]]:
        """``(section, key), value, location`` for all it sets; value None where it unsets."""
        for section in LAYER_SECTIONS:
            table = getattr(self.file, section)
            if isinstance(table, BaseModel):
                values: Mapping[str, Any] = table.model_dump(by_alias=True, exclude_unset=True)
            else:
                values = table
            for key, value in values.items():
                inner = f"{section}.{key}"
                if inner not in NESTED:
                    yield (section, key), value, self.source.key((section, key))
                    continue
                for name, text in value.items():
                    yield (inner, name), text, self.source.key((section, key, name))
        for section in ("env", "args"):
            for index, key in enumerate(getattr(self.file.unset, section)):
                yield (section, key), None, self.source.value(("unset", section, index))


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
    seen: dict[SettingKey, tuple[Any, Location]] = {}
    for key, value, where in layer.settings():
        if key in seen:
            found = "sets and unsets" if seen[key][0] is not None else "unsets twice"
            raise ProfileError(
                f"layer {layer.name} {found} {key[1]}",
                where=where,
                expected=f"one of the two; the other is at {seen[key][1]}",
            )
        seen[key] = (value, where)


def located(
    exc: ValidationError, model: type[BaseModel], source: TomlSource, error: type[ProfileError]
) -> ProfileError:
    """The first thing wrong (by position) of a pydantic error, with its place in the TOML."""

    def place(item: Any) -> tuple[KeyPath, Location]:
        loc: KeyPath = tuple(p for p in item["loc"] if p != "[key]")
        at_key = item["type"] == "extra_forbidden" or item["loc"][-1] == "[key]"
        return loc, source.key(loc) if at_key else source.value(loc)

    item = min(exc.errors(), key=lambda e: (place(e)[1].line or 0, place(e)[1].column or 0))
    loc, where = place(item)
    name = ".".join(map(str, loc))
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


def linearise(name: str, layers: Mapping[str, Layer]) -> list[Layer]:
    """The layers that *name* is made of, lowest first. Raises ProfileError for a circle."""
    done: list[Layer] = []
    path: list[str] = []

    def visit(layer_name: str, where: Location | None) -> None:
        if any(layer.name == layer_name for layer in done):
            return
        layer = layers.get(layer_name)
        if layer is None:
            raise ProfileError(
                f"unknown layer {layer_name!r}",
                where=where,
                expected="one of " + ", ".join(sorted(layers)),
                hint=did_you_mean(layer_name, layers),
            )
        if layer_name in path:
            circle = " → ".join([*path[path.index(layer_name) :], layer_name])
            raise ProfileError(
                f"layers extend each other in a circle: {circle}",
                where=where,
                expected="layers that end in one that extends nothing",
            )
        path.append(layer_name)
        for index, parent in enumerate(layer.file.extends):
            visit(parent, layer.source.value(("extends", index)))
        path.pop()
        done.append(layer)

    visit(name, None)
    return done


def ancestors(order: Sequence[Layer]) -> dict[str, set[str]]:
    """For each layer of a linear order, the names of all layers below it."""
    below: dict[str, set[str]] = {}
    for layer in order:
        parents = layer.file.extends
        below[layer.name] = set(parents).union(*(below[p] for p in parents))
    return below


@dataclass(frozen=True, slots=True)
class Merged:
    """What layers make of one key: the value that counts (None: unset), and who set it."""

    value: Any
    origin: Origin


def merge_layers(order: Sequence[Layer]) -> dict[SettingKey, Merged]:
    """What layers (lowest first) make of each key, in the order of who first sets it.

    Raises ProfileError where a layer unsets what none below it sets, and where two layers that
    don't extend each other disagree.
    """
    below = ancestors(order)
    setters: dict[SettingKey, list[tuple[Layer, Any, Location]]] = {}
    for layer in order:
        for key, value, where in layer.settings():
            earlier = setters.setdefault(key, [])
            visible = [s for s in earlier if s[0].name in below[layer.name]]
            if value is None and not any(v is not None for _, v, _ in visible):
                section, name = key
                known = [n for (s, n) in setters if s == section and n != name]
                raise ProfileError(
                    f"layer {layer.name} unsets {name}, which no layer below it sets",
                    where=where,
                    expected="a setting of " + (", ".join(layer.file.extends) or "a lower layer"),
                    hint=did_you_mean(name, known),
                )
            earlier.append((layer, value, where))
    merged: dict[SettingKey, Merged] = {}
    for key, found in setters.items():
        _agree(key, found, below, order[-1])
        origin: Origin | None = None
        for layer, value, where in found:
            origin = Origin(
                layer.name, where, None if value is None else spelled_setting(value), origin
            )
        if origin is not None:
            merged[key] = Merged(found[-1][1], origin)
    return merged


def _agree(
    key: SettingKey,
    found: list[tuple[Layer, Any, Location]],
    below: Mapping[str, set[str]],
    top: Layer,
) -> None:
    highest = [s for s in found if not any(s[0].name in below[o[0].name] for o in found)]
    layer, value, where = highest[-1]
    for other, other_value, other_where in highest[:-1]:
        if other_value != value:
            raise ProfileError(
                f"layers {other.name} and {layer.name} disagree on {key[1]}: "
                f"{_said(key[1], other_value)} at {other_where}, {_said(key[1], value)} at {where}",
                where=top.source.key(("extends",)),
                expected=f"them to agree, or {top.name} to set {key[1]} itself",
            )


def _said(name: str, value: Any) -> str:
    if value is None:
        return "unset"
    return (
        str(value)
        if isinstance(value, FromEnvironment)
        else f'"{masked(name, spelled_setting(value))}"'
    )


def spelled_setting(value: Any) -> str:
    """A setting's value as one line of text."""
    if isinstance(value, list):
        return " ; ".join(" ".join(words) for words in value)
    return str(value)


def resolve_layers(files: Mapping[str, Path], data: Mapping[str, bytes]) -> dict[str, Profile]:
    """Every profile by name, read and merged from *files*; *data* stands for what is in them.

    Raises ProfileError where a layer is wrong, an abstract one too.
    """
    layers = {name: read_layer(path, data.get(name)) for name, path in files.items()}
    orders = {name: linearise(name, layers) for name in layers}
    merged = {name: merge_layers(order) for name, order in orders.items()}
    concrete = [name for name, layer in layers.items() if not layer.file.abstract]
    return {name: _profile(orders[name], merged[name]) for name in concrete}


def _profile(order: Sequence[Layer], merged: Mapping[SettingKey, Merged]) -> Profile:
    """The profile that the highest of the layers is, of what they make of each key."""
    top = order[-1]
    env: list[EnvVar] = []
    args: list[ServerArg] = []
    for (section, name), m in merged.items():
        if section == "env" and m.value is not None:
            given = m.value if isinstance(m.value, str) else outside(name, m.origin.location)
            env.append(EnvVar(name, given, m.origin))
        elif section == "args" and m.value is not None:
            args += [ServerArg(name, tuple(words), m.origin) for words in m.value]
    tables: dict[str, dict[str, Any]] = {}
    for section, keys in TABLES.items():
        tables[section] = {k: merged[section, k].value for k in keys if (section, k) in merged}
        for inner in NESTED:
            if inner.partition(".")[0] == section:
                tables[inner] = {k: m.value for (s, k), m in merged.items() if s == inner}
    data = {section: table for section, table in tables.items() if table}
    where, image = Location(top.source.path, 1, 1), image_of(data)
    return Profile(
        top.name,
        top.file.description,
        tuple(layer.name for layer in order),
        LaunchConfig(top.name, "profile", tuple(env), tuple(args), location=where, image=image),
        data,
        {key: m.origin for key, m in merged.items() if key[0] in TABLES or key[0] in NESTED},
    )
