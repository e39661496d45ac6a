"""What an editor may do about a finding: the edits of `sync` and `upgrade`, each for it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dsv4_env import drift
from dsv4_env.catalogue import Catalogue, load
from dsv4_env.catalogue.history import flag_in, renamed
from dsv4_env.compare.differences import Difference
from dsv4_env.compare.findings import compared
from dsv4_env.lint.upgrade import runs_on
from dsv4_env.lsp.diagnosis import Diagnosis, Told
from dsv4_env.lsp.positions import Lines, TextEdit
from dsv4_env.lsp.project import Project
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import plain
from dsv4_env.readers import read
from dsv4_env.writeback.editors import EDITORS
from dsv4_env.writeback.edits import Propose
from dsv4_env.writeback.fixes import settled, settled_alone
from dsv4_env.writeback.upgrading import rename_text, upgrade_text

MOST = 12  # findings that actions are worked out for at once: each takes some readings of its file
FIX_ALL = "source.fixAll.dsv4-env"
_DRIFT = ("DSV001", "DSV002", "DSV003", "DSV008")
_MEANT = ("DSV101", "DSV108")  # of an unknown name: the one that was meant
_SHORT = ("DSV110",)  # of an abbreviated flag: the whole one
_OLD = ("DSV102", "DSV103", "DSV107", "DSV109", "DSV111")  # what `upgrade` has an edit for
_VERBS = {
    "DSV001": "Add {name} as {profile} has it",
    "DSV002": "Remove {name}, which {profile} hasn't",
    "DSV008": "Use the name that {profile} has for {name}",
}


@dataclass(frozen=True, slots=True)
class Action:
    """Something that may be done: its edits by file, and the finding that it settles, if it's one.

    *sure* is what the file itself is to be: the first thing that an editor offers.
    """

    title: str
    edits: dict[Path, list[TextEdit]]
    told: Told | None = None
    sure: bool = False
    kind: str = "quickfix"


@dataclass(slots=True, eq=False)
class _File:
    """The file that is edited, read by its own editor."""

    path: Path
    found: Diagnosis
    text: str
    propose: Propose
    launches: Callable[[str], list[LaunchConfig]] = field(repr=False)


def actions(
    project: Project,
    path: Path,
    data: bytes,
    lines: Lines,
    found: Diagnosis,
    wanted: Sequence[Told],
) -> list[Action]:
    """What may be done about findings, each alone. To be called within :meth:`Project.asked`."""
    made: list[Action] = []
    file = _opened(path, data, found)
    for told in wanted[:MOST]:
        try:
            if found.kind == "layer":
                made += _in_layer(path, lines, told, found)
            elif told.held is not None:
                made += _of_drift(project, path, lines, told, told.held)
            elif file is not None:
                made += _of_lint(file, lines, told)
        except Dsv4Error:
            continue  # what can't be edited has no action
    return [a for a in made if any(a.edits.values()) and not _tells_secret(a)]


def fix_all(path: Path, data: bytes, lines: Lines, found: Diagnosis) -> Action | None:
    """All that `sync --to --prune` and `upgrade --write` would do to the file; None for nothing.

    Nor is there one that would write a secret: who wants that says so to `sync`.
    """
    file = _opened(path, data, found)
    if file is None:
        return None
    text = file.text
    try:
        for held in found.held:
            text = settled(held, text)
        if found.catalogue is not None:
            text = _upgraded(file, text, found.catalogue, None)
    except Dsv4Error:
        return None
    edits = lines.edits(text)
    title = "Make it what the profiles have, with the names of the release"
    action = Action(title, {path: edits}, kind=FIX_ALL)
    return action if edits and not _tells_secret(action) else None


def _opened(path: Path, data: bytes, found: Diagnosis) -> _File | None:
    editor, how = EDITORS.get(found.reader), found.how
    if editor is None or how is None:
        return None
    try:
        text, encoding = editor.decode(data, path)
    except (Dsv4Error, ValueError, SyntaxError):
        return None

    @lru_cache(maxsize=4)
    def launches(text: str) -> list[LaunchConfig]:
        return read(editor.encode(text, encoding), path, how)

    return _File(path, found, text, editor.propose, launches)


def _of_drift(
    project: Project, path: Path, lines: Lines, told: Told, held: drift.Held
) -> Iterator[Action]:
    name, profile = plain(told.finding.subject), held.profile.name
    done = settled_alone(told.raw, held)
    if done is not None and held.config.location and held.config.location.path == str(path):
        verb = _VERBS.get(told.finding.rule.id, "Make {name} what {profile} has")
        edits = lines.edits(done[1])
        yield Action(verb.format(name=name, profile=profile), {path: edits}, told, sure=True)
    if told.finding.rule.id in _DRIFT:
        yield from _other_way(project, told, held)


def _tells_secret(action: Action) -> bool:
    """Whether an edit would write what looks like a secret."""
    texts = [edit.text for edits in action.edits.values() for edit in edits]
    return any(scrubbed(text) != text for text in texts)


def _other_way(project: Project, told: Told, held: drift.Held) -> Iterator[Action]:
    """The edit of layers that `sync --from` would make for one finding."""
    from dsv4_env.writeback.layers import EditedLayers, edit_layers  # pydantic and tomlkit

    profile = held.profile
    layers = EditedLayers(
        profile.name, project.settings.profiles, None, profile.target, profile.sglang
    )

    def differ(one: LaunchConfig, other: LaunchConfig) -> list[Difference]:
        found = compared(
            one,
            other,
            ignore=held.ignore,
            compare=held.compare,
            catalogue=held.catalogue,
            given=held.reading.inputs,
        )
        return [d for d in found if d.name == told.raw.subject]

    if edit_layers(layers, held.config, differ):
        return
    changes = layers.changes()
    edits = {c.path: Lines((c.old or b"").decode()).edits((c.new or b"").decode()) for c in changes}
    others = layers.affected()
    also = f", and so {', '.join(others)}" if others else ""
    name = plain(told.finding.subject)
    if edits:
        yield Action(f"Change {profile.name} instead, as {name} is here{also}", edits, told)


def _of_lint(file: _File, lines: Lines, told: Told) -> Iterator[Action]:
    rule, name = told.raw.rule.id, told.raw.subject
    catalogue = file.found.catalogue
    if catalogue is None:
        return
    near = _near(catalogue, name) if rule in (*_MEANT, *_SHORT) else None
    if near is not None:
        text = rename_text(file.text, str(file.path), file.launches, file.propose, name, near)
        title = f"Rename {plain(name)} to {near}"
    elif rule in _OLD:
        text = _upgraded(file, file.text, catalogue, name)
        title = f"Make {plain(name)} what {catalogue.name} takes"
    else:
        return
    if text is not None and scrubbed(title) == title:
        yield Action(title, {file.path: lines.edits(text)}, told, sure=True)


def _near(catalogue: Catalogue, name: str) -> str | None:
    """The name that was meant by an unknown one, or that one is short for."""
    if name.startswith("-"):
        match = catalogue.argument(name)
        return match.flag if match and match.abbreviated else catalogue.near_flag(name)
    return catalogue.near_variable(name)


def _upgraded(file: _File, text: str, catalogue: Catalogue, only: str | None) -> str:
    """The text with what `upgrade --write` does for the release that counts already."""
    known = load(catalogue.base or catalogue.release)

    def releases(config: LaunchConfig) -> tuple[Catalogue, Catalogue]:
        return runs_on(config, known), catalogue

    return upgrade_text(text, str(file.path), file.launches, file.propose, releases, only).text


def _in_layer(path: Path, lines: Lines, told: Told, found: Diagnosis) -> Iterator[Action]:
    """Another name for what a layer sets: the one that was meant, or that the release has."""
    from dsv4_env.writeback.layers import rename_key  # pydantic and tomlkit

    rule, old, place = told.raw.rule.id, told.raw.subject, told.raw.location
    catalogue = found.catalogue
    if catalogue is None or place is None or place.line is None:
        return
    meant = rule in (*_MEANT, *_SHORT)
    new = _near(catalogue, old) if meant else _today(catalogue, old)
    if not (meant or rule in _OLD) or new is None or new == old:
        return
    text = rename_key(path, lines.text, place, old, new)
    if text is not None:
        yield Action(f"Rename {plain(old)} to {new}", {path: lines.edits(text)}, told, sure=True)


def _today(catalogue: Catalogue, name: str) -> str | None:
    """The name that a release has for a setting, where the value stays the same."""
    if name.startswith("-"):
        return flag_in(catalogue, name)
    said = renamed(catalogue, name)
    return said.new if said is not None and said.transform is None else None
