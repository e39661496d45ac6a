"""Rules about a launch as a whole, its profile and its script."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsv4_env.catalogue import SGLANG, TREE, owner, within
from dsv4_env.lint import source
from dsv4_env.lint.subject import LintProblem, Subject, setting_text
from dsv4_env.model import Location, Value
from dsv4_env.model.condition import Condition, Test
from dsv4_env.model.finding import Severity
from dsv4_env.model.secrets import plain_secret
from dsv4_env.readers import KINDS

_OWNERS = (SGLANG, "AITER (AMD)")
# Files in which one set of variables lies over another on purpose: dicts, levels, merged maps.
_LAYERED = {kind.name for kind in KINDS if kind.layered}


def overridden(s: Subject) -> Iterator[LintProblem]:
    """A setting that is made twice: the first has no effect."""
    last = {e.name: e for e in s.env}
    for e in () if s.config.reader in _LAYERED else s.config.env:
        wins = last.get(e.name)
        if not e.superseded or wins is None or e.location == wins.location:
            continue  # in a loop a place is its own successor
        ours = owner(e.name) is not None or s.catalogue.variable(e.name) is not None
        if ours and not _launched(s, e.location, wins.location):
            message = f"{e.name} is set here and again later: the last wins"
            yield LintProblem(e.name, message, e.location, wins.location, action="remove this one")
    given: dict[str, tuple[str, Location | None]] = {}
    for flag, arg, argument in s.known_flags:
        if arg.condition is None and argument.action != "BooleanOptionalAction":
            before = given.get(argument.dest)
            if before is not None:
                same = flag if before[0] == flag else f"{before[0]}, as {flag},"
                message = f"{same} is given here and again later: the last wins"
                action = "remove this one"
                yield LintProblem(before[0], message, before[1], arg.location, action=action)
            given[argument.dest] = flag, arg.location


def _launched(s: Subject, one: Location | None, two: Location | None) -> bool:
    """Whether another launch, for which the first setting counts, stands between two places."""
    return any(
        one is not None
        and two is not None
        and launch.location is not None
        and one < launch.location < two
        for launch in s.launches
    )


_KEPT_OUT = "take it from the environment"


def secret_value(s: Subject) -> Iterator[LintProblem]:
    """A password, a key or a token that stands in the file itself."""
    for e in s.env:
        variable = s.catalogue.variable(e.name)
        declared = variable is not None and variable.secret
        if _plain_secret(s, e.name, e.value, declared=declared):
            message, action = f"the secret {e.name} stands here in plain text", _KEPT_OUT
            yield LintProblem(e.name, message, e.location, action=action)
    for arg in s.config.args or ():
        flag = arg.flag or ""
        if any(_plain_secret(s, flag, value) for value in arg.values):
            message, action = f"the secret of {flag} stands here in plain text", _KEPT_OUT
            yield LintProblem(flag, message, arg.location, action=action)


def _plain_secret(s: Subject, name: str, value: Value, *, declared: bool = False) -> bool:
    known = setting_text(value)
    if not known or not plain_secret("SECRET" if declared else name, known, taken=False):
        return False
    if s.config.reader == "profile":
        return True
    return s.file_text is not None and known in s.file_text  # not one that came from outside


def unquoted_expansion(s: Subject) -> Iterator[LintProblem]:
    """An expansion without quotes in the command that launches the server."""
    if s.script is None or s.config.location is None:
        return
    for word in source.unquoted_words(s.script, s.config.location):
        match = s.catalogue.argument(word.after) if word.after else None
        value = match is not None and match.argument is not None and match.argument.takes_value
        if _plain(s, word):
            continue
        if value or word.joined:
            message = f"{word.text} isn't quoted: a blank makes two words of it, no value none"
            yield LintProblem(word.text, message, word.location, action="quote it")
        else:
            message = f"{word.text} isn't quoted: it is split at spaces"
            note, action = Severity.NOTE, "use an array, which keeps words whole"
            yield LintProblem(word.text, message, word.location, severity=note, action=action)


_SPLIT = re.compile(r"[\s*?\[]")


def _plain(s: Subject, word: source.Unquoted) -> bool:
    """Whether what a word becomes is known, and is one that bash leaves whole."""
    flag = word.text.partition("=")[0] if word.text.startswith("--") else word.after
    given = [a for a in s.config.args or () if a.flag == flag]
    return bool(given) and all(
        len(a.values) == 1 and isinstance(a.values[0], str) and a.values[0] != ""
        and not _SPLIT.search(a.values[0])
        for a in given
    )  # fmt: skip


def export_after(s: Subject) -> Iterator[LintProblem]:
    """An export that stands after the launch: the server never sees it."""
    if s.script is None or s.config.location is None:
        return
    for name, location in source.exports_after(s.script, s.config.location):
        known = s.catalogue.variable(name) is not None or owner(name) in _OWNERS
        later = (c.location for c in s.launches if c.location is not None)
        if known and not any(other > location for other in later):
            message = f"{name} is exported after the launch, so the server doesn't see it"
            action = "export it before"
            yield LintProblem(name, message, location, s.config.location, action=action)


def not_exported(s: Subject) -> Iterator[LintProblem]:
    """``A=1; python3 …``: a variable of the shell that the server isn't given."""
    if s.script is None or s.config.location is None or s.config.partial:
        return
    # One that is given where it is exported outside is none that the script gives.
    given = {e.name for e in s.config.env if not _from_outside(e.condition)}
    for name, location in source.assigned_before(s.script, s.config.location):
        if name in given or (s.catalogue.variable(name) is None and owner(name) not in _OWNERS):
            continue
        message = f"{name} is set in the shell and not exported, so the server doesn't get it"
        yield LintProblem(name, message, location, s.config.location, action="export it")


def _from_outside(condition: Condition | None) -> bool:
    return isinstance(condition, Test) and condition.operator == "outside"


def outside_range(s: Subject) -> Iterator[LintProblem]:
    """A profile that isn't meant for this release."""
    tree = s.catalogue.release == TREE  # which no range is meant for
    if s.range is not None and not tree and s.catalogue.release not in within(s.range):
        message = f"{s.config.name} is meant for SGLang {s.range}, not {s.catalogue.release}"
        action = "take one of these, or `dsv4-env upgrade` the profile"
        place = s.range_at or s.config.location
        yield LintProblem(s.config.name, message, place, action=action)
