"""Profiles: what one launch of DeepSeek-V4 needs, resolved from layers."""

from __future__ import annotations

from dsv4_env.model import shipped_dir as shipped_dir
from dsv4_env.profile.loading import (
    known_overlays as known_overlays,
    known_targets as known_targets,
    load_all as load_all,
    load_profile as load_profile,
    load_targets as load_targets,
    load_wanted as load_wanted,
    locked_all as locked_all,
    profile_names as profile_names,
    resolve_all as resolve_all,
    said_by_layers as said_by_layers,
    startable as startable,
    with_settings as with_settings,
)
from dsv4_env.profile.profile import (
    LOCAL as LOCAL,
    REFERENCE_RELEASE as REFERENCE_RELEASE,
    Profile as Profile,
    layer_bytes as layer_bytes,
    layer_files as layer_files,
    layer_places as layer_places,
    local_files as local_files,
    own_folder as own_folder,
    profile_folders as profile_folders,
    reference_script as reference_script,
)
from dsv4_env.profile.target import Target as Target, Wanted as Wanted
