"""What a profile needs on the way from one release of SGLang to another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dsv4_env.catalogue import SGLANG, Argument, Catalogue, history, load, owner, within
from dsv4_env.catalogue.arguments import arg_equals_default, given, invalid_arg
from dsv4_env.catalogue.removed import TAKES_OVER, instead
from dsv4_env.catalogue.semantics import equals_default, invalid, same_value
from dsv4_env.compare.equivalence import transformed
from dsv4_env.lint.advice import Action, Advice, Values
from dsv4_env.lint.settling import UpgradedLaunch, upgraded_launch
from dsv4_env.model import LaunchConfig, ServerArg, Value, text_of
from dsv4_env.model.secrets import masked
from dsv4_env.plan.dormant import elsewhere
from dsv4_env.plan.platforms import Platform
from dsv4_env.profile import Profile

# The model itself, and the parts that came with it: hyper-connections, its indexer and compressor.
_FAMILY = re.compile(
    r"DSV4|DPSK|DEEPSEEK|(?<![A-Z])M?HC_|FLASHMLA|INDEXER|COMPRESS|MEGA_?MOE", re.IGNORECASE
)


def advise(
    profile: Profile,
    before: Catalogue,
    after: Catalogue,
    *,
    every: bool = False,
    on: Platform | None = None,
) -> list[Advice]:
    """What to rename, drop, change, set or decide so that the profile means the same on *after*.

    Of the defaults that moved it lists those that concern DeepSeek-V4, by their names (DSV4, MHC,
    INDEXER …) or the files that read them; with *every*, all of SGLang's own. What *after* does
    by itself on the profile's hardware, or on *on*, is dropped or not told.
    """
    target = upgraded_launch(profile, before, after, on)
    found = [*_variables(profile, before, after), *_flags(profile, before, after, target)]
    settled = {a.name for a in found}
    if not _is_there(profile, before, after):
        moved = _defaults(profile, before, after, every=every)
        places = target.places if target is not None else ()
        found += [
            a
            for a in moved
            if a.name not in settled and not (places and elsewhere(after, a.name, places))
        ]
    if target is not None:
        found = target.settled(found)
    return sorted(found, key=lambda a: a.name.startswith("-"))


@dataclass(frozen=True, slots=True)
class GivenLaunch:
    """A launch of a file, with something in the place of each value that isn't known.

    *unknown* are the settings that have such a value: of these, names alone can be told.
    """

    config: LaunchConfig
    unknown: frozenset[str] = frozenset()

    @property
    def env(self) -> dict[str, str]:
        """The variables that count, as text."""
        return {n: text_of(e.value) or "" for n, e in self.config.effective_env.items()}

    def values(self, name: str) -> Values:
        """The occurrences of a setting, each the words after its name."""
        if not name.startswith("-"):
            return ((self.env[name],),) if name in self.env else ()
        given_ = (a.values for a in self.config.args or () if a.flag == name)
        return tuple(tuple(map(str, v)) for v in given_)


def with_stand_ins(config: LaunchConfig, before: Catalogue) -> GivenLaunch:
    """The launch with a value that the release takes for each that isn't known."""
    unknown: set[str] = set()

    def known(name: str, value: Value, usual: str) -> str:
        if text_of(value) is None:
            unknown.add(name)
        text = text_of(value)
        return usual if text is None else text

    env = []
    for e in config.env:
        variable = before.variable(e.name)
        usual = (variable.default if variable is not None else None) or "1"
        env.append(replace(e, value=known(e.name, e.value, usual)))
    args = []
    for a in config.args or ():
        match = before.argument(a.flag) if a.flag is not None else None
        argument = match.argument if match is not None else None
        usual = "1"
        if argument is not None:
            usual = argument.choices[0] if argument.choices else argument.default or "1"
        name = a.flag or ""
        args.append(replace(a, values=tuple(known(name, v, str(usual)) for v in a.values)))
    return GivenLaunch(replace(config, env=tuple(env), args=tuple(args)), frozenset(unknown))


def advise_launch(launch: GivenLaunch, before: Catalogue, after: Catalogue) -> list[Advice]:
    """What to rename, drop, change or decide of what a launch of a file gives.

    Defaults that moved are no part of it, nor is what *after* itself makes of the launch.
    """
    found = [*_variables(launch, before, after), *_flags(launch, before, after, None)]
    told = {a.name for a in found}
    found += [a for a in _abbreviations(launch, before, after) if a.name not in told]
    kept = []
    for a in found:
        if a.action is Action.DROP and not a.idle:  # something goes with it
            kept.append(replace(a, action=Action.DECIDE, reason=f"{a.reason}{_lost(a)}"))
            continue
        as_it_is = a.action is Action.RENAME and a.values == launch.values(a.name)
        if a.name not in launch.unknown or a.action is Action.DROP or as_it_is:
            kept.append(a)
        elif a.action is Action.DECIDE and invalid_values(launch, a.name, after):
            continue  # of a value that only stands for another
        else:
            reason = f"{a.reason}; its value isn't known"
            kept.append(Advice(Action.DECIDE, a.name, reason))
    return kept


def _lost(a: Advice) -> str:
    """What is to be thought of before a setting goes."""
    if a.name.startswith("-"):
        gone = "no longer has it" in a.reason
        return "; what it did is gone with it" if gone else ": another program may"
    said = "takes its place" in a.reason
    return "" if said else ", nor does any known release: something else may"


def invalid_values(launch: GivenLaunch, name: str, after: Catalogue) -> bool:
    """Whether a release takes the name of a setting, and not its value."""
    if name.startswith("-"):
        match = after.argument(name)
        known = match is not None and match.argument is not None
        return known and any(invalid_arg(after, [name, *w]) for w in launch.values(name))
    variable = after.variable(name)
    return variable is not None and any(invalid(variable, w) for (w,) in launch.values(name))


def _abbreviations(launch: GivenLaunch, before: Catalogue, after: Catalogue) -> Iterator[Advice]:
    """The flags that aren't written whole, and that the releases take for different ones."""
    for flag in dict.fromkeys(a.flag for a in launch.config.args or () if a.flag):
        match, was = after.argument(flag), before.argument(flag)
        if match is None or match.argument is None or not match.abbreviated:
            continue
        if was is not None and was.argument is not None and was.flag != match.flag:
            reason = f"{after.name} takes it for {match.flag}, {before.name} for {was.flag}"
            yield Advice(Action.DECIDE, flag, reason)


def runs_on(config: LaunchConfig, after: Catalogue) -> Catalogue:
    """The newest release before *after* whose parser has all flags of a launch; else the one
    that has most of them."""
    flags = tuple(dict.fromkeys(a.flag for a in config.args or () if a.flag))
    return load(_newest_with(flags, after.release))


@lru_cache(maxsize=512)
def _newest_with(flags: tuple[str, ...], after: str) -> str:
    best, most = after, -1
    for release in reversed(history.before(load(after))):
        catalogue = load(release)
        matches = map(catalogue.argument, flags)
        have = sum(m is not None and m.argument is not None for m in matches)
        if have > most:
            best, most = release, have
        if have == len(flags):
            break
    return best


def _is_there(profile: Profile, before: Catalogue, after: Catalogue) -> bool:
    """Whether a profile is for the target release already, so that no default moves for it."""
    range_ = profile.sglang_range
    if not range_:
        return before.release == after.release
    fits = within(range_)
    return after.release in fits and before.release not in fits


# Variables


def _variables(
    profile: Profile | GivenLaunch, before: Catalogue, after: Catalogue
) -> Iterator[Advice]:
    for name, value in profile.env.items():
        if owner(name) != SGLANG and name not in after.variables:
            continue
        said = history.renamed(after, name)
        if said is not None and said.new != name:
            yield _rename(name, value, said, profile, before, after)
            continue
        there = after.variable(name)
        if not history.knows(after, name):
            if owner(name) != SGLANG:
                continue
            if history.knows(before, name):
                reason = f"{_since(name, before, after)} no longer reads it"
            else:
                reason = f"neither {before.name} nor {after.name} reads it"
            replaced = there is not None and there.replaced_by is not None
            if there is not None and there.replaced_by:
                reason += f"; {there.replaced_by} takes its place"
            once = history.first_release(name) is not None  # else it may be somebody's own
            yield Advice(Action.DROP, name, reason, idle=once and not replaced)
        elif there is not None and there.in_envs and not there.mentioned:
            reason = f"{after.name} declares it and never reads it"
            yield Advice(Action.DROP, name, reason, idle=True)
        elif there is not None and (wrong := invalid(there, value)) is not None:
            yield Advice(Action.DECIDE, name, wrong.reason)
        elif there is not None and there.deprecated:
            use = f"; {there.replaced_by} takes its place" if there.replaced_by else ""
            yield Advice(Action.DECIDE, name, f"{after.name} calls it deprecated{use}")


def _rename(
    name: str,
    value: str,
    said: history.Renamed,
    profile: Profile | GivenLaunch,
    before: Catalogue,
    after: Catalogue,
) -> Advice:
    new = transformed(said, value)
    reason = f"{after.name} calls it {said.new}"
    there = profile.env.get(said.new)
    if there is not None:
        both = f"its new name, {said.new}, is set as well"
        same = new is not None and bool(same_value(after, said.new, new, there))
        if same or not _old_counts(name, said.new, before):
            return Advice(Action.DROP, name, both, idle=True)
        reason += f"; that is set as well, but on {before.name} the old name counts"
    if new is None:
        return Advice(Action.DECIDE, name, f"{reason}, with a value that can't be told from this")
    if new != value:
        reason += f", and {masked(name, value)} is {masked(name, new)} there"
    target = after.variable(said.new)
    if target is not None and (wrong := invalid(target, new)) is not None:
        return Advice(Action.DECIDE, name, f"{reason}; {wrong.reason}")
    return Advice(Action.RENAME, name, reason, said.new, ((new,),))


def _old_counts(old: str, new: str, before: Catalogue) -> bool:
    """Whether the release reads the old name where both are set."""
    variable = before.variable(old)
    if variable is None or not variable.live:
        return False
    return variable.wins == "old" if variable.renamed_to else not history.knows(before, new)


def _since(name: str, before: Catalogue, after: Catalogue) -> str:
    """The first known release on the way that doesn't know the name, as messages call it."""
    for release in history.before(after):
        if release not in history.before(before) and not history.knows(load(release), name):
            return f"SGLang {release}"
    return after.name


# Server arguments


def _flags(
    profile: Profile | GivenLaunch,
    before: Catalogue,
    after: Catalogue,
    target: UpgradedLaunch | None,
) -> Iterator[Advice]:
    by_flag: dict[str, list[ServerArg]] = {}
    for arg in profile.config.args or ():
        if arg.flag is not None:
            by_flag.setdefault(arg.flag, []).append(arg)
    for flag, args in by_flag.items():
        values = tuple(tuple(str(v) for v in a.values) for a in args)
        advice = _flag(flag, values, before, after, target)
        if advice is not None:
            if advice.new is not None and advice.new in by_flag and advice.new != flag:
                reason = f"{advice.reason}, which is given as well"
                if _last_of(flag, advice.new, profile, before):
                    reason += f"; on {before.name} the old one wins, as the last"
                    advice = replace(advice, reason=reason)
                else:
                    advice = Advice(Action.DROP, flag, reason, idle=True)
            yield advice


def _last_of(old: str, new: str, profile: Profile | GivenLaunch, before: Catalogue) -> bool:
    """Whether the release reads the old flag where both are given: the last of one *dest*."""
    a, b = before.argument(old), before.argument(new)
    if a is None or a.argument is None:
        return False
    if b is None or b.argument is None:
        return True
    order = [arg.flag for arg in profile.config.args or ()]
    return a.argument.dest == b.argument.dest and order.index(old) > order.index(new)


def _flag(
    flag: str,
    values: Values,
    before: Catalogue,
    after: Catalogue,
    target: UpgradedLaunch | None,
) -> Advice | None:
    match = after.argument(flag)
    if match is None or match.argument is None:
        new = history.replaced_flag(after, flag)
        if match is None:
            reason = f"{_since(flag, before, after)} no longer has it"
            if before.argument(flag) is None and history.first_release(flag) is None:
                reason = "no known release of SGLang's server has it"
        else:
            reason = f"{after.name} stops on it, short for {', '.join(match.candidates[:4])}"
            was = before.argument(flag)
            full = was.flag if was and was.argument else None
            if full is not None and _takes(after, full, values):
                return Advice(Action.RENAME, flag, reason, full, values)
        there = _replacing(flag, values, new, after, target)
        wrong = next((p for words in values if (p := invalid_arg(before, [flag, *words]))), None)
        if wrong is not None:  # it may be one of another server, as SGLang Diffusion's
            return Advice(Action.DECIDE, flag, f"{reason}, and before {wrong}")
        if there:
            says = "but" if match is None else "and calls it"
            return _renamed(flag, f"{reason}, {says}", values, there)
        if new is not None:
            return Advice(Action.DECIDE, flag, f"{reason}; {_place(flag, new, values)}")
        return Advice(Action.DROP if match is None else Action.DECIDE, flag, reason)
    argument = match.argument
    if argument.deprecated or argument.refused:
        what = "stops on it" if argument.refused else "calls it deprecated"
        reason = f"{after.name} {what}"
        new = argument.replacement
        there = _replacing(flag, values, new, after, target)
        if there and (target is not None or _same(after, flag, there[0][0], there[0][1])):
            return _renamed(flag, f"{reason}, for", values, there)
        said = f"; {_place(flag, new, values)}" if new else ""
        return Advice(Action.DECIDE, flag, reason + said)
    aliases = dict(argument.value_aliases)
    fresh = tuple(tuple(aliases.get(v, v) for v in words) for words in values)
    if fresh != values:
        old, new = _shown(flag, values), _shown(flag, fresh)
        reason = f"{after.name} calls {old} {new}"
        return Advice(Action.CHANGE, flag, reason, flag, fresh)
    problems = [p for words in values if (p := invalid_arg(after, [flag, *words]))]
    if problems:
        return Advice(Action.DECIDE, flag, f"{problems[0]}; {after.name} stops")
    return None


def _place(flag: str, new: str, values: Values) -> str:
    """What takes the place of a flag, in words."""
    if flag in TAKES_OVER:
        other = TAKES_OVER[flag]
        return f"{new} with the value of {other} takes its place and that of {other}"
    return f"{instead(flag, new, values[0] if len(values) == 1 else ())} takes its place"


def _replacing(
    flag: str, values: Values, said: str | None, after: Catalogue, target: UpgradedLaunch | None
) -> list[tuple[str, Values]]:
    """The flags that SGLang says to use instead, with their values; none where it refuses those.

    *said* is as SGLang spells it: ``--new``, ``--new=value``, ``--{one,two}-new=value``. A value
    that neither says is the one that SGLang makes of the launch with the old flag.
    """
    said = instead(flag, said, values[0] if len(values) == 1 else ())
    if said is None:
        return []
    name, equals, value = said.partition("=")
    braces = re.fullmatch(r"(.*)\{([^{}]*)\}(.*)", name)
    names = [name]
    if braces is not None:
        names = [f"{braces[1]}{part}{braces[3]}" for part in braces[2].split(",")]
    found: list[tuple[str, Values]] = []
    for new in names:
        own = ((value,),) if equals else values
        if not _takes(after, new, own):
            words = target.value_of(new, flag) if target is not None else None
            own = (words,) if words is not None else own
        if not _takes(after, new, own):
            return []
        found.append((new, own))
    return found


def _renamed(flag: str, reason: str, was: Values, there: Sequence[tuple[str, Values]]) -> Advice:
    """The advice to put flags in the place of one, whose values are told where they're new."""
    (new, values), *more = there
    told = [name if v == was else f"{name} {_shown(name, v)}" for name, v in there]
    return Advice(Action.RENAME, flag, f"{reason} {' and '.join(told)}", new, values, tuple(more))


def _takes(after: Catalogue, flag: str, values: Iterable[Sequence[str]]) -> bool:
    """Whether the parser of *after* has the flag, spelled so, and takes the values."""
    match = after.argument(flag)
    if match is None or match.argument is None or match.flag != flag or match.abbreviated:
        return False
    return not any(invalid_arg(after, [flag, *words]) for words in values)


def _same(after: Catalogue, one: str, two: str, values: Iterable[Sequence[str]]) -> bool:
    """Whether both flags do the same with the values."""
    for words in values:
        a, b = given(after, [one, *words]), given(after, [two, *words])
        if a is None or b is None or (a.dest, a.value) != (b.dest, b.value):
            return False
    return True


def _shown(name: str, values: Iterable[Sequence[str]]) -> str:
    return masked(name, " ".join(w for words in values for w in words))


# Defaults


def _defaults(
    profile: Profile, before: Catalogue, after: Catalogue, *, every: bool
) -> Iterator[Advice]:
    dests = {m.argument.dest for a in profile.config.args or () if a.flag
             if (m := after.argument(a.flag)) and m.argument}  # fmt: skip
    for change in history.changes(before, after):
        if change.kind != "default":
            continue
        name = change.name
        match = after.argument(name) if name.startswith("-") else None
        argument = match.argument if match else None
        was, is_ = history.default_of(before, name), history.default_of(after, name)
        if was == is_:
            continue
        has = f"{after.name} has none" if is_ == "none" else f"is {is_} on {after.name}"
        moved = f"its default was {was}, and {has}"
        held = name in profile.config.effective_env
        if held or (argument is not None and argument.dest in dests):
            own = masked(name, _own(profile, name, argument))
            value = f', "{own}",' if own else ""
            yield Advice(Action.KEEP, name, f"{moved}; the profile's own value{value} stands")
        elif _concerns(name, after) or (every and owner(name) in (SGLANG, None)):
            yield _hold(name, change.before, moved, argument, after)


def _own(profile: Profile, name: str, argument: Argument | None) -> str:
    """What a profile gives a setting, as it spells it; empty for a switch."""
    if argument is None:
        return profile.env.get(name, "")
    args = [a for a in profile.config.args or () if a.flag in argument.flags]
    return " ".join(str(v) for a in args for v in a.values)


def _concerns(name: str, after: Catalogue) -> bool:
    """Whether a variable or flag has to do with DeepSeek-V4."""
    variable = after.variable(name)
    files = variable.read_in if variable else ()
    return bool(_FAMILY.search(name)) or any("deepseek_v4" in f or "dsv4" in f for f in files)


def _hold(
    name: str, old: str | None, moved: str, argument: Argument | None, after: Catalogue
) -> Advice:
    """Set what was the default, where that can be spelled."""
    if old is None:
        return Advice(Action.DECIDE, name, moved)
    if argument is None:
        variable = after.variable(name)
        fits = variable is not None and variable.live and not invalid(variable, old)
        if fits and not equals_default(after, name, old):
            return Advice(Action.SET, name, moved, name, ((old,),))
        return Advice(Action.DECIDE, name, moved)
    words: tuple[str, ...] = (old,)
    flag = name
    if argument.nargs == "0":
        words = ()
        forms = [f for f in argument.flags if f.startswith("--no-") == (old == "false")]
        flag = forms[0] if forms and argument.action == "BooleanOptionalAction" else ""
    if not flag or invalid_arg(after, [flag, *words]) or arg_equals_default(after, [flag, *words]):
        return Advice(Action.DECIDE, name, moved)
    return Advice(Action.SET, name, moved, flag, (words,))
