"""Profiles: what one launch of DeepSeek-V4 needs, resolved from layers."""

from __future__ import annotations

from dsv4_env.model import shipped_dir
from dsv4_env.profile.loading import load_all, load_profile, profile_names, resolve_all
from dsv4_env.profile.profile import Profile, layer_bytes, layer_files, reference_script

__all__ = [
    "Profile",
    "layer_bytes",
    "layer_files",
    "load_all",
    "load_profile",
    "profile_names",
    "reference_script",
    "resolve_all",
    "shipped_dir",
]
