"""Profiles by name, from the lock or from the layers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.model.secrets import meet
from dsv4_env.profile import lock
from dsv4_env.profile.profile import Profile, layer_files, profile_folders


def load_all(folder: str | Path | None = None) -> dict[str, Profile]:
    """Every profile by name, from the lock when it matches the layers byte for byte."""
    files = layer_files(folder)
    path = lock.lock_path(profile_folders(folder)[-1])
    found = lock.read_lock(path, files) or resolve_all(files)
    for profile in found.values():
        meet(profile.config)
    return found


def resolve_all(
    files: Mapping[str, Path], data: Mapping[str, bytes] | None = None
) -> dict[str, Profile]:
    """Every profile by name, read and merged from its layers.

    *data* are layers' bytes that stand for what is in their files.
    """
    from dsv4_env.profile.layers import resolve_layers  # pydantic, which a lock saves

    return resolve_layers(files, data or {})


def profile_names(folder: str | Path | None = None) -> list[str]:
    """The names of all profiles, sorted."""
    return sorted(load_all(folder))


def load_profile(name: str, folder: str | Path | None = None) -> Profile:
    """The profile *name*, from the shipped ones or from *folder*.

    Raises ProfileError when there is none of that name, or a layer is wrong.
    """
    profiles = load_all(folder)
    if name in profiles:
        return profiles[name]
    expected = "one of " + ", ".join(sorted(profiles))
    if name in layer_files(folder):
        raise ProfileError(f"{name!r} is a layer, not a profile", expected=expected)
    raise ProfileError(
        f"unknown profile {name!r}", expected=expected, hint=did_you_mean(name, profiles)
    )
