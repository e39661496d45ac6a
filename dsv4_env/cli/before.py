"""What is told before a server starts: what would keep it from that."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dsv4_env.cli.comparing import catalogue_for
from dsv4_env.cli.output import tell
from dsv4_env.cli.wanted import wanted
from dsv4_env.model.secrets import scrubbed
from dsv4_env.profile import Profile
from dsv4_env.readers import bash
from dsv4_env.server import preflight


def command_obstacles(
    profile: Profile, words: Sequence[str], environ: Mapping[str, str]
) -> list[preflight.Obstacle]:
    """What SGLang makes of the servers that a command starts; nothing for any other command."""
    found: list[preflight.Obstacle] = []
    for launch in bash.read_all(shlex.join(words), "the command"):
        config = replace(launch, env=(*profile.config.env, *launch.env))
        catalogue = catalogue_for(wanted().sglang, [profile.sglang_range], tree=False)
        start = preflight.PlannedLaunch(profile, config, words, environ, "")
        found += preflight.of_command(start, catalogue)
    return found


def told(found: Sequence[preflight.Obstacle], does: str) -> bool:
    """Tell what stands in the way of a start, and whether something does.

    *does* is what --skip does of it in spite of that: it ``launches`` or ``runs``.
    """
    for obstacle in found:
        kind = "error" if obstacle.serious else "note"
        way = f" (--skip {obstacle.check} {does} all the same)" if obstacle.serious else ""
        tell(f"dsv4-env: {kind}: {obstacle.check}: {scrubbed(obstacle.message)}{way}")
    return any(o.serious for o in found)
