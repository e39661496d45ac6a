"""How settings moved over the versions of scripts and tests, and who followed whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from dsv4_env import catalogue as sglang
from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.arguments import same_arg
from dsv4_env.catalogue.history import last_release
from dsv4_env.catalogue.semantics import same_value
from dsv4_env.compare.normalise import is_ignored, is_local
from dsv4_env.history import git
from dsv4_env.history.git import Commit, Version
from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import masked
from dsv4_env.readers import HowRead, detect, label, read

SCRIPT, TEST = "script", "test"


@dataclass(frozen=True, slots=True)
class HistorySide:
    """One side of a history: globs of files, and the branch on which they live."""

    name: str
    paths: tuple[str, ...]
    ref: str = "HEAD"


@dataclass(frozen=True, slots=True)
class Point:
    """A setting from a commit on: its value as spelled, None where it isn't set.

    *gone* says that there is nothing any more that could set it, and why; *back* that it is there
    again as it was before. Neither is a move.
    """

    commit: Commit
    value: str | None
    gone: str = ""
    back: bool = False

    @property
    def moved(self) -> bool:
        """Whether somebody changed the setting here."""
        return not self.gone and not self.back


@dataclass(frozen=True, slots=True)
class Follow:
    """A test that took over a value of a script (or the other way round), or hasn't yet.

    *days* is how long it took, below zero where the test had it first; None where it never did.
    *late* says that the script had moved on by then.
    """

    setting: str
    value: str | None
    script: str
    test: str
    since: Commit
    days: float | None
    until: Commit | None = None
    late: bool = False


@dataclass(slots=True)
class Track:
    """One launch of one file over time, by the last names of both; *ended* where it's gone."""

    side: str
    path: str
    label: str
    versions: list[Commit] = field(default_factory=list)
    settings: dict[str, list[Point]] = field(default_factory=dict)
    ended: Commit | None = None

    @property
    def name(self) -> str:
        """What reports call it: the path, and the launch where the file has several."""
        return f"{self.path}::{self.label}" if self.label else self.path


@dataclass(frozen=True, slots=True)
class SettingMoves:
    """What became of one setting: how often it moved, where it flipped, whether it is dead."""

    name: str
    moves: int
    flips: tuple[str, ...]
    follows: tuple[Follow, ...]
    gone: str | None


@dataclass(frozen=True, slots=True)
class History:
    """All that a repository tells: tracks, settings that moved, what couldn't be read."""

    tracks: tuple[Track, ...]
    settings: tuple[SettingMoves, ...]
    problems: tuple[str, ...]
    commits: int
    versions: int
    since: datetime | None = None


def history(
    repository: Path,
    sides: Sequence[HistorySide],
    catalogue: Catalogue,
    *,
    since: datetime | None = None,
    ignore: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> History:
    """The history of a repository's scripts and tests.

    Values that SGLang reads the same count as the same. With *since*, only moves from then on are
    told. Raises ReadError where *repository* is none, UsageError for an unknown branch.
    """
    found: list[tuple[HistorySide, list[Version]]] = []
    counts: dict[str, int] = {}
    for side in sides:
        listed, counts[side.ref] = git.versions(repository, side.ref, side.paths)
        found.append((side, _recent(listed, since)))
    blobs = list(dict.fromkeys(v.blob for _, vs in found for v in vs if v.blob))
    paths = {v.blob: v.path for _, vs in found for v in vs if v.blob}
    launches: dict[str, list[LaunchConfig]] = {}
    problems: list[str] = []
    for blob, data in git.contents(repository, blobs, lambda n: progress(n, len(blobs))):
        try:
            launches[blob] = _launches(paths[blob], data)
        except ReadError as exc:
            problems.append(f"{exc} (blob {blob[:12]})")
    tracks: list[Track] = []
    for side, listed in found:
        tracks += _tracks(side, listed, launches, catalogue, ignore)
    total = sum(len(vs) for _, vs in found)
    settings = tuple(map(_hidden, _settings(tracks, catalogue, since)))
    for track in tracks:  # only now: a secret that became another has moved
        for name, points in track.settings.items():
            points[:] = [replace(p, value=p.value and masked(name, p.value)) for p in points]
    return History(tuple(tracks), settings, tuple(problems), sum(counts.values()), total, since)


def _hidden(setting: SettingMoves) -> SettingMoves:
    """The setting without the secrets that tests took over."""
    name = setting.name
    follows = (replace(f, value=f.value and masked(name, f.value)) for f in setting.follows)
    return replace(setting, follows=tuple(follows))


def _recent(listed: list[Version], since: datetime | None) -> list[Version]:
    """The versions from *since* on, and the one before that each path had then."""
    if since is None:
        return listed
    before: dict[str, Version] = {}
    for version in (v for v in listed if v.commit.time < since):
        before[version.path] = version
        if version.before is not None:
            before.pop(version.before, None)
    return [v for v in listed if v.commit.time >= since or v is before.get(v.path)]


def _launches(path: str, data: bytes | None) -> list[LaunchConfig]:
    if data is None:
        raise ReadError(f"more than {git.MAX_BYTES:,} bytes", where=path)
    # Nothing beside the file is known of a version: what it sources or imports isn't followed.
    return read(data, path, HowRead(detect(path, data)))


def _tracks(
    side: HistorySide,
    listed: list[Version],
    launches: dict[str, list[LaunchConfig]],
    catalogue: Catalogue,
    ignore: Sequence[str],
) -> list[Track]:
    tracks: dict[tuple[str, str], Track] = {}
    for version in listed:
        if version.before is not None:
            tracks = _moved(tracks, version, catalogue)
        if version.blob is not None and version.blob not in launches:
            continue  # it couldn't be read: a problem of its own
        configs = launches[version.blob] if version.blob else []
        named = {_label(c, configs, version.path): c for c in configs}
        tracks = _renamed(tracks, version.path, named)
        for name in named:
            key = (version.path, name)
            tracks.setdefault(key, Track(side.name, version.path, name))
        for (path, name), track in tracks.items():
            if path != version.path:
                continue
            why = "" if name in named else _LAUNCH_GONE if version.blob else _FILE_GONE
            _add(track, version.commit, _values(named.get(name), ignore), catalogue, why)
    several = [t.path for t in tracks.values()]
    for track in tracks.values():
        if several.count(track.path) == 1:
            track.label = ""
    return list(tracks.values())


_FILE_GONE, _LAUNCH_GONE = "the file was deleted", "the launch was taken out"
_Tracks: TypeAlias = dict[tuple[str, str], Track]


def _moved(tracks: _Tracks, version: Version, catalogue: Catalogue) -> _Tracks:
    """The tracks where a file was moved; where another one was there before, that goes on."""
    if any(path == version.path for path, _ in tracks):
        for (path, _), track in tracks.items():
            if path == version.before:
                _add(track, version.commit, {}, catalogue, _FILE_GONE)
        return tracks
    found: _Tracks = {}
    for (path, name), track in tracks.items():
        if path == version.before:
            track.path = path = version.path
        found[path, name] = track
    return found


def _renamed(tracks: _Tracks, path: str, named: Collection[str]) -> _Tracks:
    """The tracks where the one launch that is gone from a file is the one that is new in it."""
    left = [n for (p, n), t in tracks.items() if p == path and not t.ended and n not in named]
    new = [n for n in named if (path, n) not in tracks]
    if len(left) != 1 or len(new) != 1:
        return tracks
    track = tracks[path, left[0]]
    track.label = new[0]
    return {(path, new[0]) if t is track else key: t for key, t in tracks.items()}


def _label(config: LaunchConfig, configs: list[LaunchConfig], path: str) -> str:
    name = label(config, path)
    same = [c for c in configs if label(c, path) == name]
    return name if len(same) == 1 else f"{name}#{same.index(config) + 1}"


def _values(config: LaunchConfig | None, ignore: Sequence[str]) -> dict[str, str]:
    """Name to value as text: what is set, an unknown one as its source text."""
    found: dict[str, str] = {}
    if config is None:
        return found
    for e in config.env:
        text = _text(e.value)
        found[e.name] = f"{text} when {e.condition}" if e.condition else text
    for a in config.args or ():
        if a.flag is None:
            continue
        text = " ".join(map(_text, a.values)) + (f" when {a.condition}" if a.condition else "")
        found[a.flag] = f"{found[a.flag]}, {text}" if a.flag in found and text else text
    return {n: v for n, v in found.items() if not is_local(n, ()) and not is_ignored(n, ignore)}


def _text(value: object) -> str:
    if isinstance(value, Unknown):
        return value.default if value.default is not None else f"<{value.text}>"
    return str(value)


def _add(
    track: Track, commit: Commit, values: dict[str, str], catalogue: Catalogue, gone: str
) -> None:
    """Add a version of a launch; *gone* says why there is none any more."""
    if gone:
        if not track.ended:
            track.versions.append(commit)
            track.ended = commit
            for points in track.settings.values():
                if points[-1].value is not None:
                    points.append(Point(commit, None, gone))
        return
    track.versions.append(commit)
    track.ended = None
    first = len(track.versions) == 1
    for name in {**track.settings, **values}:
        points = track.settings.setdefault(name, [])
        now = values.get(name)
        if not points:
            if not first:
                points.append(Point(track.versions[0], None))
            points.append(Point(commit, now))
            continue
        last = next(p for p in reversed(points) if not p.gone)
        if not reads_same(catalogue, name, last.value, now):
            points.append(Point(commit, now))
        elif points[-1].gone:
            points.append(Point(commit, now, back=True))


def reads_same(catalogue: Catalogue, name: str, a: str | None, b: str | None) -> bool:
    """Whether SGLang reads two values of a setting the same."""
    if a == b:
        return True
    if a is None or b is None:
        return False
    if name.startswith("-"):
        return bool(same_arg(catalogue, [name, *a.split()], [name, *b.split()]))
    return bool(same_value(catalogue, name, a, b))


def _settings(
    tracks: list[Track], catalogue: Catalogue, since: datetime | None
) -> Iterable[SettingMoves]:
    names = sorted({n for t in tracks for n, points in t.settings.items() if len(points) > 1})
    for name in names:
        moves = sum(len(_moves(t.settings.get(name, []), since)) for t in tracks)
        if not moves:
            continue
        flips = tuple(t.name for t in tracks if _flips(t.settings.get(name, []), catalogue, name))
        yield SettingMoves(
            name, moves, flips, tuple(_follows(tracks, name, catalogue, since)), gone(name)
        )


def _moves(points: list[Point], since: datetime | None) -> list[Point]:
    return [p for p in points[1:] if p.moved and (since is None or p.commit.time >= since)]


def _flips(points: list[Point], catalogue: Catalogue, name: str) -> bool:
    """Whether a setting came back to a value that it had left before."""
    values = [p.value for p in points if p.value is not None and p.moved]
    return any(
        reads_same(catalogue, name, values[i], values[j])
        for i in range(len(values))
        for j in range(i + 2, len(values))
    )


def gone(name: str) -> str | None:
    """The first known release that no longer knows a setting, None for one that is alive."""
    known = sglang.releases()
    last = last_release(name)
    return None if last in (None, known[-1]) else known[known.index(last) + 1]


def _spans(track: Track, name: str) -> list[tuple[datetime, datetime | None, Point]]:
    """(from, until, value) of a setting; of one that was never set, one span without a value."""
    points = track.settings.get(name) or [Point(track.versions[0], None)]
    ends: list[datetime | None] = [p.commit.time for p in points[1:]]
    return [(p.commit.time, e, p) for p, e in zip(points, [*ends, None], strict=True)]


def _follows(
    tracks: list[Track], name: str, catalogue: Catalogue, since: datetime | None
) -> Iterable[Follow]:
    """For each move of a script, when each test took it over."""
    for script in (t for t in tracks if t.side == SCRIPT):
        moves = [span for span in _spans(script, name)[1:] if span[2].moved]
        for test in (t for t in tracks if t.side == TEST):
            spans = _spans(test, name)
            for start, end, point in moves:
                if since is not None and start < since:
                    continue
                if test.ended is not None and test.ended.time <= start:
                    continue  # there is no such test any more
                match = next(
                    (
                        (begin, p, number)
                        for number, (begin, close, p) in enumerate(spans)
                        if (close is None or close > start)
                        and not p.gone
                        and reads_same(catalogue, name, p.value, point.value)
                    ),
                    None,
                )
                if match is None:
                    if test.versions and test.versions[0].time > start and end is not None:
                        continue  # the script's value was gone before there was a test
                    yield Follow(name, point.value, script.name, test.name, point.commit, None)
                    continue
                begin, p, number = match
                if number == 0 and begin <= start:
                    continue  # the test had it from the start: nobody followed
                if number == 0 and test.versions and p.commit == test.versions[0]:
                    continue  # the test began with it
                days = (begin - start).total_seconds() / 86400
                late = end is not None and begin >= end
                if late and any(
                    start < later <= begin and reads_same(catalogue, name, p.value, q.value)
                    for later, _, q in moves
                ):
                    continue  # it followed when the script came back to this value
                yield Follow(
                    name, point.value, script.name, test.name, point.commit, days, p.commit, late
                )
