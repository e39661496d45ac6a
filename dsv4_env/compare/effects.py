"""What becomes of differences after SGLang's own work: some have no effect, and some never start.

SGLang overwrites variables and sets arguments by model and platform, so that two launches that are
spelled differently may end up the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue.history import before
from dsv4_env.catalogue.images import image_env
from dsv4_env.catalogue.owners import SGLANG, owner
from dsv4_env.catalogue.semantics import equals_default
from dsv4_env.catalogue.store import shipped
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare import importance
from dsv4_env.compare.rules import RULES
from dsv4_env.compare.served import otherwise, told_by
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Finding, Severity
from dsv4_env.model.secrets import masked
from dsv4_env.plan.dormant import dormant, elsewhere
from dsv4_env.plan.evaluate import Open, Refusal, Resolution, same_text, shown_at
from dsv4_env.plan.exchange import Exchange, Key, exchange, weighed
from dsv4_env.plan.given import PARSER, flag_names
from dsv4_env.plan.models import is_of_deepseek_v4
from dsv4_env.plan.planning import field_text, give_the_same, resolved
from dsv4_env.plan.platforms import EACH, Platform, platform
from dsv4_env.plan.replay import reads_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from dsv4_env.catalogue import Catalogue
    from dsv4_env.catalogue.resolution import Steps
    from dsv4_env.model import EnvVar, LaunchConfig
    from dsv4_env.model.finding import Comparison

MISSING, ADDED, CHANGED, NO_EFFECT, REFUSED = "DSV001", "DSV002", "DSV003", "DSV018", "DSV019"
RENAMED = "DSV008"
_DIFFERENT = frozenset({MISSING, ADDED, CHANGED})  # of what one side has, or has otherwise


def platform_of(hardware: Mapping[str, object]) -> Platform | None:
    """The platform that a profile names; None where it names none that is known."""
    name = hardware.get("accelerator")
    if not isinstance(name, str):
        return None
    try:
        return platform(name)
    except Dsv4Error:
        return None


def in_image(config: LaunchConfig, profile: LaunchConfig) -> LaunchConfig:
    """The launch in the image that it names, else in that of the profile that it's held to."""
    return config if config.image is not None else replace(config, image=profile.image)


def with_effects(
    comparison: Comparison,
    left: LaunchConfig,
    right: LaunchConfig,
    catalogue: Catalogue,
    on: Platform | None,
    model: str | None,
    plans: Callable[[Platform], Resolution] | None = None,
) -> Comparison:
    """The comparison with what has no effect told as a note, and an error for what is refused.

    *left* is the profile's launch, *right* the one that is held to it. Without *on*, it must be so
    on one platform of each kind; what is so on some is said with their names. Nothing changes where
    it isn't known what the release makes of launches. *plans* gives what it makes of *left* where
    that was worked out before.
    """
    images = [image_env(side.image, on.family if on else None) for side in (left, right)]
    envs = (left.effective_env, right.effective_env)
    found = [_imaged(f, envs, images, catalogue) for f in comparison.findings]
    comparison = replace(comparison, findings=tuple(found))
    steps = steps_of(catalogue)
    if steps is None:
        return comparison
    places = EACH if on is None else (on,)
    served = right.served is not None and on is not None
    same = (
        not served
        and not any(f.rule.id in _DIFFERENT for f in found)
        and all(give_the_same(left, right, catalogue, place) for place in places)
    )
    followed = _followed(steps)
    sides: list[_Sides] = []
    subjects = [f.subject for f in found if f.rule.id in _DIFFERENT]
    reads = () if served else reads_of(steps)
    for place in places:
        if same or served:
            one = plans(place) if plans else resolved(left, catalogue, place, model=model)
            made = one if same else told_by(right, one)  # what one is refused, the other is, too
            each = _Sides(one, made, catalogue, place, followed)
            each = replace(each, verdicts=_of_running(subjects, each))
        else:
            both = exchange(left, right, catalogue, place, model, reads)
            each = _Sides(*both.made, catalogue, place, followed)
            each = replace(each, verdicts=_verdicts(subjects, each, both, left.name))
        sides.append(each)
    own = not served and is_of_deepseek_v4(left, model)  # a server that runs was refused nothing
    told, by_flags = _told_by_flags(comparison.findings, sides)
    refused = _refused(left, right, sides, by_flags, own=own)
    found = [_judged(f, sides) for f in told]
    if served:
        one = sides[0].one
        found = [_planned(f, one, catalogue) for f in found]
        found += _otherwise(left, right, one, catalogue)
    return replace(comparison, findings=(*refused, *found))


_LISTED = 4  # refusals of the parser in one finding


def _told_by_flags(
    found: Sequence[Finding], sides: Sequence[_Sides]
) -> tuple[list[Finding], set[Refusal]]:
    """The findings of flags that the release doesn't take, which say that it stops; those refusals.

    One cause is one finding: the flag is told to be another one's old name, or to be removed.
    """
    catalogue = sides[0].catalogue
    stops = dict.fromkeys(
        r for s in sides for r in s.other.refused if r.at == PARSER and r not in s.one.refused
    )
    said: set[Refusal] = set()
    told: list[Finding] = []
    for f in found:
        flag = f.message.partition(" is ")[0]
        if stops and f.rule.id in (ADDED, CHANGED, RENAMED) and flag.startswith("--"):
            match = catalogue.argument(flag)
            known = match is not None and match.argument is not None
            named = (r for r in stops if flag in r.message.replace("=", " ").split())
            stop = None if known else next(named, None)
            if stop is not None:
                said.add(stop)
                f = replace(f, severity=Severity.ERROR)
                f = f.with_effect(f"{catalogue.name} stops: {stop.message} ({PARSER})")
        told.append(f)
    return told, said


def _refused(
    left: LaunchConfig,
    right: LaunchConfig,
    sides: Sequence[_Sides],
    told: Collection[Refusal],
    *,
    own: bool,
) -> list[Finding]:
    """What the release stops with of the launch, and with *own* of the profile, too.

    A launch that is as its profile says doesn't start, either. What is *told* already is left out.
    """
    stops: dict[tuple[Refusal, bool, bool], list[str]] = {}
    for each in sides:
        ours, theirs = each.one.refused, each.other.refused
        for r in dict.fromkeys((*theirs, *(ours if own else ()))):
            if r not in told and (own or r not in ours):
                stops.setdefault((r, r in ours, r in theirs), []).append(each.on.name)
    everywhere = len({name for names in stops.values() for name in names}) == len(sides)
    # What the parser stops with has one cause more often than not, as words in another order.
    said: dict[tuple[Refusal | None, bool, bool, str], list[str]] = {}
    for (r, of_profile, of_launch), names in stops.items():
        one = (None if r.at == PARSER else r, of_profile, of_launch, " and ".join(names))
        said.setdefault(one, []).append(f"{r.message} ({shown_at(r.at)})")
    found = []
    for (_, of_profile, of_launch, places), effects in said.items():
        release = sides[0].catalogue.name
        message = f"{release} refuses this launch on {places}"
        if of_profile and of_launch:
            message += f", as it does {left.name}"
        elif of_profile:
            message = f"{release} refuses {left.name} itself on {places}"
        more = len(effects) - _LISTED
        found.append(
            Finding(
                RULES[REFUSED],
                Severity.ERROR if everywhere else Severity.NOTE,
                "launch",
                message,
                right.location,
                left.location if of_profile else None,
                effect=(*effects[:_LISTED], *([f"and {more} more"] if more > 0 else [])),
                action="change what it names below",
            )
        )
    return found


def _no_effect(finding: Finding, reason: str) -> Finding:
    action = finding.action and _HARMLESS[finding.rule.id]
    finding = finding.with_effect(f"no effect: {reason}")
    return replace(finding, rule=RULES[NO_EFFECT], severity=Severity.NOTE, action=action)


_EITHER = "either will do"
_HARMLESS = {MISSING: "it may stay so", ADDED: "remove it", CHANGED: _EITHER}


def _imaged(
    finding: Finding,
    envs: Sequence[Mapping[str, EnvVar]],
    images: Sequence[Mapping[str, str]],
    catalogue: Catalogue,
) -> Finding:
    """What is to be said of a variable that only one side sets, and the other's image, too."""
    name = finding.subject
    if finding.rule.id not in (MISSING, ADDED):
        return finding
    env, image = (envs[0], images[1]) if finding.rule.id == MISSING else (envs[1], images[0])
    setting, text = env.get(name), image.get(name)
    if setting is None or text is None:
        return finding
    if same_text(catalogue, name, setting.value, text):
        return _no_effect(finding, f"the image sets it to {masked(name, text)}")
    return finding.with_effect(f"the image sets {masked(name, text)}")


@dataclass(frozen=True, slots=True)
class _Sides:
    """What SGLang makes of both launches."""

    one: Resolution
    other: Resolution
    catalogue: Catalogue
    on: Platform
    followed: Mapping[str, set[str]]
    verdicts: Mapping[str, _Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Own:
    """Why a setting's own value makes no difference; *same*: it is the same in the end."""

    reason: str
    same: bool = False


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is to be said of a difference on one platform: why it has no effect, else what it does.

    *together*: it's only with others that it has none.
    """

    reason: str = ""
    together: bool = False
    does: str = ""


def _followed(steps: Steps) -> dict[str, set[str]]:
    """The files whose setting of a variable, and asking whether it's set, was followed."""
    found: dict[str, set[str]] = {}
    for step in steps:
        if step[0] == "env":
            found.setdefault(step[2], set()).add(shown_at(step[4]).rpartition(":")[0])
    return found


def _of_running(subjects: Sequence[str], sides: _Sides) -> dict[str, _Verdict]:
    """Which differences from a running server have no effect: it tells all that was made."""
    owns = {s: own for s in subjects if (own := _own(s, sides)) is not None}
    return {s: _Verdict(own.reason) for s, own in owns.items()}


def _verdicts(
    subjects: Sequence[str], sides: _Sides, both: Exchange, name: str
) -> dict[str, _Verdict]:
    """What is to be said of each difference: it has no effect where the whole comes out the same.

    *name* is what the first launch is called.
    """
    owns = {s: own for s in subjects if (own := _own(s, sides)) is not None}
    if not owns:
        return {}
    catalogue = sides.catalogue
    keys = {s: _key(s, catalogue) for s in owns}
    idle = {keys[s] for s, own in owns.items() if not own.same}
    stopped = _unparsed(both, catalogue)
    given = [k for k in both.settings() if k not in stopped]
    # Those that aren't told, too: `$@` may hold the other spelling of what is.
    found = weighed(both, [k for k in given if k in idle or _same(k, sides)], idle)
    verdicts: dict[str, _Verdict] = {}
    for subject, own in owns.items():
        key = keys[subject]
        group = next((g for g in found.groups if key in g), None)
        if key in found.alone or (key not in given and key not in stopped):
            verdicts[subject] = _Verdict(own.reason or f"{catalogue.name} makes the same of both")
        elif group is not None:
            verdicts[subject] = _Verdict(_together(group, both), together=True)
        elif key in found.changes:
            verdicts[subject] = _Verdict(does=_does(*found.changes[key], sides, name))
    return verdicts


def _key(subject: str, catalogue: Catalogue) -> Key:
    """The setting that a finding is of."""
    if not subject.startswith("-"):
        return "env", subject
    match = catalogue.argument(subject)
    return "args", match.argument.dest if match is not None and match.argument else subject


def _same(key: Key, sides: _Sides) -> bool:
    """Whether a setting is known to end up the same on both sides."""
    section, name = key
    if section == "env":
        return same_text(sides.catalogue, name, sides.one.env.get(name), sides.other.env.get(name))
    values = [r.fields.get(name, Open()) for r in (sides.one, sides.other)]
    return not any(isinstance(v, Open) for v in values) and values[0] == values[1]


def _unparsed(both: Exchange, catalogue: Catalogue) -> set[Key]:
    """The settings of which SGLang's parser takes no value, as it stops there."""
    said = {w.rstrip(":") for g in both.given for r in g.refused for w in r.message.split()}
    stopping = (a for a in catalogue.arguments.values() if said and not said.isdisjoint(a.flags))
    return {("args", a.dest) for a in stopping}


def _together(group: frozenset[Key], both: Exchange) -> str:
    """Why a group has no effect, by the names that each side has of it."""
    left, right = (
        " and ".join(
            given.flags[n] if s == "args" else n
            for s, n in sorted(group)
            if n in (given.flags if s == "args" else given.env)
        )
        for given in both.given
    )
    if left and right:
        return f"SGLang makes the same of {right} as of {left}"
    return f"SGLang makes the same without {left or right}"


def _does(changed: set[Key], made: Resolution | None, sides: _Sides, name: str) -> str:
    """What SGLang makes of a setting whose own value it makes the same."""
    if made is None:
        return ""
    flags = flag_names(sides.catalogue)
    said = []
    for section, key in sorted(changed):
        shown = flags.get(key) if section == "args" else key
        values = [(r.fields if section == "args" else r.env).get(key) for r in (sides.other, made)]
        if shown is None or any(isinstance(v, Open) for v in values):
            continue
        now, then = (masked(shown, field_text(v)) for v in values)
        said.append(f'SGLang makes {shown} "{now}" here; as {name} has it, it would be "{then}"')
    return said[0] if said else ""


def _judged(finding: Finding, sides: Sequence[_Sides]) -> Finding:
    if finding.rule.id not in _DIFFERENT:
        return finding
    reasons: dict[str, list[str]] = {}
    does: list[str] = []
    together = False
    for each in sides:
        verdict = each.verdicts.get(finding.subject, _Verdict())
        if verdict.reason:
            reasons.setdefault(verdict.reason, []).append(each.on.name)
            together = together or verdict.together
        does.append(verdict.does)
    names = [name for found in reasons.values() for name in found]
    if names and len(names) == len(sides):
        found = _no_effect(finding, ", ".join(reasons))
        return replace(found, action=found.action and _EITHER) if together else found
    if names:
        said = f"no effect on {' and '.join(names)}: {', '.join(reasons)}"
        return finding.with_effect(said)
    later = dict.fromkeys(_decided_later(finding.subject, each) for each in sides)
    return finding.with_effect(*dict.fromkeys(does), *later)


def _planned(finding: Finding, one: Resolution, catalogue: Catalogue) -> Finding:
    """A difference to a running server, with what SGLang should have made of the profile's own."""
    match = catalogue.argument(finding.subject) if finding.rule.id in _DIFFERENT else None
    if match is None or match.argument is None:
        return finding
    value = one.fields.get(match.argument.dest, Open())
    at = one.last("args", match.argument.dest)
    if isinstance(value, Open):
        finding = finding.with_effect("whether SGLang sets it itself isn't known")
        return replace(finding, rule=RULES["DSV005"], severity=Severity.WARNING)
    if at is None:
        return finding
    shown = masked(finding.subject, field_text(value))
    return finding.with_effect(f'SGLang should set "{shown}" ({shown_at(at)})')


def _otherwise(
    left: LaunchConfig, right: LaunchConfig, one: Resolution, catalogue: Catalogue
) -> list[Finding]:
    """What neither side gives, and a running server has otherwise than SGLang should set it."""
    return [
        Finding(
            RULES["DSV003"],
            importance.severity(flag),
            flag,
            f'{flag} is "{now}"; {left.name} doesn\'t have it',
            right.location,
            effect=(f'SGLang should set "{then}" ({at})',),
            action="start it without",
        )
        for flag, now, then, at in otherwise(right, left, catalogue, one)
    ]


def _own(name: str, sides: _Sides) -> _Own | None:
    """Why a setting's own value makes no difference; None where it does, or that isn't known."""
    catalogue = sides.catalogue
    both = (sides.one, sides.other)
    if not name.startswith("-"):
        variable = catalogue.variable(name)
        # One that no release knew may be of another SGLang; others' have their effect there.
        gone = variable is None and owner(name) == SGLANG
        if gone and any(("V", name) in shipped(r) for r in before(catalogue)):
            return _Own(f"{catalogue.name} no longer knows it")
        if variable is not None and variable.ignored:
            return _Own(f"{catalogue.name} reads it nowhere")
        if (idle := dormant(catalogue, name, both)) is not None:
            return _Own(f"{catalogue.name} uses it only where {idle}")
        if (hardware := elsewhere(catalogue, name, [sides.on])) is not None:
            return _Own(f"{catalogue.name} uses it only on {hardware}")
        values = [r.env.get(name) for r in both]
        given = [v for v in values if v is not None]
        if (
            len(given) == 1
            and isinstance(given[0], str)
            and not any(r.last("env", name) for r in both)
        ):
            default = equals_default(catalogue, name, given[0], sides.followed.get(name, set()))
            if default is not None:
                return _Own(f"{default}, which it leaves as it is on {sides.on.name}")
    section, key = _key(name, catalogue)
    if not _same((section, key), sides):
        return None
    at = sides.other.last(section, key) or sides.one.last(section, key)
    return _Own(f"SGLang sets it itself ({shown_at(at)})" if at else "", same=True)


def _decided_later(name: str, sides: _Sides) -> str:
    """What is to be added where SGLang decides only at its start what a side that lacks it has."""
    values = [r.env.get(name) for r in (sides.one, sides.other)]
    if sum(isinstance(v, Open) for v in values) != 1:
        return ""
    late = sides.one if isinstance(values[0], Open) else sides.other
    at = late.last("env", name)
    return f"unset, SGLang decides it when it starts ({shown_at(at)})" if at else ""
