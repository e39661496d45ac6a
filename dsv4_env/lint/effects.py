"""What SGLang's own work makes of a launch: settings it overwrites, launches it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.lint.subject import LintProblem, Subject
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.plan.given import PARSER
from dsv4_env.plan.models import is_of_family, model_of
from dsv4_env.plan.planning import Plan, plan
from dsv4_env.plan.platforms import PLATFORMS, Platform

_EACH = ("mi355x", "h200", "b200")  # where no platform is named: what holds on all of them


def overwritten(s: Subject) -> Iterator[LintProblem]:
    """A setting that ends up with another value than it's given."""
    plans = _plans(s)
    if not plans:
        return
    others = [{(p.section, p.name) for p in made.having("overwritten")} for made in plans[1:]]
    for setting in plans[0].having("overwritten"):
        if all((setting.section, setting.name) in names for names in others):
            given = f'"{setting.given}"' if setting.given else "set"
            message = (
                f'{setting.name} is {given}; {s.sglang} makes it "{setting.effective}"'
                f"{_where(s)} ({setting.at})"
            )
            yield LintProblem(setting.name, message, _place(s.config, setting.name))


def refused(s: Subject) -> Iterator[LintProblem]:
    """A launch that SGLang stops with, whose arguments its parser takes."""
    plans = _plans(s)
    if not plans or not all(p.refused for p in plans):
        return
    for refusal in plans[0].refused:
        if refusal.at != PARSER:  # those have rules of their own
            at = refusal.at.removeprefix("sglang/")
            message = f"{s.sglang} refuses the launch{_where(s)}: {refusal.message} ({at})"
            yield LintProblem("launch", message, s.config.location)


def _where(s: Subject) -> str:
    return f" on {s.platform.name}" if s.platform is not None else ""


def _plans(s: Subject) -> tuple[Plan, ...]:
    if steps_of(s.catalogue) is None or s.config.args is None:
        return ()
    if not is_of_family(model_of(s.config) or s.model or ""):
        return ()  # of other models SGLang makes something else
    return _planned(_Same(s.config), _Same(s.catalogue), s.platform, s.model)


class _Same:
    """An object as the key of a cache: by which it is, not by what it holds."""

    def __init__(self, of: LaunchConfig | Catalogue) -> None:
        self.of = of

    def __hash__(self) -> int:
        return id(self.of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.of is self.of


@lru_cache(maxsize=4)
def _planned(
    config: _Same, catalogue: _Same, on: Platform | None, model: str | None
) -> tuple[Plan, ...]:
    assert isinstance(config.of, LaunchConfig)
    assert isinstance(catalogue.of, Catalogue)
    places = [PLATFORMS[name] for name in _EACH] if on is None else [on]
    return tuple(
        plan(config.of, catalogue.of, place, model=model, redundant=False) for place in places
    )


def _place(config: LaunchConfig, name: str) -> Location | None:
    """Where a setting is given."""
    if name.startswith("-"):
        places = [a.location for a in config.args or () if a.flag == name]
    else:
        places = [e.location for e in config.env if e.name == name and not e.superseded]
    return places[-1] if places else config.location
