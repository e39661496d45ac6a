"""Let one launch take settings as another gives them: what SGLang then makes of the whole.

What becomes of a setting doesn't tell whether it has an effect: SGLang 0.5.23 makes ``--dp-size`` 1
whatever it is, once it has made ``--attn-dp-size`` of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.plan.evaluate import Resolution, same_text
from dsv4_env.plan.given import Given, parser_defaults
from dsv4_env.plan.planning import Plan, Planner, planner_of
from dsv4_env.plan.replay import Reads, Replay, reads_of

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.model import LaunchConfig
    from dsv4_env.plan.platforms import Platform

Key: TypeAlias = tuple[str, str]
"""A setting: ``args`` and its field, or ``env`` and its name."""

_REFUSED: Key = ("launch", "refused")


def differing(
    one: Resolution, other: Resolution, catalogue: Catalogue, beside: Collection[Key] = ()
) -> set[Key]:
    """What isn't the same in two outcomes, beside some settings; what they're refused with, too."""
    found: set[Key] = set()
    if set(one.refused) != set(other.refused) or set(one.possible) != set(other.possible):
        found.add(_REFUSED)
    for section, left, right in (
        ("args", one.fields, other.fields),
        ("env", one.env, other.env),
    ):
        for name in {*left, *right}:
            x, y = left.get(name), right.get(name)
            if x == y or (section, name) in beside:
                continue
            if section == "args" or not same_text(catalogue, name, x, y):
                found.add((section, name))
    return found


@dataclass(slots=True)
class Exchange:
    """Two launches on one platform, each of which may take settings as the other gives them."""

    planners: tuple[Planner, Planner]
    replays: tuple[Replay, Replay]
    made: tuple[Resolution, Resolution]

    @property
    def given(self) -> tuple[Given, Given]:
        """What both are given."""
        one, two = self.planners
        return one.given, two.given

    def settings(self) -> list[Key]:
        """The settings that both are given otherwise, in a fixed order."""
        one, two = self.given
        fields = {*one.fields, *two.fields}
        found = [("args", n) for n in fields if one.fields.get(n) != two.fields.get(n)]
        left, right = _env(one), _env(two)
        found += [("env", n) for n in {*left, *right} if left.get(n) != right.get(n)]
        return sorted(found)

    def changed(
        self, keys: Collection[Key], beside: Collection[Key] = ()
    ) -> tuple[set[Key], Resolution | None]:
        """What comes out otherwise where one launch takes *keys* as the other gives them.

        Asked of the second launch, then of the first one: empty where both come out as before. With
        it is what SGLang makes of the second one, where it's that one that changes.
        """
        for mine, theirs in ((1, 0), (0, 1)):
            planner = self.planners[mine]
            fields, env = _with(planner.given, self.given[theirs], keys)
            tokens = [("set" if section == "args" else "env", name) for section, name in keys]
            made = planner.whole(self.replays[mine].again(fields, env, tokens))
            found = differing(self.made[mine], made, planner.catalogue, beside)
            if found:
                return found, made if mine else None
        return set(), None

    def is_read(self, name: str) -> bool:
        """Whether SGLang asks for a variable while it makes up its mind."""
        return any(("env", name) in reads for reads in self.replays[0].reads)


def exchange(
    one: LaunchConfig,
    other: LaunchConfig,
    catalogue: Catalogue,
    on: Platform,
    model: str | None,
    reads: Reads,
) -> Exchange:
    """Both launches on a platform; *model* where they give none, *reads* what each step reads."""
    left, right = (planner_of(side, catalogue, on, model) for side in (one, other))
    replays = left.replay(reads), right.replay(reads)
    made = (
        left.whole(_copied(replays[0].base.result)),
        right.whole(_copied(replays[1].base.result)),
    )
    return Exchange((left, right), replays, made)


def _copied(found: Resolution) -> Resolution:
    return replace(found, fields={**found.fields}, env={**found.env})


def ways_out(
    config: LaunchConfig, catalogue: Catalogue, on: Platform, model: str | None, plan: Plan
) -> dict[Key, tuple[str, ...]]:
    """Of each setting that a plan says is overwritten, what can be done about it.

    Only what leaves the launch as it is: none of both where SGLang makes other settings of what is
    given, or goes on from it.
    """
    overwritten = plan.having("overwritten")
    if not overwritten:
        return {}
    planner = planner_of(config, catalogue, on, model)
    replay = planner.replay(reads_of(planner.steps))
    made = planner.whole(_copied(replay.base.result))
    given = planner.given
    defaults = replace(given, fields=dict(parser_defaults(catalogue)), env={})
    final = replace(given, fields=made.fields, env=made.env, image={})
    ways = (("write that", final), ("remove it", defaults))
    found: dict[Key, tuple[str, ...]] = {}
    for setting in overwritten:
        key = (setting.section, setting.name)
        if setting.section == "args":
            match = catalogue.argument(setting.name)
            key = ("args", match.argument.dest if match and match.argument else setting.name)
        token = ("set" if key[0] == "args" else "env", key[1])
        again = ((way, replay.again(*_with(given, other, [key]), [token])) for way, other in ways)
        found[setting.section, setting.name] = tuple(
            way for way, other in again if not differing(made, planner.whole(other), catalogue)
        )
    return found


@dataclass(frozen=True, slots=True)
class Weighed:
    """Which settings make no difference: *alone*, or all of a group together (*groups*).

    *changes* has what each of the others changes, and what SGLang then makes of the second launch.
    """

    alone: frozenset[Key]
    groups: tuple[frozenset[Key], ...]
    changes: Mapping[Key, tuple[set[Key], Resolution | None]]


def weighed(both: Exchange, keys: Sequence[Key], beside: Collection[Key]) -> Weighed:
    """Which of these settings make no difference to the whole, whichever launch's value they have.

    *beside* are those whose own value needn't be the same, as nothing reads it.
    """
    alone = [k for k in keys if k[0] == "env" and not both.is_read(k[1])]
    changes: dict[Key, tuple[set[Key], Resolution | None]] = {}
    for key in (k for k in keys if k not in alone):
        changed = both.changed([*alone, key], beside)
        if changed[0]:
            changes[key] = changed
        else:
            alone.append(key)
    groups = [
        frozenset(group)
        for group in _linked({k: found for k, (found, _) in changes.items()})
        if len(group) > 1 and not both.changed([*alone, *group], beside)[0]
    ]
    return Weighed(frozenset(alone), tuple(groups), changes)


def _linked(changes: Mapping[Key, set[Key]]) -> list[list[Key]]:
    """The settings in groups of those that change the same: only they can make up for another."""
    groups: list[tuple[list[Key], set[Key]]] = []
    for key, changed in changes.items():
        mine, all_ = [key], {key, *changed}
        apart = []
        for keys, touched in groups:
            if touched.isdisjoint(all_):
                apart.append((keys, touched))
            else:
                mine, all_ = [*keys, *mine], touched | all_
        groups = [*apart, (mine, all_)]
    return [keys for keys, _ in groups]


def _env(given: Given) -> dict[str, object]:
    """The variables that the server starts with."""
    return {**given.image, **given.env}


def _with(
    mine: Given, theirs: Given, keys: Collection[Key]
) -> tuple[dict[str, object], dict[str, object]]:
    """The fields and variables of a launch, some of them as another one has them."""
    fields, env, others = dict(mine.fields), _env(mine), _env(theirs)
    for section, name in keys:
        table, source = (fields, theirs.fields) if section == "args" else (env, others)
        if name in source:
            table[name] = source[name]
        else:
            table.pop(name, None)
    return fields, env
