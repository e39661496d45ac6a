"""Rules about environment variables."""

from __future__ import annotations

from collections.abc import Iterator

from dsv4_env.catalogue import SGLANG, history, load, owner, releases
from dsv4_env.catalogue.images import envs_of
from dsv4_env.catalogue.semantics import equals_default, invalid, same_value
from dsv4_env.lint.subject import LintProblem, Subject, on, setting_text, together
from dsv4_env.model import EnvVar
from dsv4_env.model.finding import Severity
from dsv4_env.model.secrets import masked


def _gone(s: Subject, name: str) -> bool:
    """Whether an older release understands the name and this one doesn't."""
    if history.knows(s.catalogue, name):
        return False
    return any(history.knows(load(r), name) for r in s.older)


def removed_since(s: Subject, name: str) -> str:
    """The first known release, up to this one, that doesn't understand the name any more."""
    last = [r for r in s.older if history.knows(load(r), name)][-1]
    if last == s.catalogue.base:
        return f"from {s.sglang}, and SGLang {last} still has it"
    return f"since SGLang {releases()[releases().index(last) + 1]}"


def unknown_variable(s: Subject) -> Iterator[LintProblem]:
    """A name that is SGLang's by its prefix, and that SGLang doesn't know."""
    for e in s.env:
        if owner(e.name) != SGLANG or history.knows(s.catalogue, e.name) or _gone(s, e.name):
            continue
        if s.catalogue.variable(e.name) is not None:
            yield on(e, f"{s.sglang} doesn't read {e.name}", "remove it")
            continue
        later = history.first_release(e.name)
        if later is not None:
            message = f"{s.sglang} doesn't know {e.name} yet"
            yield on(e, message, f"remove it, or launch with {later}, the first that does")
            continue
        near = s.catalogue.near_variable(e.name)
        action = f"did you mean {near}?" if near else "remove it"
        yield on(e, f"{s.sglang} doesn't know {e.name} and ignores it", action)


def removed(s: Subject) -> Iterator[LintProblem]:
    """A variable that SGLang read once and reads no more."""
    for e in s.env:
        if owner(e.name) != SGLANG or not _gone(s, e.name):
            continue
        message = f"{e.name} is gone {removed_since(s, e.name)}, and is ignored"
        yield on(e, message, replacement(s, e.name) or "remove it")


def replacement(s: Subject, name: str) -> str:
    """``use NEW`` where something replaces a variable, else nothing."""
    said = history.renamed(s.catalogue, name)
    if said is not None:
        how = {
            "invert_bool": ", with the opposite value",
            "ms_to_s": ", in seconds instead of milliseconds",
            "computed": ", which takes another value",
        }.get(said.transform or "", "")
        return f"use {said.new}{how}"
    here = s.catalogue.variable(name)
    return f"use {here.replaced_by}" if here and here.replaced_by else ""


def deprecated_variable(s: Subject) -> Iterator[LintProblem]:
    """A name that SGLang still understands, and warns about."""
    for e in s.env:
        variable = s.catalogue.variable(e.name)
        if variable is None or not variable.live or _new_names(s, e):
            continue  # both_names says it
        if variable.renamed_to is not None:
            message, effect = f"{e.name} is an old name", f"{s.sglang} still takes it"
            if not variable.transform and history.opposites(e.name, variable.renamed_to):
                message = f"{s.sglang} gives the value of {e.name} to its opposite as it is"
                effect = ""
            yield on(e, message, replacement(s, e.name), effect=effect)
        elif variable.deprecated:
            message = f"{s.sglang} calls {e.name} deprecated"
            yield on(e, message, replacement(s, e.name) or "do without it")


def both_names(s: Subject) -> Iterator[LintProblem]:
    """The old name and the new one are set, and one of them wins."""
    for e in s.env:
        variable = s.catalogue.variable(e.name)
        others = _new_names(s, e)
        if variable is None or not others:
            continue
        new = others[0].name
        wins = {"old": f"{e.name} wins", "new": f"{new} wins"}.get(
            variable.wins or "", "which of them counts isn't known"
        )
        yield LintProblem(
            e.name,
            f"{e.name} is an old name of {new}, and both are set",
            e.location,
            others[0].location,
            condition=e.condition or others[0].condition,
            action="remove the old one",
            effect=wins,
        )


def _new_names(s: Subject, setting: EnvVar) -> list[EnvVar]:
    """The settings of the new name that are made where the old name is set."""
    variable = s.catalogue.variable(setting.name)
    new = variable.renamed_to if variable else None
    return [e for e in s.env if e.name == new and together(e, setting)]


def invalid_variable(s: Subject) -> Iterator[LintProblem]:
    """A value that SGLang can't read: it takes the default, or stops."""
    for e in s.env:
        variable = s.catalogue.variable(e.name)
        value = setting_text(e.value)
        if variable is not None and variable.renamed_to and not variable.transform:
            variable = s.catalogue.variable(variable.renamed_to)
        if variable is None or value is None:
            continue
        wrong = invalid(variable, value)
        if wrong is not None:
            severity = Severity.ERROR if wrong.stops else None
            message = f'{e.name} is "{masked(e.name, value)}"'
            yield on(e, message, f"write {wrong.expected}", severity, wrong.outcome)


def default_variable(s: Subject) -> Iterator[LintProblem]:
    """A value that SGLang would use anyway."""
    # Where the image has another one, or may have, setting SGLang's default does something.
    images = envs_of(s.config.image, s.platform.family if s.platform else None)
    for e in s.env:
        if isinstance(e.value, str):
            texts = {image.get(e.name, e.value) for image in images}
            if any(same_value(s.catalogue, e.name, e.value, text) is None for text in texts):
                continue
            reason = equals_default(s.catalogue, e.name, e.value)
            if reason is not None:
                yield on(e, f"{e.name} needn't be set", "remove it", effect=reason)


def unread(s: Subject) -> Iterator[LintProblem]:
    """A variable that SGLang declares, and that nothing in it reads."""
    for e in s.env:
        variable = s.catalogue.variable(e.name)
        if variable is not None and variable.in_envs and not variable.mentioned:
            yield on(e, f"{s.sglang} declares {e.name} and never reads it", "remove it")
