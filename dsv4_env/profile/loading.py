"""Profiles by name, for the target that is meant, from the lock or from the layers themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dsv4_env.catalogue.entries import TREE
from dsv4_env.catalogue.releases import nearest
from dsv4_env.guard.asked import names_ending
from dsv4_env.guard.files import real
from dsv4_env.guard.kept import kept
from dsv4_env.model.errors import Dsv4Error, ProfileError, ReadError, did_you_mean
from dsv4_env.model.secrets import meet
from dsv4_env.profile import lock, project
from dsv4_env.profile.profile import Profile, layer_files, local_files, profile_folders
from dsv4_env.profile.target import Spec, Target, Wanted, asked, choose, parse

if TYPE_CHECKING:
    from dsv4_env.profile.layer import LayerSetting
    from dsv4_env.profile.layers import Layers


def load_all(folder: str | Path | None = None, wanted: Wanted | None = None) -> dict[str, Profile]:
    """Every profile by name, as it usually is; of *wanted* the release counts.

    They are those of the lock when it matches the layers byte for byte.
    """
    return dict(kept(("all", folder, wanted), None, partial(_all, folder, wanted)))


def _all(folder: str | Path | None, wanted: Wanted | None) -> dict[str, Profile]:
    files, local = layer_files(folder), local_files(folder)
    locked = _lock(folder, files)
    release = _release(with_settings(wanted))
    if locked is None:
        found = resolve_all(files, sglang=release, local=local)
    else:
        known = {name: _locked(locked, Spec(name), Wanted(), release) for name in locked.names}
        found = {n: p for n, p in known.items() if p and local.keys().isdisjoint(p.layers)}
        if len(found) < len(known) or not files.keys() <= locked.files.keys():
            layers = _layers(files, local)
            own = (name for name in layers.names if name not in locked.files)
            names = dict.fromkeys((*locked.names, *own))
            found = {n: found.get(n) or layers.usual(n, release) for n in names}
    for profile in found.values():
        meet(profile.config)
    return found


def resolve_all(
    files: Mapping[str, Path],
    data: Mapping[str, bytes] | None = None,
    *,
    sglang: str | None = None,
    local: Mapping[str, Sequence[Path]] | None = None,
) -> dict[str, Profile]:
    """Every profile by name, read and merged from its layers.

    *data* are layers' bytes that stand for what is in their files, *local* what this host lays over
    them. Without a release it is the one that :func:`load_profile` takes.
    """
    from dsv4_env.profile.layers import resolve_layers  # pydantic, which a lock saves

    release = sglang or _release(with_settings())
    return resolve_layers(files, data or {}, release, local)


def locked_all(files: Mapping[str, Path], data: Mapping[str, bytes] | None = None) -> lock.Contents:
    """What a lock of these layers holds."""
    from dsv4_env.profile.layers import Layers  # pydantic, which a lock saves

    return Layers(files, data or {}).contents()


def known_targets(folder: str | Path | None = None) -> dict[str, list[Target]]:
    """The targets of every profile by its name, the usual one first."""
    files = layer_files(folder)
    locked = _all_of(folder, files)
    if locked is not None and locked.whole:
        return {name: locked.rows(name) for name in locked.names}
    layers = _layers(files, {})
    return {name: layers.rows(name) for name in layers.names}


def load_targets(folder: str | Path | None = None, wanted: Wanted | None = None) -> list[Profile]:
    """Every profile for each of its targets, the usual one first; of *wanted* the release counts.

    Raises ProfileError for a wrong layer.
    """
    files, local = layer_files(folder), local_files(folder)
    locked = None if local else _all_of(folder, files)
    locked = locked if locked and locked.whole else None
    release = _release(with_settings(wanted))
    layers = _layers(files, local) if locked is None else None
    known = locked or layers
    assert known is not None
    found: list[Profile] = []
    for name in known.names:
        for target in known.rows(name):
            spec = Spec(name, target.overlays, target.hardware)
            profile = locked.profile(spec, target, release) if locked else None
            if profile is None:
                layers = layers or _layers(files, local)
                profile = layers.profile(spec, target, release)
            meet(profile.config)
            found.append(profile)
    return found


def known_overlays(folder: str | Path | None = None) -> dict[str, str]:
    """What each overlay is, by its name."""
    files = layer_files(folder)
    locked = _all_of(folder, files)
    if locked is not None:
        return locked.overlays
    layers = _layers(files, {})
    return {name: layers.all[name].file.description for name in layers.overlays}


def said_by_layers(
    folder: str | Path | None = None,
) -> Iterator[tuple[str, str, str, LayerSetting]]:
    """What layers say of variables and arguments: the layer, ``env`` or ``args``, the name, what.

    All of it, whichever conditions it's under; an overlay is one. Raises ProfileError.
    """
    layers = _layers(layer_files(folder), local_files(folder))
    for name, layer in layers.all.items():
        for (section, key), given in layer.every():
            if section in ("env", "args"):
                taken = f"with {name}" if layer.file.overlay else ""
                when = ", ".join(filter(None, (taken, given.when)))
                yield name, section, key, replace(given, when=when)


def _layers(files: Mapping[str, Path], local: Mapping[str, Sequence[Path]]) -> Layers:
    these = tuple(files.items()), tuple((name, tuple(paths)) for name, paths in local.items())
    return kept("layers", these, partial(_read_layers, files, local))


def _read_layers(files: Mapping[str, Path], local: Mapping[str, Sequence[Path]]) -> Layers:
    from dsv4_env.profile.layers import Layers  # pydantic, which a lock saves

    layers = Layers(files, {}, local)
    layers.possible()
    return layers


def _lock(folder: str | Path | None, files: Mapping[str, Path]) -> lock.Lock | None:
    """The lock of *folder*, else the shipped one, which knows nothing of the user's own layers."""
    shared = [real(f) for f in profile_folders(folder, own=False)]
    these = {name: path for name, path in files.items() if real(path.parent) in shared}
    return lock.read_lock(lock.lock_path(profile_folders(folder, own=False)[-1]), these)


def _all_of(folder: str | Path | None, files: Mapping[str, Path]) -> lock.Lock | None:
    """The lock, where it knows all layers that there are."""
    found = _lock(folder, files)
    return found if found is not None and files.keys() <= found.files.keys() else None


def profile_names(folder: str | Path | None = None) -> list[str]:
    """The names of all profiles, sorted; each may be followed by overlays and hardware."""
    return sorted(load_all(folder))


def load_profile(
    name: str,
    folder: str | Path | None = None,
    *,
    sglang: str | None = None,
    on: str | None = None,
    strategy: str | None = None,
    nodes: int | None = None,
    role: str | None = None,
) -> Profile:
    """The profile ``NAME+OVERLAY@HARDWARE``, from the shipped ones or from *folder*.

    The release of SGLang is the given one, else that of the settings, else that of the SGLang
    which is installed for this interpreter, else the newest that the profile is for. Of what else
    isn't given, the profile says what is usual. Raises ProfileError when there is none of that
    name or for that target, a layer is wrong, or SGLang would refuse the combination.
    """
    return startable(load_wanted(name, folder, Wanted(sglang, on, strategy, nodes, role)))


def startable(profile: Profile) -> Profile:
    """A profile whose overlays SGLang takes together, as far as that is known.

    What a profile itself says, `lint` and `plan` judge. Raises ProfileError.
    """
    if not profile.target.overlays or profile.refused == "":
        return profile
    from dsv4_env.profile.refusal import not_refused  # what follows SGLang takes long to import

    return not_refused(profile)


def load_wanted(name: str, folder: str | Path | None, wanted: Wanted) -> Profile:
    """The profile of a name for what is asked for, whether SGLang refuses it or not.

    Raises ProfileError.
    """
    return kept(("wanted", name, folder, wanted), None, partial(_wanted, name, folder, wanted))


def _wanted(name: str, folder: str | Path | None, wanted: Wanted) -> Profile:
    files = layer_files(folder)
    spec = parse(name)
    if spec.base not in files:
        names = load_all(folder)
        raise ProfileError(
            f"unknown profile {spec.base!r}",
            expected="one of " + ", ".join(sorted(names)),
            hint=did_you_mean(spec.base, names),
        )
    found = with_settings(asked(spec, wanted))
    release = _release(found)
    locked, local = _lock(folder, files), local_files(folder)
    profile = _locked(locked, spec, found, release) if locked else None
    if profile is None or not local.keys().isdisjoint(profile.layers):
        layers = _layers(files, local)
        if spec.base not in layers.names:
            expected = "one of " + ", ".join(sorted(layers.names))
            raise ProfileError(f"{spec.base!r} is a layer, not a profile", expected=expected)
        rows, roles = layers.rows(spec.base), layers.roles(spec)
        target = choose(spec.name, rows, found, spec.overlays, roles)
        profile = layers.profile(spec, target, release)
    meet(profile.config)
    return profile


def _locked(locked: lock.Lock, spec: Spec, wanted: Wanted, release: str | None) -> Profile | None:
    """What the lock holds of it; None where it holds nothing, or not that."""
    rows = locked.rows(spec.base)
    try:
        target = choose(spec.name, rows, wanted, spec.overlays) if rows else None
    except ProfileError:
        return None  # the layers may know more targets
    return locked.profile(spec, target, release) if target else None


def with_settings(wanted: Wanted | None = None) -> Wanted:
    """What is asked for, and of what isn't what the settings around the current folder say."""
    wanted = wanted or Wanted()
    try:
        said = project.target(Path.cwd(), os.environ)
    except (ValueError, OSError, Dsv4Error):
        from dsv4_env.profile.settings import load  # pydantic

        try:
            found = load(Path.cwd(), os.environ)
            said = {key: getattr(found, key) for key in project.TARGET}
        except (OSError, Dsv4Error):
            # Whoever reads all settings tells what is wrong with them; variables count still.
            said = {key: os.environ.get(f"{project.PREFIX}{key.upper()}") for key in project.TARGET}
    given = {key: getattr(wanted, key) or said[key] for key in project.TARGET}
    return Wanted(**cast("dict[str, Any]", given))


def _release(wanted: Wanted) -> str | None:
    """The known release that is meant, None where the profile says."""
    text = wanted.sglang or installed()
    if text is None or text == TREE:  # a checkout's own is newer than all that are known
        return None
    try:
        return nearest(text)[0]
    except ReadError:
        if wanted.sglang:
            raise
        return None


def installed() -> str | None:
    """The version of the SGLang that is installed for this interpreter."""
    # importlib.metadata takes as long to import as all else that an export does.
    for folder in sys.path:
        for name in names_ending(folder or ".", ".dist-info"):
            if name.startswith("sglang-"):
                return name.removeprefix("sglang-").removesuffix(".dist-info")
    return None
