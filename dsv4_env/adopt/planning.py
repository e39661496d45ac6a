"""What adopting launches comes to: layers, and for each launch the profile that it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from dsv4_env.adopt.carried import ORDER, Carried, Held, Key, LeftOut, carried, held_by
from dsv4_env.adopt.compositions import NEAR, Composition, Compositions
from dsv4_env.adopt.layers import NewLayer
from dsv4_env.adopt.names import MODELS, PRECISIONS, Name, Words, names, shared_words
from dsv4_env.adopt.rules import Column, Member, RuleCondition, Rules, Ruling
from dsv4_env.drift.family import family_names, is_of_family
from dsv4_env.drift.nearest import model_of
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.model.hardware import canonical, cards_in, ci_vendor, makers_in
from dsv4_env.profile import Wanted
from dsv4_env.profile.target import Spec

_AXES = dict.fromkeys(MODELS, "model") | dict.fromkeys(PRECISIONS, "precision")


@dataclass(frozen=True, slots=True)
class Source:
    """A launch that is adopted: the *path* of its file from the root, and its number there."""

    path: str
    number: int
    launch: LaunchConfig

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return f"{self.path}::{self.launch.symbol}" if self.launch.symbol else self.path


@dataclass(frozen=True, slots=True)
class Adopted:
    """A launch and the profile that it becomes."""

    source: Source
    carried: Carried
    composition: Composition


@dataclass(slots=True)
class Adoption:
    """All of it: *layers* are new ones by their names, for the release *sglang*.

    *pinned*: another release would make other launches of them, so that tests name this one.
    """

    adopted: list[Adopted] = field(default_factory=list)
    layers: dict[str, NewLayer] = field(default_factory=dict)
    sglang: str = ""
    pinned: bool = False
    compositions: Compositions | None = None

    @property
    def left(self) -> list[tuple[Source, LeftOut]]:
        """What no profile can hold, with the launch that has it."""
        return [(a.source, left) for a in self.adopted for left in a.carried.left]

    def texts(self, schema: str | None = None) -> dict[str, bytes]:
        """The new layers as TOML."""
        return {name: layer.text(schema).encode() for name, layer in self.layers.items()}


@dataclass(frozen=True, slots=True)
class Wish:
    """How it is to be done.

    *folder* is where the new layers go, *over* the profile or layer that all extend (None: what is
    near; with *from_nothing* nothing), *on* the hardware, *prefix* what new names begin with.
    """

    folder: Path
    sglang: str
    over: str | None = None
    from_nothing: bool = False
    on: str | None = None
    prefix: str | None = None


def adopt(sources: Sequence[Source], wish: Wish) -> Adoption:
    """The layers and profiles of some launches. Raises UsageError where that can't be."""
    own = wish.folder if wish.folder.is_dir() else None
    known = Compositions(own, wish.sglang)
    hardware = canonical(wish.on) if wish.on else hardware_of(sources)
    vendor = ci_vendor(hardware)
    held = [carried(s.launch, wish.sglang, vendor) for s in sources]
    found = Adoption(sglang=wish.sglang)
    root = None
    if wish.over is not None and wish.over in known.layers.all:
        file = known.layers.all[wish.over].file
        if file.overlay:
            raise UsageError(
                f"--over {wish.over}: it is an overlay",
                expected="a profile, or a layer that profiles extend",
            )
        root = wish.over if file.abstract else None
        known.bases = () if file.abstract else (wish.over,)
    elif wish.over is not None:
        raise UsageError(
            f"--over {wish.over}: there is no such profile or layer",
            expected="one of " + ", ".join(sorted(known.layers.all)),
            hint=did_you_mean(wish.over, known.layers.all),
        )
    alone = wish.from_nothing or root is not None
    family = family_names(p.default_model_path for p in known.profiles())
    near = [
        _near(known, s, c, wish)
        if not alone and (known.bases or _may_be(s.launch, family))
        else None
        for s, c in zip(sources, held, strict=True)
    ]
    alike = _alike(sources, held)
    first = sorted(set(alike))
    over = [i for i in first if (n := near[i]) is not None and (n[1] >= NEAR or known.bases)]
    apart = [i for i in first if i not in over]
    named = names([(sources[i].path, sources[i].launch) for i in first])
    called = [named[first.index(i)] for i in alike]
    made: dict[int, Composition] = {}
    if over:
        starts = [n[0] for i in over if (n := near[i]) is not None]
        work = _Over(wish, known, *_some(over, sources, held, called), starts)
        made |= dict(zip(over, work.compose(found), strict=True))
    if apart:
        tree = _Tree(wish, known, *_some(apart, sources, held, called), root, hardware)
        made |= dict(zip(apart, tree.compose(found), strict=True))
    for i, source in enumerate(sources):
        found.adopted.append(Adopted(source, held[i], made[alike[i]]))
    found.compositions = _with(wish, found)
    _proved(found)
    return found


def _may_be(launch: LaunchConfig, family: re.Pattern[str]) -> bool:
    """Whether a launch may be of a model that profiles are for: it is, or it says no model."""
    return model_of(launch) is None or is_of_family(launch, family)


def _alike(sources: Sequence[Source], held: Sequence[Carried]) -> list[int]:
    """For each launch the first of its file that is alike, whose profile it has, too."""
    found: list[int] = []
    for i, source in enumerate(sources):
        same = (
            j for j in range(i)
            if sources[j].path == source.path and held[j].settings == held[i].settings
        )  # fmt: skip
        found.append(next(same, i))
    return found


def _some(
    numbers: Sequence[int],
    sources: Sequence[Source],
    held: Sequence[Carried],
    called: Sequence[Name],
) -> tuple[list[Source], list[Carried], list[Name]]:
    """Those of some numbers."""
    return [sources[i] for i in numbers], [held[i] for i in numbers], [called[i] for i in numbers]


def _with(wish: Wish, found: Adoption) -> Compositions:
    """What can be composed with the new layers."""
    own = wish.folder if wish.folder.is_dir() else None
    return Compositions(own, wish.sglang, (), found.texts(), wish.folder)


def _proved(found: Adoption) -> None:
    """Resolve every launch's profile and hold it to the launch. Raises UsageError."""
    known = found.compositions
    assert known is not None
    for i, adopted in enumerate(found.adopted):
        composition = adopted.composition
        again = known.named(composition.spec, composition.wanted)
        found.adopted[i] = replace(adopted, composition=again)
        wrong = adopted.carried.otherwise(held_by(again.profile))
        if wrong:
            raise UsageError(
                f"{again.name} can't be made to be this launch: {wrong[0][1]} differs",
                where=adopted.source.launch.location,
                expected="a launch that a profile can be, or --from-nothing",
            )


def _near(
    known: Compositions, source: Source, held: Carried, wish: Wish
) -> tuple[Composition, float] | None:
    """The nearest composition for the hardware that a launch is for, else for any."""
    on = canonical(wish.on) if wish.on else hardware_of([source])
    if on is not None:
        wanted = Wanted(on=on, role=source.launch.role_of_several)
        found = known.nearest(held, wanted, source.path)
        if found is not None and (wish.on or found[1] >= NEAR):
            return found
    return known.nearest(held, path=source.path)


def hardware_of(sources: Sequence[Source]) -> str | None:
    """The one accelerator that the suites, else the paths, of all launches name."""
    for texts in (
        [str(f.value) for s in sources for f in s.launch.facts if f.key == "suite"],
        [s.path for s in sources],
    ):
        said = cards_in(texts) or makers_in(texts)
        if len(said) == 1:
            return said.pop()
    return None


@dataclass(slots=True)
class _Work:
    """Some launches that become profiles in one way."""

    wish: Wish
    known: Compositions
    sources: Sequence[Source]
    held: Sequence[Carried]
    names: Sequence[Name]

    def _keys(self, more: Iterable[Key] = ()) -> list[Key]:
        """All keys, in the order in which the launches give them."""
        found = dict.fromkeys(k for c in self.held for k in c.settings)
        return [*found, *(k for k in more if k not in found)]

    def _free(self, found: Adoption, wanted: str) -> str:
        """A name for a layer that no other has."""
        taken = {*self.known.files, *found.layers}
        number, name = 2, wanted
        while name in taken:
            name, number = f"{wanted}-{number}", number + 1
        return name

    def _orders(self, made: Sequence[Composition]) -> Column | None:
        """The order of flags that each launch has to be given; None where all have theirs."""
        wrong = [
            tuple(dict.fromkeys(a.flag for a in c.profile.config.args or ())) != held.order
            for c, held in zip(made, self.held, strict=True)
        ]
        if not any(wrong):
            return None
        every = merged_orders([h.order for h in self.held])
        told = list(zip(wrong, every, self.held, strict=True))
        # What has its order already stays apart from what is given the joined one.
        values = [order if bad else held.order for bad, order, held in told]
        below = [None if bad else held.order for bad, _, held in told]
        return Column(values, below)

    def _add(
        self, layer: NewLayer, when: Mapping[str, Sequence[str]], key: Key, value: Held | None
    ) -> None:
        kept = {k: v for k, v in when.items() if v}
        (layer.block(kept) if kept else layer).settings[key] = value


@dataclass(slots=True)
class _Over(_Work):
    """Launches that are near to a profile: one overlay holds what they have otherwise."""

    starts: Sequence[Composition] = ()
    extra: list[str] = field(default_factory=list)
    shared: str = ""
    members: list[Member] = field(default_factory=list)
    taking: set[int] = field(default_factory=set)  # whom the shared overlay says something of

    def compose(self, found: Adoption) -> list[Composition]:
        """The compositions, with the overlays that are made for them."""
        words = shared_words([s.path for s in self.sources])
        self.shared = self._free(found, self.wish.prefix or "-".join(words))
        self.extra = self._extras(found)
        self.members = [self._member(i) for i in range(len(self.starts))]
        ruling = Ruling(self.members)
        self._emit(found, ruling.rules(self._columns()))
        known = _with(self.wish, found)
        made = self._made(known)
        orders = self._orders(made)
        if orders is not None:
            setters = [known.setters(c).get(ORDER, frozenset()) for c in made]
            own = {self.shared, *self.extra}
            orders = replace(orders, setters=[s - own for s in setters])
            self._emit(found, ruling.rules({ORDER: orders}))
            made = self._made(_with(self.wish, found))
        return made

    def _extras(self, found: Adoption) -> list[str]:
        """An overlay for each launch that is composed as another one, and differs from it."""
        seen: dict[tuple[Spec, object], Carried] = {}
        extra = []
        for name, held, start in zip(self.names, self.held, self.starts, strict=True):
            first = seen.setdefault((start.spec, start.target), held)
            alike = first.settings == held.settings and first.order == held.order
            known = {w for n in (start.spec.base, *start.spec.overlays) for w in n.split("-")}
            more = [w for words in (name.base, *name.overlays) for w in words if w not in known]
            called = "-".join(more) or "-".join(name.base)
            extra.append("" if alike else self._free(found, called))
            if extra[-1]:
                layer = NewLayer(
                    extra[-1], f"What {self.sources[len(extra) - 1].path} has", kind="overlay"
                )
                found.layers[extra[-1]] = layer
        return extra

    def _member(self, i: int) -> Member:
        axes = self.known.axes(self.starts[i])
        overlays = {*self.starts[i].spec.overlays, *filter(None, [self.extra[i]])}
        return Member(frozenset(f"{k}={v}" for k, v in axes.items() if v), frozenset(overlays))

    def _columns(self) -> dict[Key, Column]:
        below = [held_by(c.profile) for c in self.starts]
        setters = [self.known.setters(c) for c in self.starts]
        found: dict[Key, Column] = {}
        for key in self._keys(k for b in below for k in b.settings):
            values: list[Held | None] = []
            under: list[Held | None] = []
            for held, lower in zip(self.held, below, strict=True):
                now = lower.settings.get(key)
                values.append(held.settings.get(key) if held.says(key) else now)
                under.append(now)
            if values != under:
                found[key] = Column(values, under, [s.get(key, frozenset()) for s in setters])
        return found

    def _emit(self, found: Adoption, rules: Rules) -> None:
        for condition in sorted(rules):
            owner = next((o for o in condition.with_ if o in self.extra), self.shared)
            if owner not in found.layers:
                what = "What the launches of this folder have otherwise"
                found.layers[owner] = NewLayer(owner, what, kind="overlay")
            if owner == self.shared:
                self.taking |= {i for i, m in enumerate(self.members) if condition.fits(m)}
            when: dict[str, list[str]] = {}
            for word in condition.of:
                axis, _, value = word.partition("=")
                when.setdefault(axis, []).append(value)
            when["with"] = [o for o in condition.with_ if o != owner]
            when["without"] = list(condition.without)
            for key, held in rules[condition].items():
                self._add(found.layers[owner], when, key, held)

    def _made(self, known: Compositions) -> list[Composition]:
        """Each launch's composition with the overlays that say something of it."""
        result = []
        for i, start in enumerate(self.starts):
            more = [self.extra[i]] if self.extra[i] else []
            more += [self.shared] if i in self.taking else []
            overlays = tuple(sorted({*start.spec.overlays, *more}))
            target = replace(start.target, overlays=overlays, verified=False)
            result.append(known.composed(Spec(start.spec.base, overlays), target))
        return result


@dataclass(slots=True)
class _Tree(_Work):
    """Launches that become layers of their own, over one layer or over nothing."""

    root: str | None = None
    hardware: str | None = None
    called: dict[Words, str] = field(default_factory=dict)

    def compose(self, found: Adoption) -> list[Composition]:
        """The compositions of the layers that are made for them."""
        rules = self._rules(self._columns())
        self._skeleton(found, rules)
        self._emit(found, rules)
        made = self._made(found)
        orders = self._orders(made)
        if orders is not None:
            every: list[Held | None] = [*merged_orders([h.order for h in self.held])]
            self._emit(found, self._rules({ORDER: every}))
            made = self._made(found)
        return made

    def _columns(self) -> dict[Key, list[Held | None]]:
        """The values of every key; None where a launch hasn't it."""
        return {
            key: [h.settings.get(key) for h in self.held]
            for key in self._keys(self._root_settings())
        }

    def _rules(self, columns: Mapping[Key, list[Held | None]]) -> Rules:
        """The rules of all profiles, and those of what overlays change of them."""
        lower = self._root_settings()
        plain = [i for i, n in enumerate(self.names) if not n.overlays]
        at = {self.names[i].base: k for k, i in enumerate(plain)}
        profiles: dict[Key, Column] = {}
        overlays: dict[Key, Column] = {}
        for key, every in columns.items():
            setting = key[0] in ("env", "args")  # nothing else can be taken away again
            values = [every[i] for i in plain]
            free = len(plain) > 1 and (setting or None not in values)
            profiles[key] = Column(values, [lower.get(key)] * len(plain), (), free)
            below = [values[at[n.base]] for n in self.names]
            given = [
                v if v is not None or setting else b for v, b in zip(every, below, strict=True)
            ]
            if given != below:
                overlays[key] = Column(given, below)
        found = Ruling([Member(self.names[i].of, frozenset()) for i in plain]).rules(profiles)
        more = Ruling([Member(n.of, n.taken) for n in self.names]).rules(overlays)
        for condition, settings in more.items():
            found.setdefault(condition, {}).update(settings)
        return found

    def _root_settings(self) -> dict[Key, Held]:
        """What the layer that all extend gives."""
        if self.root is None:
            return {}
        rows = self.known.layers.rows(self.root)
        fitting = [r for r in rows if self.hardware in (None, r.hardware)] or rows
        spec = Spec(self.root)
        composition = self.known.at(spec, fitting[0]) if fitting else None
        found = composition or self.known.named(spec, Wanted())
        return {k: v for k, v in held_by(found.profile).settings.items() if k != ORDER}

    def _skeleton(self, found: Adoption, rules: Rules) -> None:
        """The layers without their settings: what all share, a word's, profiles and overlays."""
        words = sorted({w for n in self.names for w in n.base})
        users = {w: [n.base for n in dict.fromkeys(self.names) if w in n.base] for w in words}
        bases = list(dict.fromkeys(n.base for n in self.names))
        shared = {w for w in words if len(dict.fromkeys(users[w])) > 1 and len(bases) > 2}
        said = {c.of[0] for c in rules if len(c.of) == 1 and not c.with_}
        layers = [(w,) for w in words if w in shared & said]
        overlays = sorted({o for n in self.names for o in n.overlays})
        prefix = self._prefix(found, [*layers, *bases, *overlays])
        top = None
        if len(bases) > 1:
            folder = self.wish.prefix or "-".join(shared_words([s.path for s in self.sources]))
            top = self._free(found, f"{folder}-shared" if prefix else folder)
            self.called[()] = top
            extends = (self.root,) if self.root else ()
            found.layers[top] = NewLayer(
                top, f"What all launches of {folder} share", extends, "abstract"
            )
        for layer in layers:
            name = self._free(found, prefix + "-".join(layer))
            self.called[layer] = name
            found.layers[name] = NewLayer(
                name, f"What {' '.join(layer)} adds", tuple(filter(None, [top])), "abstract"
            )
        for base in bases:
            name = self._free(found, prefix + "-".join(base))
            below = [self.called[(w,)] for w in base if (w,) in self.called]
            below = below or [b for b in (top or self.root,) if b]
            self.called[base] = name
            axes = {_AXES[w]: w for w in base if w in _AXES}
            path = next(
                (s.path for s, n in zip(self.sources, self.names, strict=True) if n == Name(base)),
                "",
            )
            found.layers[name] = NewLayer(name, path or " ".join(base), tuple(below), axes=axes)
        for overlay in overlays:
            name = self._free(found, prefix + "-".join(overlay))
            self.called["+", *overlay] = name
            found.layers[name] = NewLayer(name, f"What {'-'.join(overlay)} adds", kind="overlay")
        if self.hardware and not self.root:
            target = ({"hardware": self.hardware, "strategy": "ci"},)
            for name in [top] if top else [self.called[b] for b in bases]:
                found.layers[name].targets = target

    def _prefix(self, found: Adoption, wanted: Sequence[Words]) -> str:
        if self.wish.prefix:
            return f"{self.wish.prefix}-"
        taken = {*self.known.files, *found.layers}
        clash = any("-".join(words) in taken for words in wanted)
        return "-".join(shared_words([s.path for s in self.sources])) + "-" if clash else ""

    def _emit(self, found: Adoption, rules: Rules) -> None:
        for condition in sorted(rules):
            when = {
                "with": [self.called["+", *o.split("-")] for o in condition.with_],
                "without": [self.called["+", *o.split("-")] for o in condition.without],
            }
            for layer, more in self._owners(found, condition):
                rest = {k: [v for v in vs if v != layer.name] for k, vs in (when | more).items()}
                for key, value in rules[condition].items():
                    self._add(layer, rest, key, value)

    def _owners(
        self, found: Adoption, condition: RuleCondition
    ) -> list[tuple[NewLayer, dict[str, list[str]]]]:
        """The layers that a rule stands in, with the conditions that are left of its words."""
        if condition.with_ and all(w in _AXES for w in condition.of):
            overlay = self.called["+", *condition.with_[-1].split("-")]
            return [(found.layers[overlay], {_AXES[w]: [w] for w in condition.of})]
        if not condition.of and () in self.called:
            return [(found.layers[self.called[()]], {})]
        if (
            len(condition.of) == 1
            and condition.of in self.called
            and found.layers[self.called[condition.of]].kind
        ):
            return [(found.layers[self.called[condition.of]], {})]
        bases = [n.base for n in self.names if n.of.issuperset(condition.of)]
        return [(found.layers[self.called[b]], {}) for b in dict.fromkeys(bases)]

    def _made(self, found: Adoption) -> list[Composition]:
        known = _with(self.wish, found)
        result = []
        for name in self.names:
            overlays = tuple(sorted(self.called["+", *o] for o in name.overlays))
            result.append(known.named(Spec(self.called[name.base], overlays), Wanted()))
        return result


def merged_orders(orders: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """For each order one that holds for as many as can be: all that don't contradict the first."""
    edges: set[tuple[str, str]] = set()
    joined: list[int] = []
    rank: dict[str, int] = {}
    for i, order in enumerate(orders):
        more = edges | set(pairwise(order))
        if _sorted(more, rank) is not None:
            edges = more
            joined.append(i)
            for flag in order:
                rank.setdefault(flag, len(rank))
    alone = [o for i in joined if len(o := orders[i]) == 1]
    whole = _sorted(edges, rank) or ()
    whole = (*whole, *(f for o in alone for f in o if f not in whole))
    return [whole if i in joined else order for i, order in enumerate(orders)]


def _sorted(edges: set[tuple[str, str]], rank: Mapping[str, int]) -> tuple[str, ...] | None:
    """All flags in an order that the edges allow, as they first came; None for a circle."""
    graph: dict[str, set[str]] = {}
    for before, after in sorted(edges):
        graph.setdefault(before, set())
        graph.setdefault(after, set()).add(before)
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError:
        return None
    found: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=lambda f: (rank.get(f, 0), f))
        first = ready.pop(0)
        found.append(first)
        sorter.done(first)
    return tuple(found)
