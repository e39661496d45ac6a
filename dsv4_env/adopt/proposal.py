"""What adopting comes to in files: layers, the pairs that hold them, and tests that take them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsv4_env.adopt.execution import Execution, executed
from dsv4_env.adopt.planning import Adopted, Adoption
from dsv4_env.adopt.proof import Aside, Proof, Tried, laid_out, outside_names, proved
from dsv4_env.adopt.rewriting import CannotRewrite, Use, folder_from, rewritten
from dsv4_env.adopt.script import ScriptUse, rewritten_scripts
from dsv4_env.catalogue.releases import load
from dsv4_env.catalogue.resolution import known_resolutions
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.drift.files import fits, literal
from dsv4_env.model import LaunchConfig, Location, shipped_dir
from dsv4_env.model.budget import Budget
from dsv4_env.plan.planning import plan
from dsv4_env.plan.platforms import Platform
from dsv4_env.profile.settings import Pair
from dsv4_env.readers import bash
from dsv4_env.readers.taken import KnownProfiles

_PLACE = re.compile(r"(?P<path>.*?):(?P<line>\d+):(?P<column>\d+): (?P<said>.*)", re.DOTALL)
_WAY_ON = "it can stay as it is, held by its pair, or be set so that it is known where it stands"
_STEPS = 500_000  # that reading a script again for one variable after the other may take


@dataclass(slots=True)
class Rewritten:
    """The tests that take their launches from profiles: *texts* by path, old and new.

    *alone* are those that are left as they are, with the reason; *asides* what differs and is
    known to; *wrong* what their execution differs in.
    """

    texts: dict[Path, tuple[str, str]] = field(default_factory=dict)
    alone: list[tuple[Location, str]] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def newest_starting(
    launches: Sequence[LaunchConfig], on: Platform | None
) -> tuple[str, list[tuple[str, LaunchConfig, str]]]:
    """The newest release on which all launches start as they are written.

    With it what newer ones refuse, and of which launch; where none starts them all, it is the one
    that starts most, with what that one refuses. The newest of all where the hardware isn't known.
    """
    refused: list[tuple[str, LaunchConfig, str]] = []
    if on is None:
        return RELEASES[-1], refused
    best: tuple[str, list[tuple[str, LaunchConfig, str]]] | None = None
    for release in reversed(RELEASES):
        if release not in known_resolutions():
            break
        found = []
        for launch in launches:
            said = plan(launch, load(release), on, redundant=False).refused
            found += [(release, launch, said[0].message)] if said else []
        if not found:
            return release, refused
        refused += found
        if best is None or len(found) < len(best[1]):
            best = release, found
    return best or (RELEASES[-1], [])


def new_pairs(adoption: Adoption, existing: Sequence[Pair]) -> list[Pair]:
    """The pairs that hold each launch to its profile; what a pair holds already stays as it is.

    One for each profile, with all its files; a file with launches of several profiles has pairs of
    its own, which name them.
    """
    files: dict[str, list[Adopted]] = {}
    for adopted in adoption.adopted:
        files.setdefault(adopted.source.path, []).append(adopted)
    whole: dict[str, Pair] = {}
    parts: list[Pair] = []
    for path, mine in files.items():
        left = [a for a in mine if not _is_held(a, path, existing)]
        if not left:
            continue
        asked = {str(a.composition): _pair(a, path) for a in left}
        if len(asked) == 1 and left == mine:
            ((key, pair),) = asked.items()
            before = whole.get(key)
            if before is not None:
                pair = replace(before, files=(*before.files, *pair.files))
            whole[key] = pair
            continue
        for key, pair in asked.items():
            chosen = [a for a in left if str(a.composition) == key]
            symbols = tuple(a.source.launch.symbol or "" for a in chosen)
            if all(symbols):
                parts.append(replace(pair, symbol=symbols))
            else:
                parts.append(replace(pair, launch=tuple(a.source.number for a in chosen)))
    return [whole[key] for key in sorted(whole)] + parts


def one_pair(adopted: Adopted) -> Pair:
    """The pair that holds the file of one launch to its profile."""
    return _pair(adopted, adopted.source.path)


def _pair(adopted: Adopted, path: str) -> Pair:
    wanted = adopted.composition.wanted
    return Pair(
        adopted.composition.name,
        (literal(path),),
        strategy=wanted.strategy,
        nodes=wanted.nodes,
        role=wanted.role,
    )


def _is_held(adopted: Adopted, path: str, pairs: Sequence[Pair]) -> bool:
    """Whether a pair holds a launch to its profile."""
    source = adopted.source
    return any(
        fits(path, p.files)
        and not fits(path, p.exclude)
        and (not p.launch or source.number in p.launch)
        and (not p.symbol or fits(source.launch.symbol or "", p.symbol))
        for p in pairs
    )


def with_new_layers(adoption: Adoption, folder: Path) -> AbstractContextManager[Path]:
    """A temporary folder with the layers of *folder* as they will be."""
    layers = {f"{name}.toml": data for name, data in adoption.texts().items()}
    return laid_out(folder if folder.is_dir() else None, layers)


def rewrite(
    adoption: Adoption,
    root: Path,
    folder: Path | None,
    texts: Mapping[str, str],
    python: Path | None = None,
) -> Rewritten:
    """The tests put onto their profiles, each proved to launch what it launched before.

    *texts* are those of the files by their paths from *root*, *folder* is where the new layers go.
    *python* runs both versions of each, too. Raises UsageError and ReadError where it can't.
    """
    found = Rewritten()
    files: dict[str, list[Adopted]] = {}
    for adopted in adoption.adopted:
        files.setdefault(adopted.source.path, []).append(adopted)
    with ExitStack() as stack:
        elsewhere: dict[Path, Path] = {}
        if folder is not None:
            made = stack.enter_context(with_new_layers(adoption, folder))
            elsewhere[Path(os.path.realpath(folder))] = made
        known = KnownProfiles(root, folder, adoption.sglang, elsewhere)
        for path, mine in files.items():
            pin = adoption.sglang if adoption.pinned else None
            _one(found, root, path, texts[path], mine, folder, known, pin)
            if python is not None and root / path in found.texts and path.endswith(".py"):
                before, after = found.texts[root / path]
                names = outside_names([a.source.launch for a in mine])
                what = Execution(root / path, before, after, names, elsewhere, [adoption.sglang])
                ran = executed(python, what)
                found.wrong += ran.wrong
                found.asides += ran.asides
    return found


def _one(
    found: Rewritten,
    root: Path,
    path: str,
    text: str,
    mine: Sequence[Adopted],
    folder: Path | None,
    known: KnownProfiles,
    release: str | None,
) -> None:
    """Rewrite one test, or say why that can't be."""
    place = root / path
    shown = mine[0].source.launch.name.partition("::")[0].partition("#")[0]
    readers = {a.source.launch.reader for a in mine}
    if readers == {"bash"}:
        _one_script(found, place, text, shown, mine, folder, known, release)
        return
    if readers != {"python"}:
        why = "only tests in Python and scripts are put onto profiles"
        found.alone.append((Location(shown), why))
        return
    uses = [_use(a, place, folder, release) for a in mine]
    try:
        new = rewritten(text, shown, uses)
    except CannotRewrite as exc:
        where = exc.location or mine[0].source.launch.location or Location(shown)
        found.alone.append((where, exc.reason))
        return
    if new == text:
        return
    proof = proved(text, new, str(place), known)
    if proof.wrong:
        found.alone.append(_otherwise(proof, place, shown))
        return
    found.asides += proof.asides
    found.texts[place] = (text, new)


def _one_script(
    found: Rewritten,
    place: Path,
    text: str,
    shown: str,
    mine: Sequence[Adopted],
    folder: Path | None,
    known: KnownProfiles,
    release: str | None,
) -> None:
    """Put one script onto its profile, or say why that can't be: the first way that is proved."""
    uses = [_script_use(a, folder, release) for a in mine]
    reasons: list[tuple[Location, str]] = []
    own = frozenset(n for u in uses for n in u.profile.config.effective_env)
    budget = Budget()
    before = bash.read_all(text, str(place), root=known.root, known=known, budget=budget)
    tried = Tried(own, _STEPS // (4 * max(budget.spent_steps, 1)), {(): before})
    for new in rewritten_scripts(text, shown, place, uses):
        if isinstance(new, CannotRewrite):
            reasons.append((new.location or Location(shown), new.reason))
            continue
        proof = proved(text, new, str(place), known, bash.read_all, tried)
        if proof.wrong:
            reasons.append(_otherwise(proof, place, shown))
            continue
        if reasons:
            where, why = reasons[0]
            found.asides.append(Aside(f"its arguments stay: {why}", where))
        found.asides += proof.asides
        found.texts[place] = (text, new)
        return
    found.alone += dict.fromkeys(reasons)


def _otherwise(proof: Proof, place: Path, shown: str) -> tuple[Location, str]:
    """The first thing that a rewritten file would launch otherwise, how many more, and a way on."""
    first, more = proof.wrong[0], len(proof.wrong) - 1
    at = Location(shown)
    match = _PLACE.fullmatch(first)
    if match is not None and match["path"] == str(place):
        at, first = Location(shown, int(match["line"]), int(match["column"])), match["said"]
    besides = f" (and {more} more {'differences' if more > 1 else 'difference'})" if more else ""
    return at, f"it would launch otherwise: {first}{besides}; {_WAY_ON}"


def _script_use(adopted: Adopted, folder: Path | None, release: str | None) -> ScriptUse:
    composition = adopted.composition
    own = folder if folder is not None and _is_own(composition.profile.layers) else None
    return ScriptUse(
        adopted.source.launch,
        composition.profile,
        composition.name,
        own.absolute() if own is not None else None,
        _target(adopted, release),
    )


def _target(adopted: Adopted, release: str | None) -> tuple[tuple[str, str | int], ...]:
    """For which target a test or script has to ask."""
    wanted = adopted.composition.wanted
    given = {
        "sglang": release,
        "strategy": wanted.strategy,
        "nodes": wanted.nodes,
        "role": wanted.role,
    }
    return tuple((key, value) for key, value in given.items() if value is not None)


def _use(adopted: Adopted, place: Path, folder: Path | None, release: str | None) -> Use:
    composition = adopted.composition
    own = folder if folder is not None and _is_own(composition.profile.layers) else None
    at = folder_from(place, own.absolute()) if own is not None else None
    return Use(
        adopted.source.launch, composition.profile, composition.name, at, _target(adopted, release)
    )


def _is_own(layers: Sequence[str]) -> bool:
    """Whether a profile has layers that don't ship with the package."""
    return any(not (shipped_dir() / f"{name}.toml").is_file() for name in layers)
