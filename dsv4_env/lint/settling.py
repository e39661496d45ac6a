"""What the target release makes of a launch itself, so that nothing needless is advised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dsv4_env.catalogue import Catalogue, history, load, releases
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.effects import platform_of
from dsv4_env.lint.advice import Action, Advice, applied, spelled
from dsv4_env.model import LaunchConfig
from dsv4_env.plan.evaluate import Open, Refusal, Resolution, same_text, shown_at
from dsv4_env.plan.models import given_model, is_deepseek_v4
from dsv4_env.plan.planning import resolved
from dsv4_env.plan.platforms import EACH, Platform
from dsv4_env.profile import Profile

_LOOSE = (Action.KEEP, Action.DECIDE)  # what leaves a setting as it is
_PASSES = 4  # a setting that goes may make another one needless


@dataclass(slots=True)
class UpgradedLaunch:
    """A profile's launch on the platforms that it's for, as the target release resolves it."""

    config: LaunchConfig
    before: Catalogue
    after: Catalogue
    places: tuple[Platform, ...]
    model: str | None
    untouched: tuple[Resolution, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.untouched = self.made(self.config)

    def made(self, config: LaunchConfig) -> tuple[Resolution, ...]:
        """What the target release makes of a launch, on each platform."""
        return tuple(resolved(config, self.after, p, model=self.model) for p in self.places)

    @property
    def where(self) -> str:
        """The platforms, as messages call them."""
        return f"on {', '.join(p.name for p in self.places)}"

    # What takes a flag's place

    def value_of(self, flag: str, old: str) -> tuple[str, ...] | None:
        """The words of a flag that say what SGLang makes of the launch with an *old* one.

        By the target release, else by the newest that says what takes its place.
        """
        for catalogue in (self.after, *self._saying(old, flag)):
            match = catalogue.argument(flag)
            if match is None or match.argument is None or catalogue.argument(old) is None:
                continue
            if steps_of(catalogue) is None or old not in catalogue.option_strings():
                continue
            dest = match.argument.dest
            config = _parsed(self.config, catalogue)
            made = [resolved(config, catalogue, p, model=self.model) for p in self.places]
            values = [m.fields.get(dest) for m in made]
            first = values[0]
            known = all(not m.refused for m in made) and all(v == first for v in values)
            if not known or isinstance(first, (Open, bool)) or first in (None, [], ""):
                continue
            return tuple(map(str, first)) if isinstance(first, list) else (str(first),)
        return None

    def _saying(self, old: str, flag: str) -> Iterator[Catalogue]:
        for release in reversed(releases()):
            catalogue = load(release)
            if old in catalogue.option_strings() and history.replaced_flag(catalogue, old):
                yield catalogue
                return

    # Advice

    def settled(self, found: Sequence[Advice]) -> list[Advice]:
        """The advice without what the target release does anyway or refuses, and with what it is
        known to make of the rest.
        """
        advice = self._safe([self._moved(a) for a in found if a.action is not Action.SET])
        base = applied(self.config, advice)
        made = self.made(base)
        more = (a for a in found if a.action is Action.SET)
        for a in more:
            made_with = self.made(applied(base, [a]))
            if self._needless(a, made, made_with):
                continue
            said = self._refusal(made_with)
            if said is not None:
                advice.append(replace(a, action=Action.DECIDE, reason=f"{a.reason}; {said}"))
                continue
            advice.append(a)
            base, made = applied(base, [a]), made_with
        advice = [
            a for a in advice if a.action is not Action.DECIDE or not self._as_before(a, made)
        ]
        dropped = self._dropped(base, made)
        advice = list(_with_drops(advice, dropped))
        final = self.made(applied(self.config, advice))
        return [self._told(a, final) for a in advice]

    def left(self, advice: Sequence[Advice]) -> list[str]:
        """Why the target release doesn't start the launch that follows the advice."""
        found: dict[str, list[str]] = {}
        made = self.made(applied(self.config, advice))
        for place, one in zip(self.places, made, strict=True):
            for r in one.refused:
                found.setdefault(_refused(r), []).append(place.name)
        return [
            f"{self.after.name} refuses the launch on {' and '.join(places)}: {message}"
            for message, places in found.items()
        ]

    def _moved(self, a: Advice) -> list[Advice]:
        """A rename of a flag that still counts, only where nothing else changes by it.

        What SGLang makes of other flags by the old one goes with it: ``--dp-size`` with
        ``--enable-dp-attention``.
        """
        if a.action is not Action.RENAME or not a.name.startswith("-"):
            return [a]
        if a.name not in self.after.option_strings():
            return [a]
        dests = {self._key(n) for n in (a.name, *(n for n, _ in a.sets))}
        made = self.made(applied(self.config, [a]))
        if self._same(self.untouched, made, dests):
            return [a]
        other = [
            x.flag
            for x in self.config.args or ()
            if x.flag is not None
            and (key := self._key(x.flag)) not in dests
            and [_final(m, key) for m in self.untouched] != [_final(m, key) for m in made]
        ]
        drops = [Advice(Action.DROP, n, f"goes with {a.name}") for n in dict.fromkeys(other)]
        made = self.made(applied(self.config, [a, *drops]))
        if drops and self._same(self.untouched, made, dests):
            return [a, *drops]
        new = " and ".join(spelled(n, v) for n, v in a.sets)
        reason = f"{a.reason}, but {new} doesn't mean quite the same"
        return [Advice(Action.DECIDE, a.name, reason)]

    def _safe(self, found: Sequence[Sequence[Advice]]) -> list[Advice]:
        """The advice, where nothing that follows it is newly refused; a group goes together."""
        kept: dict[str, Advice] = {}
        for group in found:
            said = None
            if any(a.sets or a.unsets for a in group):
                said = self._refusal(self.made(applied(self.config, [*kept.values(), *group])))
            if said is None:
                kept |= {a.name: a for a in group}
            else:
                a = group[0]
                kept[a.name] = Advice(Action.DECIDE, a.name, f"{a.reason}; {said}")
        return list(kept.values())

    def _refusal(self, made: Sequence[Resolution]) -> str | None:
        """What a launch is refused with that the untouched one isn't."""
        for place, one, other in zip(self.places, self.untouched, made, strict=True):
            if other.refused and not one.refused:
                what = _refused(other.refused[0])
                return f"with it, {self.after.name} refuses the launch on {place.name}: {what}"
        return None

    def _needless(
        self, a: Advice, without: Sequence[Resolution], made: Sequence[Resolution]
    ) -> bool:
        """Whether a former default needn't be set: it is so anyway, or can't be."""
        if self._as_before(a, without):
            return True
        key = self._key(a.new or a.name)
        one, other = ([_final(m, key) for m in found] for found in (without, made))
        return None not in one and not any(isinstance(v, Open) for v in one) and one == other

    def _as_before(self, a: Advice, made: Sequence[Resolution]) -> bool:
        """Whether what isn't given ends up as on the release that the profile runs on."""
        key = self._key(a.name)
        if a.name in self.config.effective_env or self._is_given(a.name):
            return False
        if steps_of(self.before) is None:
            return False
        for place, after in zip(self.places, made, strict=True):
            was = resolved(self.config, self.before, place, model=self.model)
            if key[0] == "env" and after.last(*key) is None:
                return False
            one, two = _final(was, key), _final(after, key)
            if key[0] == "env" and one is None:
                variable = self.before.variable(a.name)
                one = variable.default if variable is not None else None
            if one is None and two is None and key[0] == "args":
                return False
            known = not isinstance(one, Open) and not isinstance(two, Open)
            if not known or not (one == two or same_text(self.after, a.name, one, two)):
                return False
        return True

    def _is_given(self, flag: str) -> bool:
        return any(
            a.flag is not None and self._key(a.flag) == self._key(flag)
            for a in self.config.args or ()
        )

    def _dropped(self, config: LaunchConfig, made: tuple[Resolution, ...]) -> dict[str, Advice]:
        """Each setting without which the launch ends up the same, by SGLang's own doing."""
        dropped: dict[str, Advice] = {}
        for _ in range(_PASSES):
            before = len(dropped)
            names = [e.name for e in config.env]
            names += [a.flag for a in config.args or () if a.flag is not None]
            for name in dict.fromkeys(names):
                key = self._key(name)
                if not any(m.last(*key) for m in made) and key[0] == "env":
                    continue
                drop = Advice(Action.DROP, name, "")
                less = applied(config, [drop])
                fewer = self.made(less)
                places = [m.last(*key) for m in fewer]
                unknown = any(isinstance(_final(m, key), Open) for m in fewer)
                if None in places or unknown or not self._same(made, fewer, set()):
                    continue
                dropped[name] = replace(drop, reason=self._why(name, key, config, fewer))
                config, made = less, fewer
            if len(dropped) == before:
                break
        return dropped

    def _why(
        self, name: str, key: tuple[str, str], config: LaunchConfig, made: Sequence[Resolution]
    ) -> str:
        at = ", ".join(dict.fromkeys(shown_at(str(m.last(*key))) for m in made))
        values = list(dict.fromkeys(_text(_final(m, key)) for m in made))
        given = _given(config, name)
        same = key[0] == "args" and given == values[0]
        same = same or all(same_text(self.after, name, given, v) for v in values)
        if same:
            return f"SGLang sets it itself {self.where}, {at}"
        now = " or ".join(f'"{v}"' for v in values)
        return f"SGLang overwrites it with {now} {self.where}, {at}"

    def _same(
        self, one: Sequence[Resolution], two: Sequence[Resolution], beside: set[tuple[str, str]]
    ) -> bool:
        """Whether two launches end up the same, but for some settings."""
        for a, b in zip(one, two, strict=True):
            if a.refused != b.refused or set(a.possible) != set(b.possible):
                return False
            for section, left, right in (("args", a.fields, b.fields), ("env", a.env, b.env)):
                for name in {*left, *right}:
                    if (section, name) in beside:
                        continue
                    x, y = left.get(name), right.get(name)
                    if x != y and not (section == "env" and same_text(self.after, name, x, y)):
                        return False
        return True

    def _told(self, a: Advice, made: Sequence[Resolution]) -> Advice:
        """The advice with what becomes of the setting."""
        if a.action not in (Action.KEEP, Action.SET):
            return a
        name = a.new if a.action is Action.SET and a.new else a.name
        key = self._key(name)
        finals = [_final(m, key) for m in made]
        ats = list(dict.fromkeys(shown_at(x) for m in made if (x := m.last(*key))))
        place = f" ({', '.join(ats)})" if ats else ""
        given = a.values[0][0] if a.values and a.values[0] else None
        given = given if given is not None else _given(self.config, a.name)
        if any(isinstance(v, Open) for v in finals):
            said = f"whether SGLang leaves it so {self.where} only a run tells{place}"
        elif (
            all(_text(v) == given or same_text(self.after, name, given, v) for v in finals)
            or not ats
        ):
            said = f"SGLang leaves it so {self.where}"
        else:
            now = " or ".join(dict.fromkeys(f'"{_text(v)}"' for v in finals))
            said = f"SGLang makes it {now} {self.where}{place}"
        more = self._left_out(a) if a.action is Action.KEEP else ""
        return replace(a, reason=f"{a.reason}; {said}{more}")

    def _left_out(self, a: Advice) -> str:
        """What SGLang itself would set where the profile didn't; nothing where that isn't known."""
        key = self._key(a.name)
        given = [x.flag for x in self.config.args or () if x.flag and self._key(x.flag) == key]
        gone = [Advice(Action.DROP, name, "") for name in given or [a.name]]
        made = self.made(applied(self.config, gone))
        finals = [_final(m, key) for m in made]
        ats = list(dict.fromkeys(shown_at(x) for m in made if (x := m.last(*key))))
        if not ats or any(isinstance(v, Open) for v in finals):
            return ""
        now = " or ".join(dict.fromkeys(f'"{_text(v)}"' for v in finals))
        return f"; left out, it would be {now} ({', '.join(ats)})"

    def _key(self, name: str) -> tuple[str, str]:
        """The section of a resolution, and the name there."""
        if not name.startswith("-"):
            return "env", name
        match = self.after.argument(name)
        return "args", match.argument.dest if match is not None and match.argument else name


def upgraded_launch(
    profile: Profile, before: Catalogue, after: Catalogue, on: Platform | None
) -> UpgradedLaunch | None:
    """The profile's launch on the target release; None where what that makes of it isn't known.

    On *on*, else the profile's own hardware, else one platform of each kind.
    """
    model = profile.default_model_path
    name = given_model(profile.config) or model
    if steps_of(after) is None or (name is not None and not is_deepseek_v4(name)):
        return None
    on = on or platform_of(profile.hardware)
    return UpgradedLaunch(profile.config, before, after, EACH if on is None else (on,), model)


def _with_drops(found: Sequence[Advice], dropped: dict[str, Advice]) -> Iterator[Advice]:
    """The advice, in which what is dropped needs no other: neither a new name nor a decision."""
    left = dict(dropped)
    for a in found:
        news = [n for n, _ in a.sets]
        gone = [n for n in news if n in dropped]
        if a.action in _LOOSE and a.name in dropped:
            yield left.pop(a.name)
        elif not gone:
            yield a
        elif len(gone) == len(news) and a.action is not Action.SET:
            drop = dropped[gone[0]]
            for name in gone:
                left.pop(name, None)
            yield replace(drop, name=a.name, reason=f"{a.reason}; {drop.reason}")
        elif a.action is not Action.SET:  # one of several new names stays as SGLang has it
            yield a
            for name in gone:
                left.pop(name, None)
        else:
            left.pop(a.name, None)
    yield from left.values()


def _parsed(config: LaunchConfig, catalogue: Catalogue) -> LaunchConfig:
    """The launch without the flags that the release doesn't have."""
    args = [
        a
        for a in config.args or ()
        if a.flag is None or ((match := catalogue.argument(a.flag)) and match.argument)
    ]
    return replace(config, args=tuple(args))


def _final(made: Resolution, key: tuple[str, str]) -> object:
    return (made.env if key[0] == "env" else made.fields).get(key[1])


def _given(config: LaunchConfig, name: str) -> str | None:
    """What a launch gives a setting, as it's spelled."""
    if not name.startswith("-"):
        found = config.effective_env.get(name)
        return found.value if found is not None and isinstance(found.value, str) else None
    words = [str(v) for a in config.args or () if a.flag == name for v in a.values]
    return " ".join(words) or "true"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "unset" if value is None else str(value)


def _refused(refusal: Refusal) -> str:
    return f"{refusal.message} ({shown_at(refusal.at)})"
