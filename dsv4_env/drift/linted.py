"""What a release of SGLang makes of a project's files and profiles, as comparisons of a report."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.catalogue import Catalogue
from dsv4_env.compare.effects import platform_of
from dsv4_env.compare.findings import in_finding, partial_finding, read_by, tree_of
from dsv4_env.compare.normalise import is_unknown
from dsv4_env.drift.files import fits
from dsv4_env.lint import PLANNING, lint
from dsv4_env.lint.effects import unplanned
from dsv4_env.model import LaunchConfig, Location, Unknown, Value
from dsv4_env.model.errors import shortened
from dsv4_env.model.finding import NOT_KNOWN, Comparison, Finding
from dsv4_env.model.secrets import scrubbed
from dsv4_env.plan.platforms import Platform, hinted
from dsv4_env.profile import Profile
from dsv4_env.profile.settings import Pair, Settings

_LISTED = 8  # names in one note


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules that are asked for, by id: these alone, and not those."""

    select: Collection[str] = ()
    ignore: Collection[str] = ()

    @property
    def plans(self) -> bool:
        """Whether a rule is asked for that tells what SGLang makes of a launch."""
        return any(r not in self.ignore and (not self.select or r in self.select) for r in PLANNING)


def pairs_with(path: Path | str, found: Settings) -> list[Pair]:
    """The pairs of a project that a file is of."""
    name = os.path.relpath(path, found.folder or Path.cwd()).replace(os.sep, "/")
    return [p for p in found.pairs if fits(name, p.files) and not fits(name, p.exclude)]


def release_of_pairs(
    pairs: Sequence[Pair], known: Mapping[str, Profile]
) -> tuple[str | None, list[str | None]]:
    """The release that pairs name, and the ranges that their profiles are meant for."""
    bases = (re.split(r"[+@]", p.profile)[0] for p in pairs)
    ranges = [known[base].sglang_range for base in bases if base in known]
    return next((p.sglang for p in pairs if p.sglang), None), ranges


def lint_profile(
    profile: Profile, catalogue: Catalogue, chosen: Chosen, on: Platform | None
) -> Comparison:
    """What is said of a profile; *on* is the hardware, where another than its own is meant."""
    origin = profile.origins.get(("sglang", "range"))
    said = lint(
        profile.config,
        catalogue,
        range_=profile.sglang_range,
        range_at=origin.location if origin else None,
        on=on or platform_of(profile.hardware),
        model=profile.default_model_path,
        select=chosen.select,
        ignore=chosen.ignore,
    )
    return _comparison(profile.config, profile.name, catalogue, said)


def lint_launches(
    wanted: Sequence[tuple[str, LaunchConfig]],
    launches: Sequence[LaunchConfig],
    text: str,
    reader: str,
    read_as: Callable[[LaunchConfig], Catalogue],
    chosen: Chosen,
    on: Platform | None,
) -> list[Comparison]:
    """What is said of launches of a file, each thing once; *launches* are all that it has.

    *read_as* gives the release whose reading counts, *on* is the hardware where it's known.
    """
    comparisons: list[Comparison] = []
    told: set[tuple[str, str, Location | None]] = set()
    unknown: set[str] = set()
    for title, config in wanted:
        catalogue = read_as(config)
        place = hinted({"image": config.image_name})
        said = lint(
            config,
            catalogue,
            text=text,
            script=text if reader == "bash" else None,
            launches=tuple(launches),
            on=on or (place[0] if place else None),
            select=chosen.select,
            ignore=chosen.ignore,
        )
        made = _comparison(config, title, catalogue, said)
        why = unplanned(config, catalogue) if chosen.plans else None
        if why is not None and why not in unknown:  # once for a file of many launches
            unknown.add(why)
            made = replace(made, notes=(*made.notes, why))
        fresh = [f for f in made.findings if (f.rule.id, f.text, f.location) not in told]
        again = [f for f in made.findings if (f.rule.id, f.text, f.location) in told]
        told |= {(f.rule.id, f.text, f.location) for f in fresh}
        comparisons.append(replace(made, findings=tuple(fresh), repeated=tuple(again)))
    return comparisons


def _comparison(
    config: LaunchConfig, title: str, catalogue: Catalogue, findings: list[Finding]
) -> Comparison:
    if config.partial:
        findings = [*findings, partial_finding(config)]
    notes = [n.message for n in config.notes if not config.partial or not in_finding(n)]
    if tree_of(catalogue):
        notes.append(read_by(catalogue))
    unknown = _unknown(config)
    if unknown:
        listed = ", ".join(unknown[:_LISTED]) + (" …" if len(unknown) > _LISTED else "")
        notes.append(f"{NOT_KNOWN}{listed}")
    settings_read = len({e.name for e in config.env}) + len({a.flag for a in config.args or ()})
    return Comparison(
        catalogue.name,
        title,
        tuple(findings),
        settings_read,
        len(unknown),
        tuple(notes),
        right_at=config.location,
        lint=True,
        release=catalogue.release,
        tree=tree_of(catalogue),
    )


def _unknown(config: LaunchConfig) -> list[str]:
    """What can't be known of a launch, by name: words that belong to no flag by their text.

    What the outside may override isn't among it, as what counts without that is known.
    """
    made: list[tuple[str, tuple[Value, ...]]] = [
        (e.name, (e.value,)) for e in config.env if not e.superseded
    ]
    made += [(a.flag or "", a.words) for a in config.args or ()]
    found: dict[str, None] = {}
    for name, words in made:
        for word in words:
            if isinstance(word, Unknown) and is_unknown((word,)):
                found.setdefault(name or shortened(scrubbed(word.text), 60))
    return list(found)
