"""Drift: every place a launch is written down, held to the profile that it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.catalogue import named_by
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.effects import REFUSED, in_image, platform_of, with_effects
from dsv4_env.compare.facts import CHOICE
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import LOCAL, as_started, is_ignored, with_model
from dsv4_env.compare.rules import RULES
from dsv4_env.compare.served import as_held, release_of
from dsv4_env.drift.files import (
    absent,
    changed_since as changed_since,
    expand_globs,
    lines_of_change as lines_of_change,
    repository_top as repository_top,
)
from dsv4_env.drift.lines import SourceLines, location_of
from dsv4_env.drift.waivers import WaiverSet, in_comments
from dsv4_env.guard.files import looking, read_bytes, real
from dsv4_env.guard.kept import is_keeping, kept
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import ProfileError, ReadError, SeveralError, UsageError, did_you_mean
from dsv4_env.model.finding import Comparison, Finding, Report, Severity, Waiver
from dsv4_env.model.secrets import known_values
from dsv4_env.plan.models import is_deepseek_v4
from dsv4_env.plan.planning import resolved
from dsv4_env.profile import (
    REFERENCE_RELEASE,
    Profile,
    Wanted,
    layer_places,
    load_all,
    load_wanted,
    with_settings,
)
from dsv4_env.profile.project import TARGET, own_script
from dsv4_env.profile.settings import Pair, Settings
from dsv4_env.readers import HowRead, file_bytes, label, read, titles

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.plan.evaluate import Resolution
    from dsv4_env.plan.platforms import Platform

PAIRS = "[[tool.dsv4_env.pairs]] in pyproject.toml (`dsv4-env discover --write` adds them)"
CatalogueFor = Callable[[str | None, Sequence[str | None]], "Catalogue | None"]
"""The catalogue of a release, or of the newest within ranges; None where spelling counts."""


@dataclass(slots=True, eq=False, repr=False)
class CheckOptions:
    """How a run compares: what the command line says over the settings."""

    ignore: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    sglang: str | None = None
    show_equivalent: bool = False
    today: date = field(default_factory=date.today)
    args: tuple[str, ...] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    root: Path | None = None


@dataclass(slots=True, eq=False, repr=False)
class Held:
    """One launch held to one profile: what was compared, how, and the patterns that chose it."""

    profile: Profile
    config: LaunchConfig
    ignore: tuple[str, ...]
    compare: tuple[str, ...]
    catalogue: Catalogue | None = None
    reading: HowRead = field(default_factory=HowRead)


@dataclass(slots=True, eq=False, repr=False)
class CheckRun:
    """One check: what it is given, and what it has found so far.

    *changed* are the files that count where only changes are checked, *whole* says that every
    pair of the project is looked at. With *strict*, what can't be read is raised. *files* are
    those read (or not to be read), *touched* the pairs that a change may matter to,
    *names* those of all settings met, *held* the two sides of each comparison. *progress* hears
    of files that are done, of all, and of launches held.
    """

    settings: Settings
    profiles: Path | None
    catalogue: CatalogueFor
    options: CheckOptions
    changed: Collection[Path] | None = None
    whole: bool = True
    strict: bool = False
    progress: Callable[[int, int, int], None] = lambda done, files, launches: None
    lines: SourceLines = field(default_factory=SourceLines)
    comparisons: list[Comparison] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    launches: int = 0
    touched: list[Pair] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    waiver_set: WaiverSet = field(init=False)
    known: dict[str, Profile] = field(init=False)
    layers: dict[str, Path] = field(init=False)
    wanted: Wanted = field(default_factory=Wanted)
    targets: dict[tuple[str, Wanted], Profile] = field(default_factory=dict)
    planned: dict[tuple[int, int, str], tuple[Resolution, Profile, Catalogue]] = field(
        default_factory=dict
    )
    layer_waivers: dict[str, list[Waiver]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiver_set = WaiverSet(self.options.today)
        self.known = load_all(self.profiles, self.wanted)
        self.layers = layer_places(self.profiles)

    @property
    def folder(self) -> Path:
        """Where the patterns of files start."""
        return self.settings.folder or Path.cwd()

    def touch(self, pair: Pair) -> None:
        """Note that a change may matter to a pair."""
        if not any(each is pair for each in self.touched):
            self.touched.append(pair)

    def profile(self, pair: Pair) -> Profile:
        """The profile of a pair. Raises ProfileError with the pair's place."""
        asked = [self.options.sglang or pair.sglang, pair.on, pair.strategy, pair.nodes, pair.role]
        usual = replace(with_settings(self.wanted), sglang=None) == Wanted()
        if usual and not any(asked) and pair.profile in self.known:
            return self.known[pair.profile]
        own = {key: value for key, value in zip(TARGET, asked, strict=True) if value is not None}
        wanted = replace(self.wanted, **own)  # type: ignore[arg-type]
        key = pair.profile, wanted
        if key not in self.targets:
            try:
                self.targets[key] = load_wanted(pair.profile, self.profiles, wanted)
            except ProfileError as exc:
                if exc.where is None and pair.location:
                    exc.where = str(pair.location)
                raise
        return self.targets[key]


def usual_script(settings: Settings, start: Path) -> Path | None:
    """What is held to profiles where no pair and no file is named; None where that is nothing.

    It is the script of the settings, or within a checkout of dsv4-env the one that comes with it.
    """
    return settings.against or own_script(start)


def reference_release(settings: Settings, asked: str | None = None) -> str | None:
    """The release of the script that comes with the package, which is as old as that.

    It counts where no other script and no other release is meant; None elsewhere.
    """
    return None if settings.against or settings.sglang or asked else REFERENCE_RELEASE


def check(run: CheckRun, pairs: Sequence[Pair]) -> Report:
    """Hold the files of all pairs to their profiles, one file after the other.

    What is wrong with one file costs one finding and never stops the others. Raises Dsv4Error
    where the settings are wrong.
    """
    for pair in pairs:
        run.profile(pair)
    by_file: dict[Path, list[Pair]] = {}
    for pair in pairs:
        found = expand_globs(run.folder, pair.files, pair.exclude)
        if not found:
            _nothing(run, pair, f"no file is called {' or '.join(pair.files)}")
        else:
            _gone(run, pair)
        for path in found:
            by_file.setdefault(path, []).append(pair)
    for done, path in enumerate(sorted(by_file)):
        run.progress(done, len(by_file), run.launches)
        check_file(run, path, by_file[path])
    if run.changed is not None:
        total = f"{len(pairs)} pair{'s' * (len(pairs) != 1)}"
        touched = len(run.touched)
        run.notes.append(
            f"only what changed was checked: that is {touched} of {total}"
            if touched
            else f"nothing changed that any of {total} depends on"
        )
    return report(run)


def _gone(run: CheckRun, pair: Pair) -> None:
    """Say which files a pair names that aren't there; among what changed where only that counts."""
    for name, path in absent(run.folder, pair.files):
        if run.changed is None or not {path, real(path)}.isdisjoint(run.changed):
            run.touch(pair)
            _nothing(run, pair, f"no file is called {name}")


def report(run: CheckRun, *, waivers: bool = True) -> Report:
    """All that a run has found; *waivers*: with what is to be said of those in settings."""
    if waivers:
        judged = run.whole and run.changed is None
        run.problems += run.waiver_set.problems(run.settings.waivers, judge_use=judged)
        for kept in run.layer_waivers.values():
            run.problems += run.waiver_set.problems(kept, judge_use=judged)
    for problem in run.problems:
        run.lines.keep(problem.location, {})
        run.lines.keep(problem.related, {})
    return Report(
        tuple(_told_once(run.comparisons)),
        tuple(run.problems),
        lines=run.lines.kept,
        hidden=run.lines.hidden,
        notes=(*run.notes, *_idle(run, judged=waivers and run.whole and run.changed is None)),
        files=len(run.files),
        launches=run.launches,
        root=str(Path.cwd()),
        project=str(run.folder),
        repository=repository_top(run.folder),
    )


def check_file(run: CheckRun, path: Path, pairs: Sequence[Pair]) -> None:
    """Hold one file to the profiles of its pairs."""
    if run.changed is not None and not run.changed:
        return
    try:
        data = file_bytes(path)
    except ReadError as exc:
        touched = [_touched(run, path, pair, ()) for pair in pairs]
        if any(touched):
            unreadable(run, path, exc)
        return
    text = data.decode("utf-8", "surrogateescape")
    before = len(run.comparisons)
    counted = False
    launched: set[str] = set()
    for pair in pairs:
        problem = None
        with looking(run.changed is not None) as drawn:
            try:
                launches = read(data, path, how_read(run, pair))
            except ReadError as exc:
                problem = exc
        if not _touched(run, path, pair, drawn):
            continue
        if problem is not None:
            unreadable(run, path, problem)
            continue
        chosen = list(_chosen(launches, pair, str(path)))
        counted = True
        if not chosen:
            _nothing(run, pair, _missing(launches, pair, str(path)), Location(str(path)))
        for title, config in chosen:
            launched.add(title)
            compare(run, pair, config, title)
    run.launches += len(launched)
    if counted:
        run.files.add(path)
        _finish(run, before, pairs, path, text)


def check_launch(
    run: CheckRun, pairs: Sequence[Pair], config: LaunchConfig, path: Path | None, text: str
) -> None:
    """Hold one launch, read already, to profiles; *path* and *text* are of its file, if any."""
    before = len(run.comparisons)
    for pair in pairs:
        compare(run, pair, config, config.name)
    run.files |= {path} if path else set()
    run.launches += 1
    _finish(run, before, pairs, path, text)


def compare(run: CheckRun, pair: Pair, config: LaunchConfig, title: str) -> None:
    """Hold one launch to a pair's profile, for the release of its image where nothing else says."""
    named = _of_image(run, pair, config)
    pair = replace(pair, sglang=named[0]) if named else pair
    profile = run.profile(pair)
    options, settings = run.options, run.settings
    for side in (with_model(profile), config):
        run.names |= {e.name for e in side.env} | {a.flag for a in side.args or () if a.flag}
        run.names |= {f"{f.table}.{f.key}" for f in side.facts}
    ignore = (*options.ignore, *settings.ignore, *pair.ignore)
    put_back = (*options.compare, *settings.compare, *pair.compare)
    release = options.sglang or pair.sglang or release_of(config)
    catalogue = run.catalogue(release, [profile.sglang_range])
    on = platform_of(profile.hardware)
    if config.served is not None:
        config = _as_held(config, profile, catalogue, on)
    held = Held(profile, config, ignore, put_back, catalogue, how_read(run, pair))
    severities = {**settings.severity, **pair.severity}
    given = {**pair.set, **options.inputs}
    # A finding masks the secrets that are known when it's made.
    secrets = tuple(known_values()) if is_keeping() else ()
    equivalent = options.show_equivalent
    sides = (profile, config, catalogue, on)
    comparison = kept(
        ("compare", title, profile.name, pair.location),
        (sides, ignore, put_back, severities, given, equivalent, secrets),
        partial(
            _compared,
            held,
            on,
            severities,
            given,
            partial(_planned, run, profile, catalogue),
            show_equivalent=equivalent,
        ),
    )
    if named and catalogue is not None and named[1] not in run.notes:
        run.notes.append(named[1])
    run.comparisons.append(replace(comparison, right=title))
    run.held.append(held)


def _compared(
    held: Held,
    on: Platform | None,
    severities: Mapping[str, Severity],
    given: Mapping[str, str],
    plans: Callable[[Platform], Resolution],
    *,
    show_equivalent: bool,
) -> Comparison:
    """What is found where a launch is held to a profile; the *given* variables were chosen.

    *plans* gives what SGLang makes of the profile.
    """
    profile, catalogue = held.profile, held.catalogue
    launch = in_image(held.config, profile.config)
    own = as_started(profile.config, given, launch)
    comparison = compare_launches(
        as_started(with_model(profile), given, launch),
        launch,
        ignore=held.ignore,
        compare=held.compare,
        catalogue=catalogue,
        show_equivalent=show_equivalent,
        severities=severities,
    )
    left = [f for f in comparison.findings if f.rule.id != CHOICE or f.subject not in given]
    left = [_as_given(f, profile.config, own) for f in left]
    comparison = replace(comparison, findings=tuple(left))
    model = profile.default_model_path
    told = on is not None or launch.image is not None or is_deepseek_v4(model or "")
    if catalogue is None or not told:
        return comparison
    known = plans if own == profile.config else None
    comparison = with_effects(comparison, own, launch, catalogue, on, model, known)
    left = [f for f in comparison.findings if not is_ignored(f.subject, held.ignore)]
    return replace(comparison, findings=tuple(left))


def _planned(
    run: CheckRun, profile: Profile, catalogue: Catalogue | None, on: Platform
) -> Resolution:
    """What SGLang makes of a profile, worked out once for all that is held to it."""
    assert catalogue is not None  # without one, nothing is planned
    key = id(profile), id(catalogue), on.name
    if key not in run.planned:
        model = profile.default_model_path
        made = resolved(profile.config, catalogue, on, model=model)
        run.planned[key] = made, profile, catalogue  # which are kept, so that ids stay theirs
    return run.planned[key][0]


def _told_once(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with what is refused of a profile told at the first that it holds for."""
    told: set[tuple[str, str, tuple[str, ...]]] = set()
    found: list[Comparison] = []
    for comparison in comparisons:
        fresh: list[Finding] = []
        again: list[Finding] = []
        for f in comparison.findings:
            if f.rule.id != REFUSED or f.related is None or f.waiver is not None:
                fresh.append(f)
                continue
            key = comparison.left, f.message, f.effect
            (again if key in told else fresh).append(f)
            told.add(key)
        repeated = (*comparison.repeated, *again)
        found.append(replace(comparison, findings=tuple(fresh), repeated=repeated))
    return found


def _as_given(finding: Finding, profile: LaunchConfig, started: LaunchConfig) -> Finding:
    """A difference to a value that the profile has from outside, with what would let that count."""
    before, after = (c.effective_env.get(finding.subject) for c in (profile, started))
    if finding.rule.id != "DSV003" or before == after:
        return finding
    finding = replace(finding, action="take it from the environment, too")
    return finding.with_effect("it is given from outside, which has no effect here")


def _of_image(run: CheckRun, pair: Pair, config: LaunchConfig) -> tuple[str, str] | None:
    """The release that a launch's own image names, and what to say of it.

    None where another one is asked for.
    """
    asked = run.options.sglang or pair.sglang or run.settings.sglang or config.served
    return None if asked else named_by(config.image_name)


def _as_held(
    server: LaunchConfig, profile: Profile, catalogue: Catalogue | None, on: Platform | None
) -> LaunchConfig:
    """A running server as it's compared with a profile."""
    if catalogue is None:
        raise UsageError(
            f"{server.name} tells values, not how they are spelled", expected="no --exact"
        )
    planned = None
    if on is not None and steps_of(catalogue) is not None:
        planned = resolved(profile.config, catalogue, on, model=profile.default_model_path)
    return as_held(server, with_model(profile), catalogue, planned)


def how_read(run: CheckRun, pair: Pair) -> HowRead:
    """How the files of a pair are read."""
    options = run.options
    return HowRead(
        pair.reader,
        pair.dialect,
        {**pair.set, **options.inputs},
        options.args,
        pair.closed or options.closed,
        options.root or run.folder,
        profiles=run.profiles,
        sglang=options.sglang or pair.sglang or run.wanted.sglang,
    )


def _chosen(
    launches: list[LaunchConfig], pair: Pair, path: str
) -> Iterator[tuple[str, LaunchConfig]]:
    """The launches that a pair names, with their titles."""
    for number, (title, config) in enumerate(zip(titles(launches, path), launches, strict=True), 1):
        if pair.launch and number not in pair.launch:
            continue
        if pair.symbol and not any(fnmatchcase(label(config, path), s) for s in pair.symbol):
            continue
        yield title, config


def _missing(launches: list[LaunchConfig], pair: Pair, path: str) -> str:
    if not launches:
        return "no launch of SGLang is found here"
    if pair.symbol:
        names = [n for c in launches if (n := label(c, path))]
        hints = [h for s in pair.symbol if (h := did_you_mean(s, names))]
        hint = f" (did you mean {hints[0]}?)" if hints else ""
        there = f"there is {', '.join(names)}" if names else "its launches have no names"
        return f"no launch is called {' or '.join(pair.symbol)}; {there}{hint}"
    numbers = ", ".join(f"#{n}" for n in pair.launch)
    return f"there is no launch {numbers}: the file has {len(launches)}"


def _nothing(run: CheckRun, pair: Pair, why: str, where: Location | None = None) -> None:
    if run.strict:
        raise ReadError(why, where=where or pair.location, expected="a launch of SGLang")
    rule = RULES["DSV011"]
    message = f"{why} (held to {pair.profile})"
    related = pair.location if where else None
    run.problems.append(
        Finding(
            rule,
            rule.severity,
            pair.profile,
            message,
            where or pair.location,
            related,
            action="mend the pair",
        )
    )


def unreadable(run: CheckRun, path: Path, exc: ReadError) -> None:
    """A file that can't be read, as one finding."""
    if run.strict:
        raise exc
    rule = RULES["DSV010"]
    served = str(exc.where).startswith(("http://", "https://"))
    where = Location(str(exc.where)) if served else location_of(exc.where, path)
    if exc.hint:
        action = f"did you mean {exc.hint}?"
    elif isinstance(exc, SeveralError):
        action = "name one of them"
    else:
        action = "mend the file, or leave it out"
    finding = Finding(rule, rule.severity, path.name, exc.problem, where, action=action)
    finding = finding.with_effect(exc.wanted)
    if finding not in run.problems:
        run.problems.append(finding)
        run.files.add(path)


def _touched(run: CheckRun, path: Path, pair: Pair, drawn: Collection[str]) -> bool:
    """Whether a change may matter to a pair: to the file, what it draws on, the profile, the pair.

    *drawn* are the files that its reader looked for: one that is gone now has mattered, too.
    """
    if run.changed is None:
        return True
    layers = (run.layers[name] for name in run.profile(pair).layers)
    own = (path, *layers, *([run.settings.source] if run.settings.source else []))
    places = {str(path), *drawn, *(str(real(p)) for p in own)}
    if places.isdisjoint(map(str, run.changed)):
        return False
    run.touch(pair)
    return True


def _idle(run: CheckRun, *, judged: bool) -> Iterator[str]:
    """What is said of patterns that change nothing; *judged*: also of those in the settings."""
    options, settings = run.options, run.settings
    groups = [("--", "", options.ignore, options.compare)]
    if judged:
        groups.append(("", "", settings.ignore, settings.compare))
        groups += [("", f" (pair of {p.profile})", p.ignore, p.compare) for p in settings.pairs]
    for dashes, where, ignore, compare in groups:
        for pattern in dict.fromkeys(ignore):
            if not any(is_ignored(name, [pattern]) for name in run.names):
                hint = did_you_mean(pattern, run.names)
                yield (
                    f"{dashes}ignore {pattern}{where}: nothing that is compared has this name"
                    + (f" (did you mean {hint}?)" if hint else "")
                )
        for name in dict.fromkeys(compare):
            if name.lstrip("-") not in {n.lstrip("-") for pair in LOCAL.items() for n in pair}:
                yield (
                    f"{dashes}compare {name}{where}: only host, port and model-path are left "
                    "out, and can be put back"
                )


def _finish(
    run: CheckRun, before: int, pairs: Sequence[Pair], path: Path | None, text: str
) -> None:
    """Apply the waivers that hold for a file's comparisons, and keep its lines for excerpts."""
    own, wrong = in_comments(text, str(path))
    run.problems += wrong
    uri = os.path.relpath(path, run.folder).replace(os.sep, "/") if path else ""
    done = [
        run.waiver_set.applied(
            c, [*own, *_of_layers(run, c.left), *run.settings.waivers], c.left, uri
        )
        for c in run.comparisons[before:]
    ]
    run.comparisons[before:] = done
    every = {c.left for c in done} >= {run.profile(p).name for p in pairs}
    run.problems += run.waiver_set.problems(own, judge_use=run.whole and every)
    for finding in (f for c in done for f in c.findings):
        run.lines.keep(finding.location, {str(path): text})
        run.lines.keep(finding.related, {str(path): text})
    run.comparisons[before:] = [
        replace(c, findings=tuple(_as_layer_calls_it(run, f) for f in c.findings)) for c in done
    ]


_FLAG = re.compile(r"--[a-z0-9-]+")


def _as_layer_calls_it(run: CheckRun, finding: Finding) -> Finding:
    """A finding whose line in the layer has another name of the flag, which is told, too."""
    at = finding.related
    if at is None or at.column is None or not finding.subject.startswith("--"):
        return finding
    line = run.lines.kept.get((at.path, at.line or 0), "")
    there = _FLAG.match(line[at.column - 1 :].lstrip("\"'"))
    if there is None or there[0] == finding.subject:
        return finding
    said = f"the layer calls it {there[0]}, of which each release gets its own name"
    return finding.with_effect(said)


def _of_layers(run: CheckRun, name: str) -> list[Waiver]:
    """The waivers in the comments of a profile's layers."""
    found: list[Waiver] = []
    profile = next(h.profile for h in reversed(run.held) if h.profile.name == name)
    for layer in profile.layers:
        if layer not in run.layer_waivers:
            path = run.layers[layer]
            try:
                text = read_bytes(path).decode()
            except (ReadError, ValueError):
                text = ""
            waivers, wrong = in_comments(text, str(path))
            run.layer_waivers[layer] = waivers
            run.problems += wrong
        found += run.layer_waivers[layer]
    return found


def exit_code(found: Report) -> int:
    """2 where a file couldn't be read, 1 where there is drift, else 0."""
    if any(f.rule.id == "DSV010" and f.waiver is None for f in found.problems):
        return 2
    return 1 if found.failed else 0
