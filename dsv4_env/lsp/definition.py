"""Where the profile says what stands under the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dsv4_env.explain import is_same
from dsv4_env.lsp.diagnosis import Diagnosis
from dsv4_env.lsp.positions import Lines, Place
from dsv4_env.lsp.project import Project
from dsv4_env.lsp.words import setting_name, word_at
from dsv4_env.model import Location
from dsv4_env.profile import Profile


def definition(
    project: Project, path: Path, lines: Lines, place: Place, found: Diagnosis
) -> list[Location]:
    """The places of layers that say it: of a setting in the profiles of its file, or of a name.

    In a layer it is what that overrides.
    """
    word = word_at(lines, place)
    if word is None:
        return []
    layers = project.layers()
    if word.line[word.start - 1 : word.start] in ("'", '"') and word.start:
        names = [n for n in re.split(r"[+@]", word.text) if n in layers]
        if names:
            return [Location(str(layers[name]), 1, 1) for name in names]
    name = setting_name(word, found.reader, found.catalogue)
    if name is None:
        return []
    profiles = [h.profile for h in found.held]
    if found.kind == "layer":
        layer = project.layer_at(path)
        profiles = [p for p in project.profiles().values() if layer in p.layers]
    places = [at for profile in profiles for at in _places(profile, name, found)]
    here = place.line + 1
    return [at for at in dict.fromkeys(places) if (at.path, at.line) != (str(path), here)]


def _places(profile: Profile, name: str, found: Diagnosis) -> Iterator[Location]:
    """Where a profile has a setting from; for a layer all that it overrides, too."""
    settings = [(e.name, e.origin) for e in profile.config.env]
    settings += [(a.flag or "", a.origin) for a in profile.config.args or ()]
    catalogue = found.catalogue
    for other, origin in settings:
        if other != name and (catalogue is None or not is_same(name, catalogue, other)):
            continue
        chain = list(origin.chain())
        for setter in chain if found.kind == "layer" else chain[:1]:
            if setter.location is not None and setter.location.line is not None:
                yield setter.location
