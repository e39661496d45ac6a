"""Plan a launch: what SGLang itself makes of each setting, and whether it starts at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dsv4_env.catalogue.owners import SGLANG, owner
from dsv4_env.catalogue.resolution import depends_on, known_resolutions
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.model import Outside
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import hidden
from dsv4_env.plan.dormant import elsewhere
from dsv4_env.plan.evaluate import Evaluator, Open, Refusal, Resolution, same_text, shown_at
from dsv4_env.plan.given import SOME_MODEL, Given, flag_names, given_by, parser_defaults
from dsv4_env.plan.models import ARCHITECTURE, model_facts
from dsv4_env.plan.replay import Reads, Replay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dsv4_env.catalogue import Catalogue
    from dsv4_env.catalogue.resolution import Steps
    from dsv4_env.model import LaunchConfig, Unknown
    from dsv4_env.plan.platforms import Platform

Effect = Literal["kept", "overwritten", "default", "set", "no-effect", "unknown"]
AS_IMAGE = "as the image sets it"
DECLARED_IN = "/arg_groups/fields/"  # where a field's own default stands, which needn't be told
_BESIDE = frozenset(  # what the machine and the caller decide, and what is named as the model
    {"model_path", "device", "served_model_name", "tokenizer_path"}
)
_NOTHING: tuple[object, ...] = ("", None, [], {}, SOME_MODEL)  # what needn't be told


@dataclass(frozen=True, slots=True)
class PlannedSetting:
    """One setting: as it's *given* (None: it isn't) and as it's *effective* (None: not known).

    *section* is ``env`` or ``args``; *at* is SGLang's file and line that decides, *why* says the
    same in words. *unknown* is what is given where that can't be known: *given* is then its
    default where the outside may override that, else its source.
    """

    section: str
    name: str
    given: str | None
    effective: str | None
    effect: Effect
    at: str | None = None
    why: str = ""
    ways: tuple[str, ...] = ()  # what can be done of it that leaves the launch as it is, if asked
    unknown: Unknown | None = None

    def shown_given(self, mark: str = '"') -> str:
        """What is given, between *mark*s: of what isn't known its source, in ``<>``."""
        given, unknown = self.given, self.unknown
        if not given:
            return ""
        if unknown is None or given != unknown.text:
            return f"{mark}{given}{mark}"
        return str(unknown) if isinstance(unknown, Outside) else f"<{given}>"


@dataclass(frozen=True, slots=True)
class Plan:
    """What SGLang makes of a launch, on one platform.

    *possible* refusals may come or not, and something that is given leads to them.
    """

    title: str
    release: str
    platform: str
    refused: tuple[Refusal, ...]
    settings: tuple[PlannedSetting, ...]
    possible: tuple[Refusal, ...] = ()

    @property
    def starts(self) -> bool:
        """Whether nothing is known that stops it."""
        return not self.refused

    def having(self, effect: Effect) -> list[PlannedSetting]:
        """The settings of one effect."""
        return [s for s in self.settings if s.effect == effect]


def plan(
    config: LaunchConfig,
    catalogue: Catalogue,
    on: Platform,
    *,
    title: str = "",
    model: str | None = None,
    steps: Steps | None = None,
    redundant: bool = True,
) -> Plan:
    """What SGLang makes of a launch on a platform, up to what it stops with.

    *redundant* is false where it doesn't matter which settings SGLang would make itself: that takes
    following it once more for each. *model* is the name of the model where the launch doesn't give
    it. *steps* are those of the catalogue's release where they aren't the shipped ones. Raises
    ReadError where what the release does isn't known.
    """
    planner = planner_of(config, catalogue, on, model, steps)
    planner.redundant = redundant
    given, name = planner.given, title or config.name
    if given.refused:
        return Plan(name, catalogue.release, on.name, tuple(given.refused), ())
    return _described(planner, planner.resolved(given, theirs=True), name)


def described(
    found: Resolution, given: Given, catalogue: Catalogue, on: Platform, title: str
) -> Plan:
    """The plan of a launch of which SGLang itself has said what becomes of it."""
    steps = steps_of(catalogue) or ()
    facts = model_facts(_known_model(given))
    return _described(Planner(given, catalogue, on, facts, steps), found, title)


def _described(planner: Planner, found: Resolution, name: str) -> Plan:
    settings = map(planner.known, [*planner.variables(found), *planner.arguments(found)])
    possible = tuple(dict.fromkeys(found.theirs))
    release, on = planner.catalogue.release, planner.on.name
    return Plan(name, release, on, tuple(found.refused), tuple(settings), possible)


def resolved(
    config: LaunchConfig,
    catalogue: Catalogue,
    on: Platform,
    *,
    model: str | None = None,
    steps: Steps | None = None,
) -> Resolution:
    """The fields and variables that SGLang resolves a launch to, were it not for refusals.

    The arguments, and what it refuses, are those of :func:`plan`.
    """
    planner = planner_of(config, catalogue, on, model, steps)
    return planner.whole(planner.resolved(planner.given, stops=False))


def give_the_same(
    left: LaunchConfig, right: LaunchConfig, catalogue: Catalogue, on: Platform
) -> bool:
    """Whether SGLang makes the same of two launches on a platform, as it's given the same.

    How they spell it doesn't matter, nor which model they name where one leaves that open.
    """
    one, other = (given_by(hidden(side), catalogue, on=on) for side in (left, right))
    return (one.fields, one.env, one.image) == (other.fields, other.env, other.image) and (
        one.refused == other.refused
    )


def planner_of(
    config: LaunchConfig,
    catalogue: Catalogue,
    on: Platform,
    model: str | None,
    steps: Steps | None = None,
) -> Planner:
    """What follows a launch. Raises ReadError where what the release does isn't known."""
    steps = steps_of(catalogue) if steps is None else steps
    if steps is None:
        raise ReadError(
            f"what {catalogue.name} makes of a launch isn't known",
            expected=f"a release of {', '.join(known_resolutions())}",
        )
    given = given_by(hidden(config), catalogue, model, on=on)
    facts = model_facts(_known_model(given) or model)
    return Planner(given, catalogue, on, facts, steps)


def _known_model(given: Given) -> str | None:
    path = given.fields.get("model_path")
    return path if isinstance(path, str) and path != SOME_MODEL else None


@dataclass(slots=True)
class Planner:
    """Follows one launch on one platform, as it's given or given otherwise."""

    given: Given
    catalogue: Catalogue
    on: Platform
    facts: Mapping[str, object]
    steps: Steps
    redundant: bool = True

    def resolved(self, given: Given, *, stops: bool = True, theirs: bool = False) -> Resolution:
        """What becomes of what is given; *theirs*: with the refusals that it may lead to."""
        found = self._evaluator(given, stops=stops, theirs=theirs).run(self.steps)
        return _with_width(found)

    def _evaluator(self, given: Given, *, stops: bool, theirs: bool) -> Evaluator:
        start = Resolution(dict(given.fields), {**given.image, **given.env})
        named = frozenset((*given.flags, *given.env)) - _BESIDE if theirs else frozenset()
        answers = self.on.answers
        return Evaluator(
            self.catalogue, answers, self.facts, given.fields, start, stops=stops, named=named
        )

    def replay(self, reads: Reads) -> Replay:
        """What becomes of the launch, to be followed again with some settings otherwise."""
        start = Resolution(dict(self.given.fields), {**self.given.image, **self.given.env})
        base = self._evaluator(self.given, stops=False, theirs=False)
        return Replay(self.steps, base, reads, start)

    def whole(self, found: Resolution) -> Resolution:
        """What becomes of it, were it not for the refusal that it has."""
        found.refused = self.given.refused or found.refused[:1]
        return _with_width(found)

    def variables(self, found: Resolution) -> Iterator[PlannedSetting]:
        """What becomes of each variable."""
        settable = {s[2] for s in self.steps if s[0] == "env" and self.redundant}
        for name in dict.fromkeys((*self.given.env, *found.env)):
            after = found.env.get(name)
            at = found.last("env", name)
            if name not in self.given.env:
                if after is not None and after != self.given.image.get(name):
                    yield self._told("env", name, None, after, _of_own(after), at)
                continue
            spelled = self.given.spelled.get(name)
            if isinstance(after, Open) or after is None:
                yield self._told("env", name, spelled, after, "unknown", at)
            elif not same_text(self.catalogue, name, self.given.env[name], after):
                yield self._told("env", name, spelled, after, "overwritten", at)
            elif (why := self._ignored(name)) is not None:
                yield PlannedSetting("env", name, spelled, spelled, "no-effect", None, why)
            else:
                without = self._without("env", name) if name in settable else None
                at = without.last("env", name) if without is not None else None
                alone = self.given.image.get(name) if without is None else without.env.get(name)
                if not same_text(self.catalogue, name, after, alone):
                    yield self._told("env", name, spelled, spelled, "kept", None)
                elif at is not None:
                    yield self._told("env", name, spelled, spelled, "default", at)
                else:
                    yield PlannedSetting("env", name, spelled, spelled, "default", None, AS_IMAGE)

    def arguments(self, found: Resolution) -> Iterator[PlannedSetting]:
        """What becomes of each argument: of those that the parser has a flag for."""
        flags = flag_names(self.catalogue) | self.given.flags
        settable = {s[2] for s in self.steps if s[0] == "set" and self.redundant}
        for name in dict.fromkeys((*self.given.flags, *found.fields)):
            if name not in flags or name in _BESIDE:
                continue
            before, after = self.given.fields.get(name), found.fields.get(name)
            at = found.last("args", name)
            flag, spelled = flags[name], self.given.spelled.get(name)
            if name not in self.given.flags:
                own = at is not None and DECLARED_IN not in at
                if own and after != before and after not in _NOTHING:
                    yield self._told("args", flag, None, after, _of_own(after), at)
            elif isinstance(after, Open):
                yield self._told("args", flag, spelled, after, "unknown", at)
            elif after != before:
                yield self._told("args", flag, spelled, after, "overwritten", at)
            else:
                without = self._without("args", name) if name in settable else None
                fields = without.fields if without is not None else parser_defaults(self.catalogue)
                if fields.get(name, Open()) == after:
                    at = without.last("args", name) if without is not None else None
                    yield self._told("args", flag, spelled, after, "default", at)
                else:
                    yield self._told("args", flag, spelled, after, "kept", None)

    def known(self, setting: PlannedSetting) -> PlannedSetting:
        """The setting with what isn't known of what is given, and what it then depends on."""
        names = {flag: dest for dest, flag in self.given.flags.items()}
        name = setting.name if setting.section == "env" else names.get(setting.name, "")
        unknown = self.given.unknown.get(name) if setting.given is not None else None
        if unknown is None:
            return setting
        why = setting.why
        if setting.effect in ("kept", "default") and unknown.names:
            unless = f"unless {' or '.join(unknown.names)} is set"
            why = f"{why}, {unless}" if why else unless
        return replace(setting, unknown=unknown, why=why)

    def _without(self, section: str, name: str) -> Resolution:
        """What becomes of the launch where one setting isn't given."""
        given = self.given
        if section == "env":
            env = {k: v for k, v in given.env.items() if k != name}
            return self.resolved(replace(given, env=env))
        default = parser_defaults(self.catalogue).get(name, Open(name))
        return self.resolved(replace(given, fields={**given.fields, name: default}))

    def _told(
        self,
        section: str,
        name: str,
        given: str | None,
        after: object,
        effect: Effect,
        at: str | None,
    ) -> PlannedSetting:
        why = {
            "overwritten": f"overwritten {self._where(section, name, at)}",
            "default": "as SGLang would set it itself" if at else "SGLang's default",
            "set": f"set {self._where(section, name, at)}",
        }.get(effect, "")
        if isinstance(after, Open):
            why, effective = open_reason(after, name), None
        else:
            effective = field_text(after)
        return PlannedSetting(section, name, given, effective, effect, at and shown_at(at), why)

    def _where(self, section: str, name: str, at: str | None) -> str:
        """For whose sake SGLang sets a setting there: the platform's, the model's, or neither's."""
        if section == "args":
            match = self.catalogue.argument(name)
            name = match.argument.dest if match is not None and match.argument is not None else name
        kind = "env" if section == "env" else "set"
        platform, model = depends_on(self.steps, kind, name, at or "")
        family = "ROCm" if self.on.family == "rocm" else self.on.architecture.upper()
        said = [f"on {family}"] if platform else []
        said += [f"for {ARCHITECTURE}"] if model else []
        return " ".join(said) or "by SGLang"

    def _ignored(self, name: str) -> str | None:
        """Why a variable has no effect; None where it has, or where nothing is known of it."""
        release = self.catalogue.name
        variable = self.catalogue.variable(name)
        if (hardware := elsewhere(self.catalogue, name, [self.on])) is not None:
            return f"{release} uses it only on {hardware}"
        if variable is not None:
            return f"{release} reads it nowhere" if variable.ignored else None
        if owner(name) != SGLANG:
            return None
        near = self.catalogue.near_variable(name)
        hint = f"; did you mean {near}?" if near else ""
        return f"{release} doesn't know it{hint}"


def _with_width(found: Resolution) -> Resolution:
    """With ``--enable-dp-attention``, which is told by the width that it stands for.

    So does ServerArgs.resolved_dict in sglang/srt/server_args.py of 0.5.23.
    """
    width = found.fields.get("attn_dp_size")
    if isinstance(width, int):
        found.fields["enable_dp_attention"] = width > 1
    return found


def _of_own(after: object) -> Effect:
    """The effect of what nobody gives."""
    return "unknown" if isinstance(after, Open) else "set"


def open_reason(value: Open, name: str = "") -> str:
    """Why a value of the setting *name* isn't known, in words."""
    if "get_device_memory_capacity" in value.why or "gpu_mem" in value.why:
        return "decided by the GPU's memory when it starts"
    why = value.why.removeprefix(f"{name}: ").replace("sglang/", "")
    return f"not known: {why}" if why else "not known"


def field_text(value: object) -> str:
    """A value of a field as people read it."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return str(value)
