"""A running server as it's compared: its values, held to what a launch gives and SGLang sets.

A server tells what its arguments are in the end, not who gave them. What the launch on the other
side gives counts as it's spelled there, where it's the same value; what nobody gave, and SGLang
sets itself, is no difference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue.arguments import same_arg
from dsv4_env.catalogue.records import arguments, is_default
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.normalise import as_parsed
from dsv4_env.model import LaunchConfig, Note, ServerArg
from dsv4_env.model.errors import shortened
from dsv4_env.model.secrets import masked
from dsv4_env.plan.against import alike
from dsv4_env.plan.evaluate import Open, Resolution, shown_at
from dsv4_env.plan.given import flag_names, given_by, parser_defaults
from dsv4_env.plan.planning import field_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsv4_env.catalogue import Catalogue

_LISTED = 12  # settings in one note


def release_of(*configs: LaunchConfig) -> str | None:
    """The known release of the first of these launches that is a running server's."""
    return next((c.served.release for c in configs if c.served and c.served.release), None)


def as_held(
    server: LaunchConfig, other: LaunchConfig, catalogue: Catalogue, planned: Resolution | None
) -> LaunchConfig:
    """A running server as it's compared with another launch; any other launch as it is.

    *planned* is what SGLang makes of the other one, where that is known: what it sets itself isn't
    held against the server. Notes say what is left out.
    """
    served = server.served
    if served is None or other.served is not None or other.args is None:
        return server
    told = dict(arguments(served.fields, catalogue, server.reader, server.location))
    given: dict[str, ServerArg] = {}
    for arg in as_parsed(other, catalogue).args or ():
        match = catalogue.argument(arg.flag) if arg.flag else None
        if match is not None and match.argument is not None:
            given[match.argument.dest] = arg
    kept = [_spelled(told.pop(name), arg, catalogue) for name, arg in given.items() if name in told]
    own: list[ServerArg] = []
    open_: list[ServerArg] = []
    steps = steps_of(catalogue)
    settable = None if steps is None else {s[2] for s in steps if s[0] == "set"}
    for name, arg in told.items():
        expected = planned.fields.get(name, Open()) if planned is not None else Open()
        default = is_default(catalogue, name, arg)
        value = served.fields.get(name)
        if default:
            continue
        if name != "model_path" and value == served.fields.get("model_path"):
            own.append(arg)  # taken from the model's path: the tokenizer's, the name it's served as
        elif expected is None and served.unasked(name):
            own.append(arg)  # what SGLang falls back to
        elif not isinstance(expected, Open):
            (own if alike(expected, value) else kept).append(arg)
        else:
            asked = served.asked
            may = (settable is None or name in settable) if asked is None else name not in asked
            (open_ if may else kept).append(arg)
    notes = list(server.notes)
    if own:
        are = "1 more argument is" if len(own) == 1 else f"{len(own)} more arguments are"
        notes.append(Note(f"{are} what {catalogue.name} sets by itself"))
    if open_:
        listed = ", ".join(f"{a.flag} {_value(a)}".strip() for a in open_[:_LISTED])
        more = f", and {len(open_) - _LISTED} more" if len(open_) > _LISTED else ""
        notes.append(Note(f"not compared, as SGLang may have set them: {listed}{more}"))
    return replace(server, args=tuple(kept), notes=tuple(notes))


def _value(arg: ServerArg) -> str:
    return shortened(masked(arg.flag or "", " ".join(map(str, arg.values))), 60)


def _spelled(mine: ServerArg, given: ServerArg, catalogue: Catalogue) -> ServerArg:
    """A server's argument spelled as the launch spells it, where it's the same, or its flag."""
    words = [w for w in given.words if isinstance(w, str)]
    if len(words) == len(given.words) and same_arg(catalogue, words, [*map(str, mine.words)]):
        return replace(mine, flag=given.flag, values=given.values, joined=given.joined)
    one, other = (catalogue.argument(a.flag or "") for a in (mine, given))
    if one and other and one.argument == other.argument and mine.values:
        return replace(mine, flag=given.flag)
    return mine


def otherwise(
    server: LaunchConfig, other: LaunchConfig, catalogue: Catalogue, planned: Resolution
) -> Iterator[tuple[str, str, str, str]]:
    """What SGLang should have set by itself, and a running server has at the parser's default.

    Each is (flag, the server's value, the expected one, the file and line that set it).
    """
    assert server.served is not None
    given = given_by(other, catalogue).flags
    for name, flag in flag_names(catalogue).items():
        value, at = planned.fields.get(name, Open()), planned.last("args", name)
        running = server.served.fields.get(name, value)
        if name in given or at is None or isinstance(value, Open) or alike(value, running):
            continue
        if alike(parser_defaults(catalogue).get(name), running):
            now, then = (masked(flag, field_text(v)) for v in (running, value))
            yield flag, now, then, shown_at(at)


def told_by(server: LaunchConfig, planned: Resolution) -> Resolution:
    """What became of a running server's launch, in the values of a plan where they're the same."""
    assert server.served is not None
    fields = {
        name: planned.fields[name] if alike(planned.fields.get(name, Open()), value) else value
        for name, value in server.served.fields.items()
    }
    return Resolution(fields, {})
