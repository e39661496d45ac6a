"""Whether the conditions of layers, and what overlays need and exclude, can hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.lang.toml import KeyPath
from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.model.hardware import ACCELERATORS, ALSO

if TYPE_CHECKING:
    from dsv4_env.profile.layer import Layer
    from dsv4_env.profile.schema import Conditions, TargetTable

ROLES = ("prefill", "decode", "router")
"""The parts of disaggregated serving, of which a row of targets may add more."""

_Named: TypeAlias = "Conditions | TargetTable"
_AXES = ("hardware", "strategy", "role", "model", "precision")
_WAY = {
    "hardware": "a row of `targets` that has it",
    "strategy": "a row of `targets` that has it",
    "role": "a row of `targets` that has it",
    "model": "a layer whose `axes` have it",
    "precision": "a layer whose `axes` have it",
}


@dataclass(frozen=True, slots=True)
class Known:
    """The names that conditions of some layers may have: of each axis, and of overlays."""

    axes: Mapping[str, Collection[str]]
    overlays: Mapping[str, Layer]


def no_impossible(layers: Mapping[str, Layer], local: Sequence[Layer] = ()) -> None:
    """Raise ProfileError, with its place, for a condition of one of these layers that never holds.

    *local* are those that this host lays over them.
    """
    every = [*layers.values(), *local]
    known = Known(_axes(every), {n: x for n, x in layers.items() if x.file.overlay})
    for layer in every:
        _overlay(layer, known)
        for path, said in _all(layer):
            _axes_known(layer, path, said, known)
            _taken(layer, path, said, known)
        for index in range(len(layer.file.when)):
            _beside_only(layer, index)


def _axes(layers: Sequence[Layer]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {axis: [] for axis in _AXES}
    found["hardware"] += ACCELERATORS
    found["role"] += ROLES
    for layer in layers:
        for row in layer.file.targets:
            found["hardware"] += row.hardware
            found["strategy"] += row.strategy or layer.file.only.strategy or []
            found["role"] += row.role or []
        found["model"] += filter(None, [layer.file.axes.model])
        found["precision"] += filter(None, [layer.file.axes.precision])
    return {axis: list(dict.fromkeys(names)) for axis, names in found.items()}


def _all(layer: Layer) -> Iterator[tuple[KeyPath, _Named]]:
    yield ("only",), layer.file.only
    yield from ((("when", i), block) for i, block in enumerate(layer.file.when))
    yield from ((("limits", i), limit) for i, limit in enumerate(layer.file.limits))
    yield from ((("targets", i), row) for i, row in enumerate(layer.file.targets))


def _axes_known(layer: Layer, path: KeyPath, said: _Named, known: Known) -> None:
    for axis in _AXES:
        for index, name in enumerate(getattr(said, axis) or ()):
            if name not in known.axes[axis]:
                names = [*known.axes[axis], *(ALSO if axis == "hardware" else ())]
                raise ProfileError(
                    f"no {axis} is called {name!r}, so that this never holds",
                    where=layer.source.value((*path, axis, index)),
                    expected=f"one of {', '.join(known.axes[axis])}, or {_WAY[axis]}",
                    hint=did_you_mean(name, names),
                )


def _beside_only(layer: Layer, index: int) -> None:
    """Refuse a block that is for nothing that its layer is for."""
    for axis in (*_AXES, "nodes"):
        block, whole = (getattr(c, axis) for c in (layer.file.when[index], layer.file.only))
        if block and whole and set(block).isdisjoint(whole):
            raise ProfileError(
                f"a block for the {axis} {_or(block)}, and layer {layer.name} is only for "
                f"{_or(whole)}, so that it never holds",
                where=layer.source.value(("when", index, axis)),
                expected=f"one of {', '.join(map(str, whole))}",
            )


def _or(values: Sequence[object]) -> str:
    return " or ".join(map(str, values))


def _taken(layer: Layer, path: KeyPath, said: _Named, known: Known) -> None:
    """Refuse overlays that there aren't, or that are never taken, or left out, together."""
    with_ = said.with_ or []
    _overlays_known(layer, (*path, "with"), with_, known)
    without = getattr(said, "without", None) or []
    _overlays_known(layer, (*path, "without"), without, known)
    file = layer.file
    for key, names, never in (
        ("with", with_, file.excludes if file.overlay else ()),
        ("without", without, (layer.name, *file.needs) if file.overlay else ()),
    ):
        for index, name in enumerate(names):
            if name in never:
                how = "which it excludes" if key == "with" else "which it is or needs"
                raise ProfileError(
                    f"{key} {name} in {layer.name}, {how}, so that it never holds",
                    where=layer.source.value((*path, key, index)),
                    expected="other overlays",
                )
    for index, name in enumerate(with_):
        if name in without:
            raise ProfileError(
                f"with and without {name}, which never holds",
                where=layer.source.value((*path, "with", index)),
                expected="one of the two",
            )
        excluded = set(known.overlays[name].file.excludes)
        excluded |= {n for n in with_ if name in known.overlays[n].file.excludes}
        for other in with_:
            if other in excluded and other != name:
                raise ProfileError(
                    f"with {name} and {other}, which exclude each other",
                    where=layer.source.value((*path, "with", index)),
                    expected="one of the two",
                )


def _overlays_known(layer: Layer, path: KeyPath, names: Sequence[str], known: Known) -> None:
    for index, name in enumerate(names):
        if name not in known.overlays:
            raise ProfileError(
                f"no overlay is called {name!r}",
                where=layer.source.value((*path, index)),
                expected=_one_of(known.overlays),
                hint=did_you_mean(name, known.overlays),
            )


def _one_of(names: Collection[str]) -> str:
    return "one of " + ", ".join(names) if names else "none: there are no overlays"


def _overlay(layer: Layer, known: Known) -> None:
    """Refuse what an overlay can't need or exclude, and that a layer that is none does."""
    file, source = layer.file, layer.source
    for key in ("needs", "excludes"):
        names: list[str] = getattr(file, key)
        if names and not file.overlay:
            raise ProfileError(
                f"{key} in {layer.name}, which is no overlay",
                where=source.key((key,)),
                expected="overlay = true beside it",
            )
        _overlays_known(layer, (key,), names, known)
        if layer.name in names:
            raise ProfileError(
                f"{layer.name} {key} itself",
                where=source.value((key, names.index(layer.name))),
                expected="other overlays",
            )
    excluded: Callable[[str], bool] = lambda name: (  # noqa: E731
        name in file.excludes or layer.name in known.overlays[name].file.excludes
    )
    for index, name in enumerate(file.needs):
        if excluded(name):
            raise ProfileError(
                f"{layer.name} needs {name}, and one of the two excludes the other",
                where=source.value(("needs", index)),
                expected="one of the two",
            )
