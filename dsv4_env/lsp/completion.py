"""What may stand at a place: names and values of a release, profiles, and the keys of a layer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.catalogue import Argument, Catalogue, Variable, describe
from dsv4_env.lsp.diagnosis import Diagnosis
from dsv4_env.lsp.hover import code
from dsv4_env.lsp.positions import Lines, Place, Span
from dsv4_env.lsp.project import Project
from dsv4_env.lsp.words import key_of, schema_path, table_at
from dsv4_env.model.secrets import is_secret
from dsv4_env.profile import known_overlays

MOST = 2_000  # that are offered at once
_LONGEST = 20_000  # characters of a line
_FLAG = re.compile(r"(?<![\w-])--?[\w-]*$", re.ASCII)
_NAME = re.compile(r"(?<![\w$.-])\$?\{?(?P<name>[A-Z][A-Z0-9_]{1,})$", re.ASCII)
_PROFILE = re.compile(
    r"(?:load_profile\s*\(\s*|\bprofile\s*=\s*|\bdsv4_env\s*\(\s*|\bdsv4-env\s+(?:export|run|launch|check"
    r"|diff|sync|show|plan)\s+)[\[(]?[\"']?(?P<name>[\w.+@-]*)$",
    re.ASCII,
)
_LAYERS = re.compile(
    r"^\s*(?:extends|needs|excludes|with)\s*=\s*(?:\[\s*)?(?:\"[^\"]*\"\s*,\s*)*"
    r"[\"']?(?P<name>[\w.-]*)$",
    re.ASCII,
)
_VALUE = re.compile(
    r"(?<![\w-])(?P<flag>--[\w-]+)(?:[\"']?\s*[,=:]\s*[\[(]?|\s+)[\"']?(?P<value>[\w.+-]*)$",
    re.ASCII,
)
_SET = re.compile(
    r"(?<![\w$.-])(?P<env>[A-Z][A-Z0-9_]+)[\"']?\s*(?:\]\s*)?[:=,]\s*[\"']?(?P<value>[\w.+-]*)$",
    re.ASCII,
)
_BOOLEANS = ("true", "false", "1", "0")


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that may stand at a place: *kind* is variable, flag, value, profile or key.

    *detail* is one line on it; *old* is one that SGLang would rather not see.
    """

    label: str
    kind: str
    span: Span
    detail: str = ""
    old: bool = False


def complete(
    project: Project, path: Path, lines: Lines, place: Place, found: Diagnosis
) -> list[Offer]:
    """What may stand at a place, for the release that counts there."""
    column = lines.column(place)
    before = lines.line(place.line)[:column]
    if len(before) > _LONGEST:
        return []
    catalogue = found.catalogue or project.usual_catalogue(path)
    layer = path.suffix == ".toml" and project.layer_at(path) is not None

    def behind(start: int) -> Span:
        return lines.span(place.line, start, column)

    if (match := _PROFILE.search(before)) is not None:
        return list(_profiles(project, match["name"], behind(match.start("name"))))
    if layer and (match := _LAYERS.search(before)) is not None:
        return _named(project.layers(), "profile", behind(match.start("name")))
    if (match := _VALUE.search(before)) is not None and not match["value"].startswith("-"):
        return list(_values(catalogue, match["flag"], behind(match.start("value"))))
    if (match := _SET.search(before)) is not None:
        return list(_env_values(project, catalogue, match["env"], behind(match.start("value"))))
    if (match := _FLAG.search(before)) is not None:
        if layer and not _in_table(lines, place.line, "args"):
            return []
        return list(_flags(catalogue, match[0], behind(match.start())))
    if layer:
        return _in_layer(project, catalogue, lines, place, before)
    if (match := _NAME.search(before)) is not None:
        return list(_variables(project, catalogue, match["name"], behind(match.start("name"))))
    return []


def documentation(label: str, catalogue: Catalogue) -> str:
    """What is said of an offered name when somebody looks at it, as Markdown."""
    rows = describe.facts(catalogue, label)
    return "\n".join(f"- {key} {code(value)}" for key, value in rows)


def _in_table(lines: Lines, number: int, name: str) -> bool:
    return table_at(lines, number)[-1:] == (name,)


def _in_layer(
    project: Project,
    catalogue: Catalogue,
    lines: Lines,
    place: Place,
    before: str,
) -> list[Offer]:
    """The keys of the table of a layer that a line is in."""
    from dsv4_env.profile.schema import LayerFile, keys_of  # pydantic

    if key_of(before):
        return []
    start = len(before) - len(before.lstrip(" \t[\"'"))
    span = lines.span(place.line, start, len(before))
    table = table_at(lines, place.line)
    if before.lstrip().startswith("["):
        return _named(keys_of(LayerFile), "key", span)
    if table[-1:] == ("env",):
        return list(_variables(project, catalogue, before[start:], span))
    if table[-1:] == ("args",):
        return list(_flags(catalogue, before[start:], span))
    return _named(keys_of(LayerFile, schema_path(table)), "key", span)


def _named(names: Iterable[str], kind: str, span: Span) -> list[Offer]:
    return [Offer(name, kind, span) for name in names][:MOST]


def _profiles(project: Project, typed: str, span: Span) -> Iterator[Offer]:
    base, plus, _ = typed.rpartition("+")
    if plus:
        for name, description in known_overlays(project.settings.profiles).items():
            yield Offer(f"{base}+{name}", "profile", span, description)
        return
    for name, profile in project.profiles().items():
        yield Offer(name, "profile", span, profile.description)


def _flags(catalogue: Catalogue, typed: str, span: Span) -> Iterator[Offer]:
    for option, flag in catalogue.option_strings().items():
        if option.startswith(typed or "--") and flag:
            argument = catalogue.arguments[flag]
            old = argument.deprecated or argument.refused or bool(argument.replacement)
            yield Offer(option, "flag", span, _of_argument(argument), old)


def _of_argument(argument: Argument) -> str:
    kind = argument.type or argument.action
    return kind if argument.default is None else f"{kind}, default {argument.default}"


def _variables(project: Project, catalogue: Catalogue, typed: str, span: Span) -> Iterator[Offer]:
    known = {name: _of_variable(v) for name, v in catalogue.variables.items()}
    for profile in project.profiles().values():
        for name in profile.config.effective_env:
            known.setdefault(name, f"set by {profile.name}")
    names = [name for name in sorted(known) if name.startswith(typed)]
    for name in names[:MOST]:
        variable = catalogue.variables.get(name)
        old = variable is not None and bool(variable.renamed_to or variable.deprecated)
        yield Offer(name, "variable", span, known[name], old)


def _of_variable(variable: Variable) -> str:
    if variable.renamed_to:
        return f"renamed to {variable.renamed_to}"
    if variable.default is None:
        return variable.kind
    return f"{variable.kind}, default {variable.default}"


def _values(catalogue: Catalogue, flag: str, span: Span) -> Iterator[Offer]:
    match = catalogue.argument(flag)
    if match is None or match.argument is None:
        return
    for choice in match.argument.choices or ():
        default = "the default" if choice == match.argument.default else ""
        yield Offer(choice, "value", span, default)


def _env_values(project: Project, catalogue: Catalogue, name: str, span: Span) -> Iterator[Offer]:
    """What profiles give to a variable, and of a boolean what SGLang takes for one."""
    said: dict[str, str] = {}
    for profile in project.profiles().values():
        setting = profile.config.effective_env.get(name)
        value = setting.value if setting is not None else None
        if isinstance(value, str) and value and not is_secret(name, value):
            said.setdefault(value, f"as {profile.name} has it")
    variable = catalogue.variable(name)
    if variable is not None and variable.kind == "bool":
        for value in _BOOLEANS:
            said.setdefault(value, "the default" if value == variable.default else "")
    for value, detail in said.items():
        yield Offer(value, "value", span, detail)
