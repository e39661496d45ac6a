"""Whether SGLang starts with a profile's launch at all."""

from __future__ import annotations

from dsv4_env.catalogue.releases import load
from dsv4_env.catalogue.resolution import known_resolutions
from dsv4_env.model.errors import ProfileError
from dsv4_env.plan.evaluate import shown_at
from dsv4_env.plan.planning import resolved
from dsv4_env.plan.platforms import PLATFORMS
from dsv4_env.profile.profile import Profile


def refusal(profile: Profile) -> str | None:
    """What SGLang would stop a profile's launch with, as far as that is known."""
    on = PLATFORMS.get(profile.target.hardware or "")
    if on is None or profile.sglang not in known_resolutions():
        return None
    catalogue, model = load(profile.sglang), profile.default_model_path
    refused = resolved(profile.config, catalogue, on, model=model).refused
    if not refused:
        return None
    at = f" ({shown_at(refused[0].at)})" if refused[0].at else ""
    return f"SGLang {profile.sglang} refuses it on {on.name}: {refused[0].message}{at}"


def not_refused(profile: Profile) -> Profile:
    """A profile that SGLang starts with, as far as that is known. Raises ProfileError."""
    said = refusal(profile) if profile.refused is None else profile.refused
    if said:
        raise ProfileError(
            f"{profile.name}: {said}",
            where=profile.config.location,
            expected="other overlays, another release or other hardware",
        )
    return profile
