"""Layers put in order and merged, each value with the chain of layers that set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsv4_env.catalogue.releases import within
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.model import (
    EnvVar,
    LaunchConfig,
    Location,
    Origin,
    ServerArg,
    Value,
    outside,
    overridable,
    shipped_dir,
)
from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.profile.conditions import Situation, axis, holds, source_text, told
from dsv4_env.profile.layer import (
    Layer,
    LayerSetting,
    Merged,
    SettingKey,
    read_layer,
    read_local,
    respelled,
    spelled_flag,
    spelled_key,
    spelled_setting,
    twice,
    value_said,
)
from dsv4_env.profile.limits import within_limits
from dsv4_env.profile.lock import Contents, Entry
from dsv4_env.profile.possible import no_impossible
from dsv4_env.profile.profile import Profile, facts_of, image_of
from dsv4_env.profile.refusal import refusal
from dsv4_env.profile.schema import NESTED, TABLES, Default
from dsv4_env.profile.target import Spec, Target, Wanted, choose, products


def linearise(
    name: str, layers: Mapping[str, Layer], local: Mapping[str, Sequence[Layer]] | None = None
) -> list[Layer]:
    """The layers that *name* is made of, lowest first, each with those *local* ones over it.

    Raises ProfileError for a circle.
    """
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
            place = layer.source.value(("extends", index))
            if not layer.file.overlay and parent in layers and layers[parent].file.overlay:
                raise ProfileError(
                    f"{layer_name} extends {parent}, which is an overlay",
                    where=place,
                    expected=f"PROFILE+{parent} where the profile is named, or overlay = true",
                )
            visit(parent, place)
        path.pop()
        done.append(layer)
        done.extend((local or {}).get(layer_name, ()))

    visit(name, None)
    return done


def ancestors(
    order: Sequence[Layer], local: Mapping[str, Sequence[Layer]] | None = None
) -> dict[str, set[str]]:
    """For each layer of a linear order, the names of all layers below it.

    An overlay lies above all that is no overlay, and what is *local* above its layer and below all
    that extend that.
    """
    below: dict[str, set[str]] = {}
    over = {name: [layer.name for layer in found] for name, found in (local or {}).items()}
    under = {name: base for base, names in over.items() for name in names}
    overlays = {layer.name for layer in order if layer.file.overlay}
    plain = {o.name for o in order if under.get(o.name, o.name) not in overlays}
    for layer in order:
        base = under.get(layer.name)
        if base is None:
            parents = layer.file.extends
            found = set(parents).union(*(below[p] for p in parents))
            found |= {name for p in {*found} for name in over.get(p, ())}
        else:
            found = {base, *below[base], *over[base][: over[base].index(layer.name)]}
        if layer.name in overlays:
            found |= plain
        below[layer.name] = found
    return below


def merge_layers(
    order: Sequence[Layer],
    now: Situation,
    local: Mapping[str, Sequence[Layer]] | None = None,
) -> dict[SettingKey, Merged]:
    """What layers (lowest first) make of each key, in the order of who first sets it.

    Raises ProfileError where a layer unsets what none below it ever sets, where two layers that
    don't extend each other disagree, and where two blocks of a layer do. A block with an overlay
    among its conditions lies over that overlay, where its layer is one.
    """
    below = ancestors(order, local)
    setters: dict[SettingKey, list[tuple[Layer, LayerSetting]]] = {}
    sources = {
        layer.name: [
            o.file.source
            for o in reversed(order[: i + 1])
            if o.name in {layer.name, *below[layer.name]}
        ]
        for i, layer in enumerate(order)
    }
    said = {layer.name: layer.settings(now) for layer in order}
    apart = {key for each in said.values() for key in twice(each, now.sglang)}
    for layer in order:
        for key, given in respelled(said[layer.name], now.sglang, apart).items():
            earlier = setters.setdefault(key, [])
            visible = [s for s in earlier if s[0].name in below[layer.name]]
            if given.value is None and not any(g.value is not None for _, g in visible):
                names = _under(layer, given, below)
                lower = [o for o in order if o.name in names and o is not layer]
                _expect_set(key, given, layer, lower, now)
            earlier.append((layer, given))
    merged: dict[SettingKey, Merged] = {}
    for key, found in setters.items():
        highest = _agree(key, found, below, order[-1])
        found = [*(s for s in found if s is not highest), highest]
        origin: Origin | None = None
        for layer, given in found:
            text = None if given.value is None else spelled_setting(given.value)
            tables = [given.source] if given.source else []
            source = source_text(*tables, *sources[layer.name])
            origin = Origin(layer.name, given.location, text, origin, given.when, source)
        if origin is not None:
            merged[key] = Merged(found[-1][1].value, origin)
    return merged


def _expect_set(
    key: SettingKey, given: LayerSetting, layer: Layer, lower: Sequence[Layer], now: Situation
) -> None:
    """Raise ProfileError where a layer takes away what none below it, or itself, ever sets."""
    every = {k for each in (layer, *lower) for k in each.sets()}
    every |= {spelled_key(k, now.sglang) for k in every}
    if key in every:
        return
    section, name = key
    known = [n for (s, n) in every if s == section]
    raise ProfileError(
        f"layer {layer.name} unsets {name}, which no layer below it sets",
        where=given.location,
        expected="a setting of " + (", ".join(layer.file.extends) or "a lower layer"),
        hint=did_you_mean(name, known),
    )


def _under(layer: Layer, given: LayerSetting, below: Mapping[str, set[str]]) -> set[str]:
    """The names of the layers below one, and of the overlays that the block asks for."""
    if not given.over:
        return below[layer.name]
    return {*below[layer.name], *given.over}.union(*(below.get(n, ()) for n in given.over))


def _agree(
    key: SettingKey,
    found: list[tuple[Layer, LayerSetting]],
    below: Mapping[str, set[str]],
    top: Layer,
) -> tuple[Layer, LayerSetting]:
    """What counts of all that is said of one key. Raises ProfileError where layers disagree.

    A layer lies over those that it extends; a block that asks for an overlay, over that one.
    """
    lower = [
        _under(layer, given, below) if layer.file.overlay else below[layer.name]
        for layer, given in found
    ]
    highest = [
        one
        for i, one in enumerate(found)
        if not any(one[0].name in names for j, names in enumerate(lower) if j != i)
    ]
    if not highest:  # two that each settle the other
        highest = found
    layer, given = highest[-1]
    for other, others in highest[:-1]:
        if others.value != given.value:
            taken = layer.file.overlay and other.file.overlay
            raise ProfileError(
                f"layers {other.name} and {layer.name} disagree on {key[1]}: "
                f"{value_said(key[1], others.value)} at {others.location}, "
                f"{value_said(key[1], given.value)} at {given.location}",
                where=given.location if taken else top.source.key(("extends",)),
                expected="one of the two, or a layer above both that settles it"
                if taken
                else f"them to agree, or {top.name} to set {key[1]} itself",
            )
    return highest[-1]


class Layers:
    """The layers of some folders, and every profile that they make."""

    def __init__(
        self,
        files: Mapping[str, Path],
        data: Mapping[str, bytes],
        local: Mapping[str, Sequence[Path]] | None = None,
    ) -> None:
        """Read them; *data* stands for what is in their files, *local* lies over them here.

        Raises ProfileError.
        """
        self.all = {name: read_layer(path, data.get(name)) for name, path in files.items()}
        self._local = {
            name: [read_local(name, path, i) for i, path in enumerate(paths)]
            for name, paths in (local or {}).items()
        }
        self._orders = {name: linearise(name, self.all, self._local) for name in self.all}

    @property
    def names(self) -> list[str]:
        """The layers that are profiles by themselves."""
        files = ((name, layer.file) for name, layer in self.all.items())
        return [name for name, file in files if not (file.abstract or file.overlay)]

    @property
    def overlays(self) -> list[str]:
        """The layers that any profile can take."""
        return [n for n, layer in self.all.items() if layer.file.overlay]

    def possible(self) -> None:
        """Raise ProfileError for a condition that never holds, where all layers are known."""
        no_impossible(self.all, [layer for found in self._local.values() for layer in found])

    def check(self) -> None:
        """Resolve every abstract layer as it usually is. Raises ProfileError where one is wrong."""
        self.possible()
        for name, order in self._orders.items():
            file = self.all[name].file
            if file.abstract and not file.overlay:
                rows = self.rows(name)
                target = rows[0] if rows else Target()
                merge_layers(order, self.situation(order, target, newest(None)), self._local)

    def order(self, spec: Spec) -> list[Layer]:
        """The layers that a profile with overlays is made of, lowest first."""
        found = list(self._orders[spec.base])
        for name in self._taken(spec):
            found += [layer for layer in self._orders[name] if layer not in found]
        return found

    def lineage(self, name: str) -> list[str]:
        """The layers that a layer is made of, lowest first, by their names."""
        return [layer.name for layer in self._orders[name]]

    def _taken(self, spec: Spec) -> list[str]:
        """The overlays in the order in which they are laid. Raises ProfileError."""
        known = self.overlays
        for name in spec.overlays:
            if name not in known:
                what = f"{name!r} is no overlay" if name in self.all else f"no overlay {name!r}"
                raise ProfileError(
                    f"{what}: {spec}",
                    expected="one of " + ", ".join(known) if known else "none",
                    hint=did_you_mean(name, known),
                )
        for name in spec.overlays:
            file = self.all[name].file
            for other in file.excludes:
                if other in spec.overlays:
                    raise ProfileError(
                        f"{name} and {other} exclude each other",
                        where=self.all[name].source.key(("excludes",)),
                        expected=f"{spec.base} with one of the two",
                    )
            for other in file.needs:
                if other not in spec.overlays:
                    raise ProfileError(
                        f"{name} needs {other}",
                        where=self.all[name].source.key(("needs",)),
                        expected="+".join((spec.base, *sorted({*spec.overlays, other}))),
                    )
        left = sorted(spec.overlays, key=lambda n: (len(self._orders[n]), n))
        found: list[str] = []
        while left:  # one that settles what another one says comes behind it
            first = next((n for n in left if not self._settled(n) & {*left} - {n}), left[0])
            left.remove(first)
            found.append(first)
        return found

    def _settled(self, name: str) -> set[str]:
        """The overlays that blocks of this one ask for."""
        return {other for block in self.all[name].file.when for other in block.with_ or ()}

    def rows(self, name: str) -> list[Target]:
        """The targets of a profile: its own first, then those of the layers below."""
        order = self._orders[name]
        axes = [layer.file.axes for layer in order]
        model, precision = axis(axes, "model"), axis(axes, "precision")
        return [
            target
            for layer in reversed(order)
            for row in layer.file.targets
            if (row.model is None or model in row.model)
            and (row.precision is None or precision in row.precision)
            for target in products(
                row.hardware,
                row.strategy or layer.file.only.strategy,
                row.nodes,
                row.role,
                row.with_ or (),
                verified=row.verified,
            )
        ]

    def roles(self, spec: Spec) -> set[str]:
        """The roles that the layers of a profile say something of."""
        blocks = (block for layer in self.order(spec) for block in layer.file.when)
        return {role for block in blocks for role in block.role or ()}

    def situation(self, order: Sequence[Layer], target: Target, sglang: str) -> Situation:
        """All that the blocks of some layers may ask of."""
        axes = [layer.file.axes for layer in order]
        return Situation(target, sglang, axis(axes, "model"), axis(axes, "precision"))

    def _for(self, spec: Spec, now: Situation) -> None:
        """Raise ProfileError where an overlay isn't for the target."""
        for name in spec.overlays:
            only = self.all[name].file.only
            if not holds(only, now):
                raise ProfileError(
                    f"{name} isn't for {now.target} on SGLang {now.sglang}",
                    where=self.all[name].source.key(("only",)),
                    expected=f"it with {told(only)}",
                )

    def profile(self, spec: Spec, target: Target, sglang: str | None = None) -> Profile:
        """A profile for a target and a release, the newest that it knows without one."""
        order = self.order(spec)
        release = self._release(order) if sglang is None else sglang
        now = self.situation(order, target, release)
        self._for(spec, now)
        merged = merge_layers(order, now, self._local)
        within_limits(str(spec), order, merged, now, spelled_key)
        return _profile(spec, self.all[spec.base], order, merged, now)

    def usual(self, name: str, sglang: str | None = None) -> Profile:
        """A profile for the target that stands first."""
        return self.profile(Spec(name), choose(name, self.rows(name), Wanted(), ()), sglang)

    def merged(self, spec: Spec, target: Target, sglang: str) -> dict[SettingKey, Merged]:
        """What the layers of a profile make of each key."""
        order = self.order(spec)
        return merge_layers(order, self.situation(order, target, sglang), self._local)

    def _release(self, order: Sequence[Layer]) -> str:
        """The newest release that a profile knows."""
        ranges = [r for layer in order if (r := layer.file.sglang.range) is not None]
        return newest(ranges[-1] if ranges else None)

    def contents(self) -> Contents:
        """What a lock holds: profiles of the shipped folder for every target, others as usual."""
        self.check()
        shipped = all(Path(x.source.path).parent == shipped_dir() for x in self.all.values())
        entries = {name: [*self._entries(name, whole=shipped)] for name in self.names}
        overlays = {name: self.all[name].file.description for name in self.overlays}
        return Contents(entries, overlays, shipped)

    def _entries(self, name: str, *, whole: bool) -> Iterator[Entry]:
        rows = self.rows(name) or [Target()]
        if not whole:
            rows = rows[:1]
        for row in rows:
            spec = Spec(name, row.overlays)
            found = self.profile(spec, row)
            same = [r for r in RELEASES if _alike(found, self.profile(spec, row, r))]
            yield Entry(replace(found, refused=refusal(found) or ""), tuple(same))


def _alike(a: Profile, b: Profile) -> bool:
    """Whether two profiles are the same but for their release."""
    return a == replace(b, sglang=a.sglang)


def newest(range_: str | None) -> str:
    """The newest known release within a range; of all where none is, or without one."""
    known = within(range_) if range_ else RELEASES
    return known[-1] if known else RELEASES[-1]


def resolve_layers(
    files: Mapping[str, Path],
    data: Mapping[str, bytes],
    sglang: str | None = None,
    local: Mapping[str, Sequence[Path]] | None = None,
) -> dict[str, Profile]:
    """Every profile by name, as it usually is, read and merged from *files*.

    *data* stands for what is in them. Raises ProfileError where a layer is wrong, an abstract one
    too.
    """
    layers = Layers(files, data, local)
    layers.check()
    return {name: layers.usual(name, sglang) for name in layers.names}


def _profile(
    spec: Spec,
    own: Layer,
    order: Sequence[Layer],
    merged: Mapping[SettingKey, Merged],
    now: Situation,
) -> Profile:
    """The profile that layers are, of what they make of each key."""
    env: list[EnvVar] = []
    args: list[ServerArg] = []
    for (section, name), m in merged.items():
        if section == "env" and m.value is not None:
            env.append(EnvVar(name, _value(name, m), m.origin))
        elif section == "args" and m.value is not None:
            flag = spelled_flag(name, now.sglang)
            args += [ServerArg(flag, tuple(words), m.origin) for words in m.value]
    named = merged.get(("launch", "argument-order"))
    if named is not None and named.value is not None:
        args = _ordered(args, [spelled_flag(name, now.sglang) for name in named.value])
    tables: dict[str, dict[str, Any]] = {}
    for section, keys in TABLES.items():
        found = {k: merged[section, k].value for k in keys if (section, k) in merged}
        tables[section] = {k: value for k, value in found.items() if value is not None}
        for inner in NESTED:
            if inner.partition(".")[0] == section:
                tables[inner] = {k: m.value for (s, k), m in merged.items() if s == inner}
    data = {section: table for section, table in tables.items() if table}
    where, image = Location(own.source.path, 1, 1), image_of(data)
    origins = {k: m.origin for k, m in merged.items() if k[0] in TABLES or k[0] in NESTED}
    facts = facts_of(data, origins, now.target.hardware)
    config = LaunchConfig(
        str(spec), "profile", tuple(env), tuple(args), location=where, image=image, facts=facts
    )
    return Profile(
        str(spec),
        own.file.description,
        tuple(layer.name for layer in order),
        config,
        data,
        origins,
        now.sglang,
        now.target,
    )


def _ordered(args: Sequence[ServerArg], order: Sequence[str]) -> list[ServerArg]:
    """Arguments in the order of their flags; one that isn't named stays behind the one before."""
    ranks = {flag: rank for rank, flag in enumerate(order)}
    at = -1
    keyed: list[tuple[int, int, ServerArg]] = []
    for place, arg in enumerate(args):
        at = ranks.get(arg.flag or "", at)
        keyed.append((at, place, arg))
    return [arg for _, _, arg in sorted(keyed, key=lambda k: k[:2])]


def _value(name: str, m: Merged) -> Value:
    if isinstance(m.value, str):
        return m.value
    if isinstance(m.value, Default):
        return overridable(name, m.value.value, m.origin.location)
    return outside(name, m.origin.location)
