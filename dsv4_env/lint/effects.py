"""What SGLang's own work makes of a launch: settings it overwrites, launches it refuses."""

from __future__ import annotations

from collections.abc import Iterator

from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.lint.subject import LintProblem, Subject
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.plan.evaluate import shown_at
from dsv4_env.plan.given import PARSER
from dsv4_env.plan.models import is_of_family, model_of
from dsv4_env.plan.planning import Plan, plan
from dsv4_env.plan.platforms import EACH, Platform


def overwritten(s: Subject) -> Iterator[LintProblem]:
    """A setting that ends up with another value than it's given."""
    made = s.plans()
    if not made:
        return
    others = [{(p.section, p.name) for p in one.having("overwritten")} for one in made[1:]]
    for setting in made[0].having("overwritten"):
        if all((setting.section, setting.name) in names for names in others):
            given = f'"{setting.given}"' if setting.given else "set"
            message = (
                f'{setting.name} is {given}; {s.sglang} makes it "{setting.effective}"'
                f"{_where(s)} ({setting.at})"
            )
            yield LintProblem(setting.name, message, _place(s.config, setting.name))


def refused(s: Subject) -> Iterator[LintProblem]:
    """A launch that SGLang stops with, whose arguments its parser takes."""
    made = s.plans()
    if not made or not all(p.refused for p in made):
        return
    for refusal in made[0].refused:
        if refusal.at != PARSER:  # those have rules of their own
            at = shown_at(refusal.at)
            message = f"{s.sglang} refuses the launch{_where(s)}: {refusal.message} ({at})"
            yield LintProblem("launch", message, s.config.location)


def _where(s: Subject) -> str:
    return f" on {s.platform.name}" if s.platform is not None else ""


def plans(
    config: LaunchConfig, catalogue: Catalogue, on: Platform | None, model: str | None
) -> tuple[Plan, ...]:
    """What SGLang makes of a launch on its hardware, else on one of each kind.

    None of a launch of another model, of which it makes something else, or where it isn't known.
    """
    if steps_of(catalogue) is None or config.args is None:
        return ()
    if not is_of_family(model_of(config) or model or ""):
        return ()
    places = EACH if on is None else (on,)
    return tuple(plan(config, catalogue, p, model=model, redundant=False) for p in places)


def _place(config: LaunchConfig, name: str) -> Location | None:
    """Where a setting is given."""
    if name.startswith("-"):
        places = [a.location for a in config.args or () if a.flag == name]
    else:
        places = [e.location for e in config.env if e.name == name and not e.superseded]
    return places[-1] if places else config.location
