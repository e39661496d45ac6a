"""Layers read, put in order and merged, each value with the chain of layers that set it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dsv4_env.lang import toml as toml_source
from dsv4_env.lang.toml import KeyPath, TomlSource
from dsv4_env.model import Location, Origin
from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.model.secrets import masked
from dsv4_env.profile import layer_bytes
from dsv4_env.profile.schema import LAYER_NAME, FromEnvironment, LayerFile, Resolved

SECTIONS = tuple(Resolved.model_fields)
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

    def settings(self) -> Iterator[tuple[tuple[str, str], Any, Location]]:
        """``(section, key), value, location`` for all it sets; value None where it unsets."""
        for section in SECTIONS:
            table = getattr(self.file, section)
            if isinstance(table, BaseModel):
                values: Mapping[str, Any] = table.model_dump(by_alias=True, exclude_unset=True)
            else:
                values = table
            for key, value in values.items():
                yield (section, key), value, self.source.key((section, key))
        for section in ("env", "args"):
            for index, key in enumerate(getattr(self.file.unset, section)):
                yield (section, key), None, self.source.value(("unset", section, index))


def read_layer(path: Path, data: bytes | None = None) -> Layer:
    """Read one layer, or *data* as if it were in the file.

    Raises ProfileError with the place of what is wrong.
    """
    shown = str(path)
    if not LAYER_NAME.fullmatch(path.stem):
        raise ProfileError(
            f"bad layer name {path.stem!r}",
            where=shown,
            expected="a file name of letters, digits, '.', '_' and '-'",
        )
    if data is None:
        data = layer_bytes(path)
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
    seen: dict[tuple[str, str], tuple[Any, Location]] = {}
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
        known = _known_keys(model, loc[:-1])
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


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    current: Any = model
    for part in path:
        field = next(
            (f for n, f in current.model_fields.items() if part in (n, f.alias)),
            None,
        )
        current = field.annotation if field else None
        if not inspect.isclass(current) or not issubclass(current, BaseModel):
            return []
    return [f.alias or n for n, f in current.model_fields.items()]


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


def ancestors(order: list[Layer]) -> dict[str, set[str]]:
    """For each layer of a linear order, the names of all layers below it."""
    below: dict[str, set[str]] = {}
    for layer in order:
        parents = layer.file.extends
        below[layer.name] = set(parents).union(*(below[p] for p in parents))
    return below


def origins(order: list[Layer]) -> dict[tuple[str, str], Origin]:
    """The chain of layers behind each setting, highest first; disagreeing diamonds are errors."""
    below = ancestors(order)
    setters: dict[tuple[str, str], list[tuple[Layer, Any, Location]]] = {}
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
    chains: dict[tuple[str, str], Origin] = {}
    for key, found in setters.items():
        _agree(key, found, below, order[-1])
        origin: Origin | None = None
        for layer, value, where in found:
            text = None if value is None else spelled(value)
            origin = Origin(layer.name, where, text, origin)
        if origin is not None:
            chains[key] = origin
    return chains


def _agree(
    key: tuple[str, str],
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
    return str(value) if isinstance(value, FromEnvironment) else f'"{masked(name, spelled(value))}"'


def spelled(value: Any) -> str:
    """A setting's value as one line of text."""
    if isinstance(value, list):
        return " ; ".join(" ".join(words) for words in value)
    return str(value)


class _LayerSource(PydanticBaseSettingsSource):
    """One layer as a settings source: what it unsets is None until the merge is done."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self.layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        tables: dict[str, dict[str, Any]] = {}
        for (section, key), value, _ in self.layer.settings():
            tables.setdefault(section, {})[key] = value
        return tables


class _Merged(BaseSettings):
    """Tables merged key by key, before what was unset is dropped."""

    model_config = SettingsConfigDict(extra="forbid")

    env: dict[str, Any] = {}
    args: dict[str, list[list[str]] | None] = {}
    model: dict[str, Any] = {}
    launch: dict[str, Any] = {}
    ci: dict[str, Any] = {}
    quality: dict[str, Any] = {}
    hardware: dict[str, Any] = {}
    sglang: dict[str, Any] = {}
    source: dict[str, Any] = {}


def merge(order: list[Layer]) -> Resolved:
    """Merge layers (lowest first) with pydantic-settings: each is a source over the ones below."""

    class Merged(_Merged):
        @classmethod
        def settings_customise_sources(  # type: ignore[override]
            cls, settings_cls: type[BaseSettings], **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_LayerSource(settings_cls, layer) for layer in reversed(order))

    merged = Merged()
    tables: dict[str, dict[str, Any]] = {s: getattr(merged, s) for s in SECTIONS}
    resolved = {s: {k: v for k, v in t.items() if v is not None} for s, t in tables.items()}
    return Resolved.model_validate(resolved)
