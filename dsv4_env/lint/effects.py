"""What SGLang's own work makes of a launch: settings it overwrites, launches it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.lint.subject import LintProblem, Subject
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.finding import Severity
from dsv4_env.model.secrets import scrubbed
from dsv4_env.plan.evaluate import Refusal, shown_at
from dsv4_env.plan.exchange import ways_out
from dsv4_env.plan.given import PARSER
from dsv4_env.plan.models import given_model, is_of_deepseek_v4, unknown_model
from dsv4_env.plan.planning import Plan, PlannedSetting, plan
from dsv4_env.plan.platforms import EACH, Platform


def overwritten(s: Subject) -> Iterator[LintProblem]:
    """A setting that ends up with another value than it's given, and of which nothing else is made.

    Where the hardware isn't known, what is so on some only is a note that names them.
    """
    made = s.plans()
    found: dict[tuple[str, str], list[tuple[str, PlannedSetting]]] = {}
    for one in made:
        for setting in one.having("overwritten"):
            if not setting.ways:  # SGLang makes something of it: --attn-dp-size of --dp-size
                continue
            found.setdefault((setting.section, setting.name), []).append((one.platform, setting))
    for (_, name), places in found.items():
        first = places[0][1]
        given = first.shown_given() or "set"
        for after in dict.fromkeys(x.effective for _, x in places):
            here = [(p, x) for p, x in places if x.effective == after]
            ats = ", ".join(dict.fromkeys(x.at for _, x in here if x.at))
            where, severity = _where(s, made, [p for p, _ in here], everywhere=len(places))
            yield LintProblem(
                name,
                f'{name} is {given}; {s.sglang} makes it "{after}"{where}',
                _place(s.config, name),
                severity=severity,
                action=", or ".join(
                    w for w in here[0][1].ways if all(w in x.ways for _, x in here)
                ),
                effect=ats and f"decided in {ats}",
            )


def refused(s: Subject) -> Iterator[LintProblem]:
    """A launch that SGLang stops with, whose arguments its parser takes.

    Where the hardware isn't known, what it refuses on some only is a note that names them.
    """
    made = s.plans()
    found: dict[Refusal, list[str]] = {}
    for one in made:
        for refusal in one.refused:
            if refusal.at != PARSER:  # those have rules of their own
                found.setdefault(refusal, []).append(one.platform)
    stopped = sum(1 for one in made if one.refused)
    for refusal, places in found.items():
        where, severity = _where(s, made, places, everywhere=stopped)
        yield LintProblem(
            "launch",
            f"{s.sglang} refuses the launch{where}",
            s.config.location,
            severity=severity,
            action="change what it names below",
            effect=f"{refusal.message} ({shown_at(refusal.at)})",
        )


def _where(
    s: Subject, made: Sequence[Plan], places: Sequence[str], *, everywhere: int
) -> tuple[str, Severity | None]:
    """The platforms in words, and how much it matters: a note where it isn't so on all."""
    if s.platform is not None:
        return f" on {s.platform.name}", None
    where = "" if len(places) == len(made) else f" on {' and '.join(places)}"
    return where, None if everywhere == len(made) else Severity.NOTE


def plans(
    config: LaunchConfig, catalogue: Catalogue, on: Platform | None, model: str | None
) -> tuple[Plan, ...]:
    """What SGLang makes of a launch on its hardware, else on one of each kind.

    None of a launch of another model, of which it makes something else, or where it isn't known.
    """
    if steps_of(catalogue) is None or config.args is None:
        return ()
    if not is_of_deepseek_v4(config, model):
        return ()
    places = EACH if on is None else (on,)
    return tuple(_plan(config, catalogue, p, model) for p in places)


def _plan(config: LaunchConfig, catalogue: Catalogue, on: Platform, model: str | None) -> Plan:
    """A plan whose overwritten settings say what can be done about them."""
    made = plan(config, catalogue, on, model=model, redundant=False)
    ways = ways_out(config, catalogue, on, model, made)
    settings = (
        replace(s, ways=ways.get((s.section, s.name), ())) if s.effect == "overwritten" else s
        for s in made.settings
    )
    return replace(made, settings=tuple(settings))


def unplanned(config: LaunchConfig, catalogue: Catalogue) -> str | None:
    """Why what SGLang makes of a launch isn't told, where that isn't for its being another model's.

    None where it's told, and where the launch says nothing of a model.
    """
    text = unknown_model(config)
    known = given_model(config) is not None or is_of_deepseek_v4(config)
    if known or not text or config.args is None or steps_of(catalogue) is None:
        return None
    return (
        f"which model {scrubbed(text)} is isn't known: whether {catalogue.name} overwrites "
        "settings or refuses the launch isn't told (`dsv4-env plan` takes it for a DeepSeek-V4)"
    )


def _place(config: LaunchConfig, name: str) -> Location | None:
    """Where a setting is given."""
    if name.startswith("-"):
        places = [a.location for a in config.args or () if a.flag == name]
    else:
        places = [e.location for e in config.env if e.name == name and not e.superseded]
    return places[-1] if places else config.location
