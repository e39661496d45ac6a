"""What there is to say of the word under the cursor, as Markdown, the shortest first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import SGLANG, TREE, owner
from dsv4_env.catalogue.describe import Rows, facts, span, titled
from dsv4_env.explain import explained, facts_of
from dsv4_env.lsp.diagnosis import Diagnosis
from dsv4_env.lsp.positions import Lines, Place, Span
from dsv4_env.lsp.project import Project
from dsv4_env.lsp.words import Word, key_of, schema_path, setting_name, table_at, word_at
from dsv4_env.model.errors import ProfileError, UsageError, shortened
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import plain

_LONGEST = 300  # characters of a value
_ROWS = 6  # of a list that are told
_ITSELF = "set by SGLang"


def hover(
    project: Project, path: Path, lines: Lines, place: Place, found: Diagnosis
) -> tuple[str, Span] | None:
    """What is said of the word at a place, and where that stands; None where nothing is."""
    word = word_at(lines, place)
    if word is None:
        return None
    text = _said(project, path, lines, word, place, found)
    return (scrubbed(text), word.span) if text else None


def _said(
    project: Project, path: Path, lines: Lines, word: Word, place: Place, found: Diagnosis
) -> str | None:
    mine = [h.profile.name for h in found.held]
    if path.suffix == ".toml" and (layer := project.layer_at(path)) is not None:
        mine = [layer, *(n for n, p in project.profiles().items() if layer in p.layers)]
        if (text := of_key(lines, place, word)) is not None:
            return text
    name = setting_name(word, found.reader, found.catalogue)
    if name is None:
        name = word.text if _is_profile(project, word) else None
    if name is None:
        return None
    profiles, layers = project.profiles(), project.layers()
    if name not in profiles and (one := _profile(project, name)) is not None:
        profiles[name] = one
    settings = project.settings
    try:
        try:
            said = explained(name, profiles, layers, settings.profiles, settings.severity)
        except ProfileError:  # a layer is being written
            with project.as_saved():
                said = explained(name, profiles, layers, settings.profiles, settings.severity)
    except UsageError as exc:
        if owner(name) != SGLANG:  # of somebody else, or of another program
            return None
        return "No known SGLang reads it." + (f" Did you mean `{exc.hint}`?" if exc.hint else "")
    catalogue = found.catalogue
    if catalogue is not None and catalogue.release == TREE and said["kind"] in ("variable", "flag"):
        rows = [(k, v) for k, v in facts(catalogue, name) if k not in ("read in", "declared")]
        own = [{"releases": [TREE], "facts": dict(rows)}]
        said = {**said, "releases": [*own, *said["releases"]]}
    return markdown(said, catalogue.release if catalogue else "", mine)


def of_key(lines: Lines, place: Place, word: Word) -> str | None:
    """What the schema says of a key of a layer; None where the word is none of its own keys."""
    from dsv4_env.profile.schema import LayerFile, described  # pydantic

    header = word.line.lstrip().startswith("[")
    table = table_at(lines, place.line)
    key = () if header else key_of(word.line)
    if word.text not in ".".join((*table, *key) if header else key):
        return None
    whole = (*table, *key)
    if whole[:1] in (("env",), ("args",)) or (whole[:1] == ("when",) and len(whole) > 2):
        return None
    text = described(LayerFile, schema_path(whole)[: len(schema_path(whole))]) if whole else None
    return f"`{'.'.join(whole)}`: {text}" if text else None


def _is_profile(project: Project, word: Word) -> bool:
    """Whether a word in quotes is the name of a profile or layer."""
    quoted = word.line[word.start - 1 : word.start] in ("'", '"') and word.start > 0
    base = re.split(r"[+@]", word.text)[0]
    return quoted and (base in project.layers() or base in project.profiles())


def _profile(project: Project, name: str) -> Any:
    return project.profile(name) if re.search(r"[+@]", name) else None


def markdown(said: Mapping[str, Any], release: str, mine: Collection[str] = ()) -> str:
    """What ``explain`` has to say, as Markdown: of a release first, and of profiles of the file."""
    if said["kind"] == "rule":
        return str(said["text"])
    if said["kind"] in ("variable", "flag"):
        return "\n\n".join(_setting(said, release, mine))
    title = f": {words(said['title'])}" if said["title"] else ""
    head = f"**{code(said['name'])}**, {_article(said)}{title}"
    return "\n\n".join((head, *_parts(said)))


def _article(said: Mapping[str, Any]) -> str:
    if said["kind"] == "profile":
        return "a profile"
    return "an overlay" if said["overlay"] else "a layer"


def _parts(said: Mapping[str, Any]) -> Iterator[str]:
    if said["kind"] == "profile":
        yield f"{said['variables']} variables, {said['arguments']} arguments"
        yield "\n".join(
            f"- {code(x['name'])} ({code(x['file'])}) {words(x['description'])}"
            for x in said["layers"]
        )
        return
    yield f"{code(said['file'])} sets {shortened(', '.join(map(code, said['sets'])), 1000)}"
    if said["extends"]:
        yield f"It extends {', '.join(map(code, said['extends']))}."


def _setting(said: Mapping[str, Any], release: str, mine: Collection[str]) -> Iterator[str]:
    title = f", {said['title']}" if said["title"] else ""
    yield f"**{code(said['name'])}**{title}"
    groups = [(g["releases"], facts_of(g["facts"])) for g in said["releases"]]
    here = next((g for g in groups if release in g[0]), groups[-1] if groups else None)
    if not any(rows for _, rows in groups):
        yield "No known SGLang reads it."
    elif here is not None:
        yield _facts(here)
    if said["new_name"]:
        yield f"Its new name is {code(said['new_name'])}."
    yield _set_by(said, mine)
    for image in said["images"]:
        yield f"SGLang's {image['family']} images set it to {code(image['value'])}."
    if said["rules"]:
        yield _listed(
            f"{r['rule']} {r['name']} (SGLang {span(r['releases'])}): {r['summary']}"
            for r in said["rules"]
        )
    if here is not None and here[1]:
        own = [(key, value) for key, value in here[1] if key != _ITSELF]
        if others := _otherwise([g for g in groups if g is not here], own):
            yield f"Otherwise in\n\n{others}"


def _facts(group: tuple[list[str], Rows]) -> str:
    """What some releases make of it: on one line, and what SGLang sets it to by itself below."""
    spanned, rows = group
    told = ", ".join(f"{key} {code(value)}" for key, value in rows if key != _ITSELF)
    sets = _listed(f"SGLang itself: {code(value)}" for key, value in rows if key == _ITSELF)
    return f"{titled(spanned)}: {told or 'unknown'}" + (f"\n\n{sets}" if sets else "")


def _otherwise(groups: Iterable[tuple[list[str], Rows]], own: Rows) -> str:
    """The releases that make something else of it, as far as that isn't what they set it to."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for spanned, rows in groups:
        shown = tuple((key, value) for key, value in rows if key != _ITSELF)
        if list(shown) != own:
            found.setdefault(shown, []).extend(spanned)
    return _listed(
        f"SGLang {span(spanned)}: {', '.join(f'{k} {code(v)}' for k, v in rows) or 'unknown'}"
        for rows, spanned in found.items()
    )


def _set_by(said: Mapping[str, Any], mine: Collection[str]) -> str:
    """The profiles that set it, those of the file alone where there are some."""
    own = [s for s in said["set_by"] if s["profile"] in mine]
    rows: dict[str, list[str]] = {}
    for setter in own or said["set_by"]:
        alias = f" as {code(setter['as'])}" if setter["as"] != said["name"] else ""
        value = f" {code(setter['value'])}" if setter["value"] else ""
        first = setter["origin"][0] if setter["origin"] else {}
        place = f", {code(first['location'])}" if first.get("location") else ""
        why = f": {words(first['why'])}" if first.get("why") else ""
        rows.setdefault(f"{alias}{value}{place}{why}", []).append(code(setter["profile"]))
    told = _listed(f"{', '.join(names)}{row}" for row, names in rows.items())
    return f"Set by\n\n{told}" if told else "No profile sets it."


def _listed(rows: Iterable[str]) -> str:
    """Rows as a list, of which the first are told."""
    found = list(rows)
    more = [f"- and {len(found) - _ROWS} more"] if len(found) > _ROWS else []
    return "\n".join([*(f"- {row}" for row in found[:_ROWS]), *more])


def words(text: str) -> str:
    """Somebody's words as Markdown that is nothing but words: no link, no picture, no HTML."""
    return re.sub(r"[\\`*_{}\[\]()<>#!|~&]", r"\\\g<0>", plain(shortened(text, _LONGEST)))


def code(text: object) -> str:
    """A text as code: it can't be taken for Markdown, whatever is in it."""
    shown = plain(shortened(str(text), _LONGEST))
    ticks = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (ticks + 1)
    pad = " " if ticks else ""
    return f"{fence}{pad}{shown or ' '}{pad}{fence}"
